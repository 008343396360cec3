"""Load on one address: so many connections, each asking again as soon as it is answered.

`python -m tests.bench.http_load GIVEN` (JSON) runs it in a process of its own and prints what it
found as JSON. The client is plain sockets, because it shares the cores with what it measures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Load:
    """What a run of load found: milliseconds at two percentiles, answers a second, and how many
    answers were none of 200."""

    p50: float
    p99: float
    a_second: float
    answered: int
    failed: int


def load(
    port: int, path: str, bodies: Path, connections: int, seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Load:  # fmt: skip
    """Asks 127.0.0.1 with the bodies of a file (a JSON list of texts), each connection with the
    next one in turn, for some seconds."""
    given = {
        "port": port, "path": path, "bodies": str(bodies), "connections": connections,
        "seconds": seconds, "headers": dict(headers or {}),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.bench.http_load", json.dumps(given)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Load(**json.loads(done.stdout))


def _requests(given: Mapping[str, Any]) -> list[bytes]:
    told = "".join(f"{name}: {value}\r\n" for name, value in given["headers"].items())
    made = []
    for body in json.loads(Path(given["bodies"]).read_text(encoding="utf-8")):
        sent = body.encode()
        head = (
            f"POST {given['path']} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json"
            f"\r\ncontent-length: {len(sent)}\r\n{told}\r\n"
        )
        made.append(head.encode() + sent)
    return made


async def _connection(
    given: Mapping[str, Any], requests: Sequence[bytes], first: int, until: float
) -> list[tuple[float, int]]:
    reader, writer = await _connected(given)
    taken: list[tuple[float, int]] = []
    number = first
    while (began := time.perf_counter()) < until:
        writer.write(requests[number % len(requests)])
        number += given["connections"]
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = _length(head)
        await (reader.readexactly(length) if length is not None else _chunks(reader))
        if b"\r\nconnection: close\r\n" in head:
            writer.close()
            reader, writer = await _connected(given)
        taken.append((time.perf_counter() - began, status))
    writer.close()
    return taken


async def _connected(
    given: Mapping[str, Any],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", given["port"], limit=2**24)


def _length(head: bytes) -> int | None:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return None


async def _chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
    await reader.readline()


async def _run(given: Mapping[str, Any]) -> Load:
    requests = _requests(given)
    began = time.perf_counter()
    until = began + given["seconds"]
    each = await asyncio.gather(
        *(_connection(given, requests, n, until) for n in range(given["connections"]))
    )
    took = time.perf_counter() - began
    every = [one for taken in each for one in taken]
    times = 1000 * np.array([seconds for seconds, _ in every])
    failed = sum(status != 200 for _, status in every)
    p50, p99 = (float(np.percentile(times, q)) for q in (50, 99))
    return Load(p50, p99, len(every) / took, len(every), failed)


if __name__ == "__main__":
    json.dump(vars(asyncio.run(_run(json.loads(sys.argv[1])))), sys.stdout)
