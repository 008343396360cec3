"""A published list as bytes: the same night has the same ones."""

import json

from serving.store import Store


def list_bytes(store: Store, run_id: str) -> bytes:
    """One line a place on the list, without run id and clock; numbers to the last bit."""
    lines = [json.dumps(row, sort_keys=True, default=str) for row in store.worklist(run_id)]
    return "".join(f"{line}\n" for line in lines).encode()
