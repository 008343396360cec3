"""The BentoML service: `serving.api` mounted, everything else of the framework closed or quiet.

Three kinds of process import this: `bentoml serve`, which only starts workers; the workers; and
`bentoml build`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
import click

from data.errors import FirstcallError, InputError, where
from data.home import Home
from serving.models.bento_store import (
    bento_folder,
    is_in_bento,
    placed_of,
    tags_inside,
    tags_to_build,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Class = TypeVar("Class", bound=type)


def _end(error: FirstcallError) -> NoReturn:
    sys.stderr.write(f"firstcall: {error}\n")
    raise SystemExit(error.exit_code)


def _served_home() -> Home:
    """The home that FIRSTCALL_HOME names. Raises InputError where it names none, or one within a
    Bento: the patient database would be written there, and sent along with it."""
    home = Home.from_environment()
    if not os.environ.get("FIRSTCALL_HOME"):
        raise InputError(
            "FIRSTCALL_HOME is not set: name the folder that holds the models and the list."
        )
    if is_in_bento():
        if home.root.is_relative_to(bento_folder()):
            raise InputError("FIRSTCALL_HOME lies within the Bento: name a folder outside it.")
        # compiled loops would be kept beside the code
        os.environ.setdefault("NUMBA_CACHE_DIR", str(home.root / "compiled"))
    return home


def _workers() -> int:
    """How many processes answer: FIRSTCALL_WORKERS, else one. They share the cores."""
    named = os.environ.get("FIRSTCALL_WORKERS") or "1"
    if not named.isdigit() or not 1 <= int(named) <= 64:
        raise InputError("FIRSTCALL_WORKERS must be a whole number from 1 to 64.")
    threads = max(1, len(os.sched_getaffinity(0)) // int(named))
    os.environ.setdefault("FIRSTCALL_THREADS", str(threads))
    return int(named)


def _app() -> tuple[ASGIApp, Mapping[str, str]]:
    """What answers in this process, and the models of the Bento, by task and tag."""
    if bentoml.server_context.worker_index is not None:
        from serving.app import create_app

        return create_app(_served_home()), tags_inside()
    context = click.get_current_context(silent=True)
    command = context.info_name if context else None
    if command == "build":
        return _app_to_build()
    if command in ("serve", "serve-http"):
        try:
            _ready_to_serve()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise InputError(f"FIRSTCALL_HOME cannot be read or written: {why}.") from None
        return _nothing, tags_inside()
    from serving.app import create_app

    return create_app(_served_home()), tags_inside()


def _ready_to_serve() -> None:
    """Before any worker is started: raises what is wrong with settings, models, the record's key
    and the database, which each worker would end with, be started again and end with. Brings the
    database up to date, and begins to compile meanwhile."""
    from serving.models.compiled import begin_compiling, end_compiling
    from serving.models.sources import at_hand, refuse_misfits
    from serving.next_steps import NextSteps
    from serving.settings import read_settings
    from serving.store.audit import Audit, AuditKey
    from serving.store.database import Database, database_url

    home = _served_home()
    settings = read_settings(home)
    NextSteps.of(home)
    placed = at_hand(home, settings)
    compiling = begin_compiling(home, placed) if placed else []
    try:
        refuse_misfits(home, settings)
        key = AuditKey.of_home(home)
        database = Database.open(database_url(home))
        try:
            Audit(database, key).begin()
        finally:
            database.close()
    except BaseException:
        end_compiling(compiling)
        raise


def _app_to_build() -> tuple[ASGIApp, Mapping[str, str]]:
    """For the description of the routes: nothing is read from a home. The models are looked at, so
    that no Bento is built that cannot start."""
    from serving.app import create_app
    from serving.settings import ServiceSettings

    tags = tags_to_build()
    if placed := placed_of(tags):
        placed.refuse_misfits()
    inside = ", ".join(tags.values()) or "none, it will read those of FIRSTCALL_HOME"
    sys.stderr.write(f"firstcall: models in this Bento: {inside}\n")
    return create_app(Home(Path("nowhere")), ServiceSettings()), tags


async def _nothing(*_: object) -> None:
    """Stands where the routes are in a worker: whoever starts the workers answers nobody."""


class _OursAlone:
    """Leads every request to our routes. The framework's own, open to everybody (/livez, /readyz,
    /schema.json, ...), would otherwise come before them. What ends a worker as it starts or stops
    is told in one sentence: the framework would write the whole traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._framework = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await _ANSWERS(scope, receive, send)
            return
        failed: Message | None = None

        async def keep_failure(message: Message) -> None:
            nonlocal failed
            if message["type"].endswith(".failed"):
                failed = message
            else:
                await send(message)

        try:
            await self._framework(scope, receive, keep_failure)
        except Exception as error:
            if failed is None:
                raise
            said = str(error) if isinstance(error, FirstcallError) else where(error)
            await send(failed | {"message": f"firstcall: {said}"})


def _with_models(tags: Mapping[str, str]) -> Callable[[Class], Class]:
    """Names the models on the service, so that BentoML exports them with the Bento."""

    def named(service: Class) -> Class:
        for task, tag in tags.items():
            setattr(service, task.replace("-", "_"), bentoml.models.BentoModel(tag))
        return service

    return named


os.umask(0o077)  # what is written names patients: it is for this account only
try:
    _WORKERS = _workers()
    _ANSWERS, _MODELS = _app()
except FirstcallError as error:
    _end(error)


@bentoml.service(
    name="firstcall",
    workers=_WORKERS,
    traffic={"timeout": 120},
    http={"host": "127.0.0.1"},  # pyright: ignore[reportArgumentType]
    # The framework's access log and metric labels hold the path, and a path holds a patient's id.
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
    envs=[{"name": "BENTOML_DO_NOT_TRACK", "value": "True"}],
)
@bentoml.asgi_app(_ANSWERS, path="/")
@_with_models(_MODELS)
class Firstcall:
    """Tells a case manager whom to call first, and why."""


Firstcall.add_asgi_middleware(_OursAlone)  # pyright: ignore[reportArgumentType]
