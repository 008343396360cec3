"""MEDS datasets that lie, are damaged or belong to somebody else, and commands that are killed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from features.explain import explain
from features.history import Histories
from features.meds import ImportReport, export_meds, import_meds
from features.meds.workplace import workplace
from features.writing import current_histories
from tests.features.meds_sets import foreign
from tests.features.rows import histories, rows
from tests.features.taken_in import WORLD, take_in

BORN = (7, "1950-06-01", "MEDS_BIRTH", None)
ILL = (7, "2020-10-01", "ICD10CM//I50.9", None)
NOTE = Path("metadata") / "histories.json"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "meds"
    day = date(2020, 11, 1)
    export_meds(
        histories(
            {
                **rows("member", {"birth_on": date(1950, 6, 1)}),
                **rows("diagnosis", {"happened_on": day, "code": "I509"}),
                **rows("drug_fill", {"happened_on": day, "code": "A10AB01", "days_supply": 30}),
                **rows("coverage", {"started_on": date(2020, 1, 1), "ended_on": day}),
            }
        ),
        folder,
    )
    return folder


def _copy(exported: Path, to: Path) -> Path:
    shutil.copytree(exported, to)
    return to


def _changed(folder: Path, column: str, values: Callable[[pa.Table], pa.Array]) -> Path:
    for path in (folder / "data").glob("*.parquet"):
        held = pq.read_table(path)
        place = held.schema.get_field_index(column)
        pq.write_table(held.set_column(place, column, values(held)), path)
    return folder


def _noted(folder: Path, **told: Any) -> Path:
    note = json.loads((folder / NOTE).read_text())
    (folder / NOTE).write_text(json.dumps({**note, **told}))
    return folder


def _rules(taken: Histories) -> list[tuple[str, str, int]]:
    report = ImportReport.of(taken.manifest)
    return [(r.column, r.rule, r.rows) for r in report.rejections]


# --- what a dataset says of itself


@pytest.mark.parametrize(
    "told",
    [
        {"shards": 100_000}, {"shards": -1}, {"shards": 0}, {"shards": "x"}, {"shards": True},
        {"shards": 2.0}, {"carries": "member"}, {"carries": ["member", "gossip"]},
        {"carries": [["member"]]}, {"data_through": "soon"}, {"data_through": 20200101},
        {"origin": "theirs"}, {"cost_covers": ["claim"]}, {"source": "\x1b[2J"},
        {"generation": 3}, {"source": "s" * 300},
    ],
)  # fmt: skip
def test_a_note_that_no_export_writes_is_refused(
    exported: Path, tmp_path: Path, told: dict[str, Any]
) -> None:
    home = Home(tmp_path / "h")
    with pytest.raises(InputError, match="is damaged; export the histories again"):
        import_meds(_noted(_copy(exported, tmp_path / "meds"), **told), home)
    assert not home.histories.exists()


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "3", "{}", '"\xff'])
def test_a_note_that_is_no_note_is_refused(exported: Path, tmp_path: Path, text: str) -> None:
    folder = _copy(exported, tmp_path / "meds")
    (folder / NOTE).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is damaged"):
        import_meds(folder, Home(tmp_path / "h"))


@pytest.mark.parametrize(
    "name", ["histories.json", "dataset.json", "patients.parquet", "codes.parquet"]
)
def test_links_to_files_elsewhere_are_not_followed(
    exported: Path, tmp_path: Path, name: str
) -> None:
    folder = _copy(exported, tmp_path / "meds")
    shutil.move(folder / "metadata" / name, tmp_path / name)
    (folder / "metadata" / name).symlink_to(tmp_path / name)
    with pytest.raises(InputError, match="is a link to a file outside of it"):
        import_meds(folder, Home(tmp_path / "h"))


def test_a_folder_that_is_called_as_a_file_is_not_read(exported: Path, tmp_path: Path) -> None:
    folder = _copy(exported, tmp_path / "meds")
    (folder / "data" / "x.parquet").mkdir()
    assert import_meds(folder, Home(tmp_path / "h")).patients() == ["p"]


@pytest.mark.parametrize("column", ["value", "event_code", "source_row"])
def test_columns_of_other_types_are_refused_without_their_content(
    exported: Path, tmp_path: Path, column: str
) -> None:
    other = {"value": "Smith"}.get(column, 1950)
    folder = _changed(
        _copy(exported, tmp_path / "meds"), column, lambda t: pa.array([other] * len(t))
    )
    with pytest.raises(InputError, match=f"the column {column} is .*, which no export") as error:
        import_meds(folder, Home(tmp_path / "h"))
    assert str(other) not in str(error.value)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "meds", [BORN, ILL])
    broken = pa.array([b"MEDS_BIRTH", b"X//\xff"], pa.binary()).view(pa.string())
    path = folder / "data" / "train" / "0.parquet"
    pq.write_table(pq.read_table(path).set_column(2, "code", broken), path)
    with pytest.raises(InputError, match="holds text that is not UTF-8"):
        import_meds(folder, Home(tmp_path / "h"), 0)


def test_an_import_never_passes_for_an_intake(tmp_path: Path) -> None:
    """Its generation may be that of an intake that comes later; the rows may be others."""
    before = current_histories(take_in(tmp_path / "there", WORLD, generation="g1"))
    export_meds(before, tmp_path / "meds")
    _changed(tmp_path / "meds", "value", lambda t: pa.array([1.0] * len(t)))
    imported = import_meds(tmp_path / "meds", Home(tmp_path / "h"))
    assert imported.manifest["exported_generation"] == "g1"
    after = current_histories(take_in(tmp_path / "h", WORLD, generation="g1"))
    assert after.manifest["content"] == before.manifest["content"]
    assert "imported" not in after.manifest


# --- what its rows say


def test_days_beyond_the_calendar_are_rejected_row_by_row(tmp_path: Path) -> None:
    """9999-12-31 is how many sources say never."""
    never = (7, "9999-12-31", "ICD10CM//E11.9", None)
    taken = import_meds(foreign(tmp_path / "a", [BORN, ILL, never]), Home(tmp_path / "ha"), 7)
    assert _rules(taken) == [("time", "is known only after the year 9999", 1)]
    assert taken.data_through == date(2020, 10, 8)
    days = pa.array([18_000, 2**31 - 2, -(2**31), 18_000], pa.int32()).cast(pa.date32())
    ends = pa.array([None, None, None, 2**31 - 2], pa.int32()).cast(pa.date32())
    folder = foreign(tmp_path / "b", [BORN, ILL, ILL, ILL], known_on=days, superseded_on=ends)  # pyright: ignore[reportArgumentType]
    taken = import_meds(folder, Home(tmp_path / "hb"))
    outside = "is not between the years 1 and 9999"
    assert _rules(taken) == [("known_on", outside, 2), ("superseded_on", outside, 1)]
    assert taken.data_through == date(2019, 4, 14)


def test_what_a_terminal_would_obey_does_not_come_in(exported: Path, tmp_path: Path) -> None:
    evil = [(7, "2020-01-01", code, 1.0) for code in ("X//\x1b[2J", "X//" + "A" * 300, "X//fine")]
    folder = foreign(tmp_path / "a", [BORN, *evil], unit=[None, None, None, "g\u202e"])
    bare = "holds a character that cannot be printed"
    taken = import_meds(folder, Home(tmp_path / "ha"), 0)
    assert _rules(taken) == [
        ("code", bare, 1), ("code", "is longer than 256 characters", 1), ("unit", bare, 1),
    ]  # fmt: skip
    for number, column in enumerate(("event_code", "source_row")):
        folder = _changed(
            _copy(exported, tmp_path / column), column,
            lambda t, c=column: pa.array(["A\x07", "", *t[c].to_pylist()[2:]]),
        )  # fmt: skip
        taken = import_meds(folder, Home(tmp_path / f"h{number}"))
        assert (column, bare, 1) in _rules(taken)
    key = _copy(exported, tmp_path / "key")
    names = pa.table({"subject_id": [1], "patient_id": ["p\x1b"]})
    pq.write_table(names, key / "metadata" / "patients.parquet")
    with pytest.raises(InputError, match="None of the"):
        import_meds(key, Home(tmp_path / "hk"))


def test_a_row_of_an_export_without_its_source_is_rejected(exported: Path, tmp_path: Path) -> None:
    folder = _changed(
        _copy(exported, tmp_path / "meds"), "source_row",
        lambda t: pa.array([None, *t["source_row"].to_pylist()[1:]]),
    )  # fmt: skip
    assert ("source_row", "is empty", 1) in _rules(import_meds(folder, Home(tmp_path / "h")))


def test_values_that_tell_no_days_are_rejected(exported: Path, tmp_path: Path) -> None:
    def worse(value: float) -> Callable[[pa.Table], pa.Array]:
        def made(table: pa.Table) -> pa.Array:
            pairs = zip(table["event_code"].to_pylist(), table["value"].to_pylist(), strict=True)
            spans = ("RX/", "COVER/")
            return pa.array([value if c.startswith(spans) else v for c, v in pairs], pa.float64())

        return made

    huge = _changed(_copy(exported, tmp_path / "huge"), "value", worse(1e300))
    assert _rules(import_meds(huge, Home(tmp_path / "a"))) == [
        ("value", "is no day between the years 1 and 9999", 1),
        ("value", "is not from 0 to 400 days of supply", 1),
    ]
    endless = _changed(_copy(exported, tmp_path / "endless"), "value", worse(float("inf")))
    taken = import_meds(endless, Home(tmp_path / "b"))
    assert _rules(taken) == [("value", "is infinite", 2)]
    assert explain(taken, "p", date(2020, 12, 31)).seen > 0


# --- what is left behind


def test_half_a_character_is_nobodys_id(exported: Path, tmp_path: Path) -> None:
    taken = import_meds(exported, Home(tmp_path / "h"))
    with pytest.raises(InputError, match="no event of a patient of that id"):
        explain(taken, "\ud800", date(2020, 12, 31))


def _killed(during: Callable[[], Any]) -> None:
    """Do it in a process that ends in the middle, without any cleaning up."""
    child = os.fork()
    if child == 0:
        during()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _leave(path: Path) -> None:
    with workplace(path) as work:
        (work / "metadata").mkdir()
        (work / "metadata" / "patients.parquet").touch()
        os._exit(0)


def test_what_a_killed_command_left_goes_with_the_next_one(exported: Path, tmp_path: Path) -> None:
    left = tmp_path / ".meds.unfinished"
    _killed(lambda: _leave(left))
    assert (left / "metadata" / "patients.parquet").exists()
    export_meds(histories(rows("member", {})), tmp_path / "meds")
    assert not left.exists()
    assert [path.name for path in tmp_path.rglob("patients.parquet")] == ["patients.parquet"]
    home = Home(tmp_path / "h")
    home.root.mkdir()
    _killed(lambda: _leave(home.root / ".meds.unfinished"))
    import_meds(exported, home)
    assert not list(home.root.rglob("patients.parquet"))
    assert not list(home.root.glob(".*"))


def test_two_commands_do_not_work_in_one_place(tmp_path: Path) -> None:
    left = tmp_path / ".meds.unfinished"
    left.mkdir()
    (left / "theirs").touch()
    other = os.open(left, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="wait until it has ended"):
            export_meds(histories(rows("member", {})), tmp_path / "meds")
        assert (left / "theirs").exists()
    finally:
        os.close(other)


def test_a_link_in_the_place_of_the_unfinished_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / ".meds.unfinished").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="is in the way; remove it"):
        export_meds(histories(rows("member", {})), tmp_path / "meds")
    assert (tmp_path / "precious" / "file").exists()
