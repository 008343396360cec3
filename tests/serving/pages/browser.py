"""A real Chromium, and a service that it opens."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from serving.access.session_cookie import NAME
from tests.serving.served import free_port

expect.set_options(timeout=30_000)  # a test is about what is shown, not how soon
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@cache
def chromium() -> str:
    """Where the browser lies: FIRSTCALL_CHROMIUM, else one on the path; as root on Debian it is
    installed once."""
    if named := os.environ.get("FIRSTCALL_CHROMIUM"):
        return named
    # one of pytest's processes installs it, the others wait: half installed it is on the path too
    with (Path(gettempdir()) / "firstcall-chromium.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if found := _on_path():
            return found
        if shutil.which("apt-get") and os.geteuid() == 0:
            _install()
            if found := _on_path():
                return found
    pytest.fail(
        "The tests of the pages need a Chromium: install one (Debian: apt-get install chromium), "
        "or name it with FIRSTCALL_CHROMIUM=/path/to/chromium."
    )


def _install() -> None:
    around = {"DEBIAN_FRONTEND": "noninteractive", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    for asked in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            ["apt-get", *asked], env={**os.environ, **around}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            sys.stderr.write(
                f"apt-get {asked[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
            )


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*_FLAGS]
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield browser
        browser.close()


@contextmanager
def listening(app: FastAPI, port: int | None = None) -> Iterator[str]:
    """The address of an app that answers from a thread of this process."""
    port = port or free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        for _ in range(600):
            if server.started or not thread.is_alive():
                break
            time.sleep(0.05)
        assert server.started
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass
class Desk:
    """Somebody's browser at a service. `heard` holds what its console said (violations of the
    content security policy among it), `asked` every address that it asked for."""

    address: str
    context: BrowserContext
    page: Page
    heard: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, name: str, password: str, path: str = "/sign-in") -> Page:
        self.open(path)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def keep(self, token: str) -> None:
        """Puts a session into the browser, as the sign-in does. (A cookie of this name is put
        there for an https address alone; what it is kept for does not turn on the scheme.)"""
        url = self.address.replace("http:", "https:")
        self.context.add_cookies(
            [{"name": NAME, "value": token, "url": url, "secure": True, "httpOnly": True,
              "sameSite": "Lax"}]
        )  # fmt: skip

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.address)

    def violations(self) -> list[str]:
        """What the console said, without that a page was refused, which tests do on purpose."""
        return [one for one in self.heard if "the server responded with a status of" not in one]


@contextmanager
def desk(browser: Browser, address: str, **given: Any) -> Iterator[Desk]:
    """A new browser with nothing in it; it may have nothing on its console at the end, and may have
    asked no other host."""
    context = browser.new_context(**given)
    context.set_default_timeout(20_000)
    page = context.new_page()
    made = Desk(address, context, page)
    page.on("console", lambda told: made.heard.append(told.text))
    page.on("pageerror", lambda told: made.heard.append(str(told)))
    context.on("request", lambda asked: made.asked.append(asked.url))
    yield made
    context.close()
    assert made.violations() == []
    assert [one for one in made.asked if not one.startswith(f"{address}/")] == []
