"""The walk of the README through the real command line: twice, in two folders, with equal bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from data.home import Home
from features.as_of import features_as_of
from features.history import Histories
from serving.store import Store, lists
from serving.store.actions import of_patients
from serving.store.audit import Audit, AuditKey
from serving.store.record_tables import action
from serving.store.standings import standings
from tests.serving.list_bytes import list_bytes

FIRSTCALL = (Path(sys.executable).with_name("firstcall"),)
UNRENDERED = (
    sys.executable, "-c",
    "from tests.training.unrendered import unrendered\n"
    "import firstcall\n"
    "with unrendered(): firstcall.main()",
)  # fmt: skip
"""The same command; its pictures, which are not compared, are composed and not rendered."""


def firstcall(
    home: Path, *arguments: str, expect: int = 0, command: tuple[str | Path, ...] = FIRSTCALL
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*command, "--home", str(home), *arguments], cwd=Path(__file__).parents[1],
        env={**os.environ, "COLUMNS": "120"}, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr[-3000:]
    return done


@pytest.fixture(scope="session")
def walks(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Home, str]]:
    """Two homes in which the demo ran with the same seed, and what it printed."""
    made = []
    for name, command in (("first", FIRSTCALL), ("second", UNRENDERED)):
        root = tmp_path_factory.mktemp(name) / "demo"
        done = firstcall(root, "demo", "--members", "2500", command=command)
        made.append((Home(root), done.stdout))
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


@pytest.mark.parametrize("part", ["invented", "tables", "histories", "models"])
def test_the_same_seed_gives_the_same_bytes(walks: list[tuple[Home, str]], part: str) -> None:
    one, two = (files(getattr(home, part)) for home, _ in walks)
    assert one
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_the_same_seed_gives_the_same_features(walks: list[tuple[Home, str]]) -> None:
    made = []
    for home, _ in walks:
        histories = Histories.open(home.histories)
        index = pd.DataFrame(
            {"patient_id": histories.patients(), "as_of": pd.Timestamp("2024-06-30")}
        )
        made.append(features_as_of(histories, index).to_numpy().tobytes())
    assert made[0] == made[1]


def test_the_same_seed_gives_the_same_list(walks: list[tuple[Home, str]]) -> None:
    lists = []
    for home, _ in walks:
        store = Store.of_home(home)
        run = store.published()
        assert run is not None
        lists.append(list_bytes(store, run.run_id))
        store.close()
    assert lists[0].count(b"\n") == 100
    assert lists[0] == lists[1]


def test_the_demo_shows_a_team_at_work(walks: list[tuple[Home, str]]) -> None:
    told = []
    for home, _ in walks:
        store = Store.of_home(home)
        run = store.published()
        assert run is not None
        runs = [one for one in store.runs() if one.status == "published"]
        listed = store.worklist(run.run_id)
        with store.database.reading() as connection:
            everybody = connection.scalars(sa.select(action.c.patient_id).distinct())
            taken = of_patients(connection, [*everybody])
            gone = lists.gone(connection, run.run_id)
            now = standings(connection, [*taken], date(2025, 1, 1))
        assert Audit(store.database, AuditKey.of_home(home)).verify().wrong is None
        over_time = store.patient_over_time(listed[0]["patient_id"])
        store.close()
        told.append(sorted((p, a.kind, a.at, a.who) for p, some in taken.items() for a in some))
    every = [one for some in taken.values() for one in some]
    assert {"contacted", "no_answer", "enrolled", "declined", "deferred", "override"} <= {
        one.kind for one in every
    }
    assert {one.who for one in every} == {"nurse", "nurse-2", "nurse-3", "nurse-4"}
    assert any(one.note for one in every)
    assert all(one.reason for one in every if one.kind == "override")
    assert {one.name for one in now.values()} >= {"open", "contacted", "no answer", "enrolled"}
    assert [(run.as_of - one.as_of).days for one in runs] == [63, 35, 4, 3, 2, 1, 0]
    assert [one["as_of"] for one in over_time] == [one.as_of for one in runs]
    assert {one["change"] for one in listed} >= {"new", None}
    assert gone
    assert told[0] == told[1], "the same seed, the same calls"


def test_the_demo_prints_what_a_reader_needs(walks: list[tuple[Home, str]]) -> None:
    printed = walks[0][1]
    for said in ("taken in", "rejected", "Who counts for readmission", "Who counts for high-cost",
                 "LACE", "prior-year cost", "Invented case managers called", "Whom to call first",
                 "make serve", "make mlflow"):  # fmt: skip
        assert said in printed


def test_what_was_published_is_for_its_owner_alone(walks: list[tuple[Home, str]]) -> None:
    home = walks[0][0]
    open_to_others = [p for p in home.root.rglob("*") if p.stat().st_mode & 0o077]
    assert open_to_others == []


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    thesis = tmp_path / "tables" / "thesis.txt"
    thesis.write_text("years of work")
    done = firstcall(tmp_path, "demo", "--members", "2500", expect=2)
    assert thesis.read_text() == "years of work"
    assert done.stderr.count("\n") == 1
    assert "no demo made" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["intake", "--source", "synpuf", "--from", "nowhere"], "nowhere"),
        (["intake", "--source", "paper", "--from", "."], "paper"),
        (["train", "--task", "mortality"], "There is no task 'mortality'"),
        (["train", "--task", "readmission"], "intake"),
        (["nightly", "--as-of", "31.3.2010"], "is not a day"),
        (["nightly", "--as-of", "2010-03-31"], "intake"),
        (["worklist"], "no list yet"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = firstcall(tmp_path / "home", *arguments, expect=2)
    assert done.stderr.startswith("firstcall: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
