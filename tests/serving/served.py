"""A real `bentoml serve`, in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from data.home import Home
from serving.store.database import Database, database_url
from tests.serving.client import a_token

ROOT = Path(__file__).resolve().parents[2]
OURS = "serving.service:Firstcall"
"""What is served: the checkout's own code; else the path or tag of a Bento."""


@dataclass
class Served:
    """A service that runs: its address, its first process, and what it wrote on its terminal."""

    address: str
    process: subprocess.Popen[bytes]
    written: Path

    def workers(self) -> list[psutil.Process]:
        """The processes that answer. What ends while it is asked for (the compilers of a start do)
        is none of them."""
        found: list[psutil.Process] = []
        for one in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "_bentoml_impl.worker.service" in one.cmdline():
                    found.append(one)
        return found

    def said(self) -> str:
        return self.written.read_text()

    def health(self) -> dict[str, object] | None:
        """None while nobody answers."""
        try:
            return httpx.get(f"{self.address}/health", timeout=90).json()
        except httpx.TransportError:
            return None


def environment(home: Path, base: Path, **more: str) -> dict[str, str]:
    """Everything that a service writes lies in `home` and `base`."""
    (base / "tmp").mkdir(parents=True, exist_ok=True)
    return os.environ | {
        "FIRSTCALL_HOME": str(home),
        "BENTOML_HOME": str(base / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(base / "tmp"),
    } | more  # fmt: skip


def bentoml(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "bentoml", *map(str, arguments)]


def free_port() -> int:
    """A port on which nothing listens at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(
    service: object, home: Path, base: Path, cwd: Path = ROOT, ready: bool = True, **more: str
) -> Iterator[Served]:
    """A service over `home` that answers; what is its own it keeps in `base`. `more` goes into its
    environment. Until it is `ready` to score, unless told otherwise."""
    port = free_port()
    around = environment(home, base, **more)
    written = base / "output.log"
    with written.open("ab") as output:
        process = subprocess.Popen(
            bentoml("serve", service, "--port", port),
            cwd=cwd, env=around, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    served = Served(f"http://127.0.0.1:{port}", process, written)
    try:
        for _ in range(900):
            assert process.poll() is None, served.said()
            health = served.health()
            if health is not None and (not ready or health["status"] == "ok"):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"not ready: {served.said()}")
        yield served
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def refused(
    service: object, home: Path, base: Path, cwd: Path = ROOT, **more: str
) -> tuple[int, list[str]]:
    """The exit code of a service that does not start, and the lines that it said."""
    done = subprocess.run(
        bentoml("serve", service, "--port", "0"),
        cwd=cwd, env=environment(home, base, **more), capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).splitlines()


def token_of(home: Home, *scopes: str) -> dict[str, str]:
    """The header of a program that may do everything, or what the scopes allow."""
    home.make()
    database = Database.open(database_url(home))
    try:
        return {"authorization": f"Bearer {a_token(database, *scopes)}"}
    finally:
        database.close()
