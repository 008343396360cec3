"""Whoever is looked for by his whole id on My list, and is not among the rows that are shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from serving.access.roles import Principal
from serving.api.patients import in_panel
from serving.api.problems import Refused
from serving.api.state import Service
from serving.store.nights import Run


@dataclass(frozen=True)
class Named:
    """Somebody who has a page; `is_listed`: he stands on the list, if not among the choices."""

    patient_id: str
    is_listed: bool


def named_elsewhere(
    service: Service, principal: Principal, run: Run, find: str, shown: Collection[str]
) -> Named | None:
    """Whom a search names by his whole id, where he is not `shown` and the principal may look at
    him; the look is recorded. Whoever is not his to see is answered like whoever is not there."""
    for name in dict.fromkeys((find, find.upper())):
        if not name or name in shown:
            continue
        try:
            in_panel(service, principal, name)
        except Refused as refused:
            if refused.kind != "not-in-panel":
                raise
            continue
        for row in service.store.search(run.run_id, patients=[name], limit=1):
            service.looked(principal, "search", [name], run, find=find)
            return Named(name, row["place"] is not None)
    return None
