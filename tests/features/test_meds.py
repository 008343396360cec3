"""Histories to MEDS and back again: what the schemas say, and not one bit lost."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import meds
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from features.as_of import features_as_of
from features.definitions import FEATURES
from features.history import Histories
from features.meds import export_meds, import_meds
from features.writing import write_histories
from tests.features.invented_rows import STRANGER, crowd, invented
from tests.features.meds_sets import same_events
from tests.features.rows import AS_OF, ago, histories, rows
from tests.features.taken_in import World, take_in

DAYS = (AS_OF, ago(30), ago(365), ago(730), AS_OF + timedelta(days=400))


def _written(root: Path, world: World, shards: int) -> Histories:
    return write_histories(take_in(root, world), shards)


def _asked(patients: list[str]) -> pd.DataFrame:
    pairs = [(patient, day) for day in DAYS for patient in (*patients, STRANGER)]
    return pd.DataFrame(pairs, columns=["patient_id", "as_of"])


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _data(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted(folder.glob("data/*.parquet")))


WORLD = crowd(6, 60)


# --- there


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Histories, Path]:
    root = tmp_path_factory.mktemp("exported")
    before = _written(root / "home", WORLD, 4)
    report = export_meds(before, root / "meds")
    assert report.subjects == len(before.patients()) == 18
    assert report.events == sum(before.events_a_shard) == len(_data(root / "meds"))
    return before, root / "meds"


def test_an_export_is_what_the_schemas_of_meds_say(exported: tuple[Histories, Path]) -> None:
    _, folder = exported
    seen: set[int] = set()
    codes: set[str] = set()
    for path in sorted(folder.glob("data/*.parquet")):
        table = pq.read_table(path)
        meds.DataSchema.validate(table)
        order = list(zip(table["subject_id"].to_pylist(), table["time"].to_pylist(), strict=True))
        assert order == sorted(order)  # each subject in one piece, its rows by time
        subjects = set(table["subject_id"].to_pylist())
        assert not subjects & seen  # and in one file
        seen |= subjects
        codes |= set(table["code"].to_pylist())
    named = pq.read_table(folder / meds.code_metadata_filepath)
    meds.CodeMetadataSchema.validate(named)
    assert codes <= set(named["code"].to_pylist())
    assert len(set(named["code"].to_pylist())) == len(named)
    dataset = json.loads((folder / meds.dataset_metadata_filepath).read_text())
    meds.DatasetMetadataSchema.validate(dataset)
    extra = dataset["raw_source_id_columns"] + dataset["other_extension_columns"]
    own = {"subject_id", "time", "code", "numeric_value"}
    assert {*extra, *own} == set(_data(folder).column_names)
    assert not (folder / meds.subject_splits_filepath).exists()


def test_the_key_names_every_subject_and_nothing_else_does(
    exported: tuple[Histories, Path],
) -> None:
    before, folder = exported
    key = pq.read_table(folder / "metadata" / "patients.parquet").to_pylist()
    assert [row["patient_id"] for row in key] == before.patients()
    assert [row["subject_id"] for row in key] == list(range(1, 19))
    assert set(_data(folder)["subject_id"].to_pylist()) == set(range(1, 19))
    assert "patient_id" not in _data(folder).column_names


def test_rows_say_what_was_known_in_the_words_of_the_field(tmp_path: Path) -> None:
    day = date(2020, 3, 1)
    tables = {
        **rows("member", {"birth_on": date(1950, 6, 1), "sex": "female"}),
        **rows(
            "diagnosis",
            {"happened_on": day, "code": "I509", "record_id": "d"},
            {"happened_on": day, "code": "E119", "record_id": "d", "known_on": date(2020, 4, 1)},
            {"happened_on": day, "code": "4280", "code_system": "ICD9CM"},
        ),
        **rows("procedure", {"happened_on": day, "code": "8154", "code_system": "ICD9PCS"}),
        **rows("drug_fill", {"happened_on": day, "code": "A10AB01", "days_supply": 30}),
        **rows("lab_result", {"happened_on": day, "loinc": "718-7", "value": 11.1, "unit": "g/dL"}),
        **rows("encounter", {"started_on": day, "kind": "office"}),
        **rows("cost", {"happened_on": day, "allowed_cents": 123_456_789}),
    }
    export_meds(histories(tables), tmp_path / "meds")
    table = _data(tmp_path / "meds").to_pylist()
    shown = {
        row["code"]: (row["event_code"], row["numeric_value"], row["value"], row["known_on"],
                      row["superseded_on"])
        for row in table
    }  # fmt: skip
    midnight = datetime(2020, 3, 1)
    birth = date(1950, 6, 1)
    assert shown == {
        "MEDS_BIRTH": ("PERSON/born", None, None, birth, None),
        "GENDER//F": ("PERSON/female", None, 1.0, birth, None),
        "ICD10CM//I50.9": ("DX/ICD10CM/I509", None, None, day, date(2020, 4, 1)),
        "ICD10CM//E11.9": ("DX/ICD10CM/E119", None, None, date(2020, 4, 1), None),
        "ICD9CM//428.0": ("DX/ICD9CM/4280", None, None, day, None),
        "ICD9Proc//81.54": ("PX/ICD9PCS/8154", None, None, day, None),
        "ATC//A10AB01": ("RX/ATC/A10AB01", 30.0, 30.0, day, None),
        # a float32 holds 24 bits: the exact value stands beside it
        "LOINC//718-7//g/dL": ("LAB/718-7/g/dL", float(np.float32(11.1)), 11.1, day, None),
        "ENC//office//started": ("ENC/office/started", None, None, day, None),
        "COST//inpatient": ("COST/inpatient", 123_456_792.0, 123_456_789.0, day, None),
    }
    assert {row["time"] for row in table if row["code"] != "MEDS_BIRTH"} >= {midnight}
    named = {
        row["code"]: (row["description"], row["parent_codes"])
        for row in pq.read_table(tmp_path / "meds" / "metadata" / "codes.parquet").to_pylist()
    }
    assert named["ICD10CM//I50.9"] == (None, ["CCS/108"])
    assert named["CCS/108"][0].startswith("Congestive heart failure")
    assert named["ATC//A10AB01"] == (None, ["ATC/A10A"])
    assert named["ICD9Proc//81.54"] == (None, ["CCS_PROCEDURE/152"])
    assert named["LOINC//718-7//g/dL"] == ("haemoglobin", None)


def test_ids_that_are_numbers_stay_and_sort_as_numbers(tmp_path: Path) -> None:
    tables = rows("member", *({"patient_id": i, "record_id": i} for i in ("9", "10", "-3")))
    export_meds(histories(tables), tmp_path / "meds")
    assert _data(tmp_path / "meds")["subject_id"].to_pylist() == [-3, -3, 9, 9, 10, 10]


def test_an_export_overwrites_nothing_and_needs_something(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(InputError, match="holds something already"):
        export_meds(histories(rows("member", {})), tmp_path / "full")
    with pytest.raises(InputError, match="hold no event"):
        export_meds(histories({}), tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


# --- and back


@pytest.mark.parametrize("shards", [1, 4])
def test_what_goes_there_comes_back_the_verysame_events(tmp_path: Path, shards: int) -> None:
    before = _written(tmp_path / "home", WORLD, shards)
    export_meds(before, tmp_path / "meds")
    after = import_meds(tmp_path / "meds", Home(tmp_path / "new"))
    assert after.patients() == before.patients()
    for patient in before.patients():
        assert same_events(after.events(patient), before.events(patient))
    assert (after.carries, after.data_through) == (before.carries, before.data_through)
    # made of the dataset, and of no intake of that home; the same files beside that
    apart = {"imported", "shards", "generation", "exported_generation"}
    assert (after.manifest["generation"], after.manifest["exported_generation"]) == (None, "g1")
    kept = {key: value for key, value in after.manifest.items() if key not in apart}
    assert kept == {key: value for key, value in before.manifest.items() if key not in apart}
    asked = _asked(before.patients())
    expected, found = features_as_of(before, asked), features_as_of(after, asked)
    assert list(found.columns) == [feature.name for feature in FEATURES]
    assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_histories_in_memory_come_back_too(tmp_path: Path, seed: int) -> None:
    before = histories(invented(Random(100 + seed), 80))
    export_meds(before, tmp_path / "meds")
    after = import_meds(tmp_path / "meds", Home(tmp_path / "new"))
    asked = _asked(before.patients())
    expected, found = features_as_of(before, asked), features_as_of(after, asked)
    assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_the_same_histories_give_the_same_bytes_both_ways(tmp_path: Path) -> None:
    turned = {name: Random(7).sample(each, len(each)) for name, each in WORLD.items()}
    there, back = [], []
    for name, world in (("a", WORLD), ("b", turned)):
        root = tmp_path / name
        export_meds(_written(root / "home", world, 2), root / "meds")
        there.append(_bytes(root / "meds"))
        import_meds(root / "meds", Home(root / "new"))
        back.append(_bytes(root / "new"))
    assert there[0] == there[1]
    assert back[0] == back[1]


def test_without_the_key_people_are_numbers_and_nothing_else_changes(tmp_path: Path) -> None:
    before = _written(tmp_path / "home", WORLD, 2)
    export_meds(before, tmp_path / "meds")
    key = pq.read_table(tmp_path / "meds" / "metadata" / "patients.parquet").to_pylist()
    (tmp_path / "meds" / "metadata" / "patients.parquet").unlink()
    after = import_meds(tmp_path / "meds", Home(tmp_path / "new"))
    assert after.patients() == sorted(str(row["subject_id"]) for row in key)
    asked = _asked([row["patient_id"] for row in key])
    number = {row["patient_id"]: str(row["subject_id"]) for row in key}
    renamed = asked.assign(patient_id=asked["patient_id"].map(number).fillna(STRANGER))
    expected, found = features_as_of(before, asked), features_as_of(after, renamed)
    assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_an_export_of_another_version_is_refused(exported: tuple[Histories, Path], tmp_path: Path):
    _, folder = exported
    copied = tmp_path / "meds"
    for name, content in _bytes(folder).items():
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).write_bytes(content)
    told = json.loads((copied / "metadata" / "histories.json").read_text())
    told["made_by"] = "another"
    (copied / "metadata" / "histories.json").write_text(json.dumps(told))
    with pytest.raises(RefusalError, match="another version"):
        import_meds(copied, Home(tmp_path / "new"))
    (copied / "metadata" / "histories.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        import_meds(copied, Home(tmp_path / "new"))


def test_a_home_that_holds_an_intake_is_left_alone(tmp_path: Path) -> None:
    before = _written(tmp_path / "home", WORLD, 1)
    export_meds(before, tmp_path / "meds")
    with pytest.raises(InputError, match="holds an intake already"):
        import_meds(tmp_path / "meds", Home(tmp_path / "home"))


def test_who_is_not_in_the_key_of_an_export_is_rejected(tmp_path: Path) -> None:
    before = histories(rows("member", *({"patient_id": i, "record_id": i} for i in "ab")))
    export_meds(before, tmp_path / "meds")
    path = tmp_path / "meds" / "metadata" / "patients.parquet"
    key = pq.read_table(path)
    pq.write_table(key.slice(0, 1), path)
    home = Home(tmp_path / "h")
    taken = import_meds(tmp_path / "meds", home)
    assert taken.patients() == ["a"]
    kept = pq.read_table(home.rejected / "meds.parquet").to_pylist()
    assert {row["reason"] for row in kept} == {"is not in metadata/patients.parquet"}
    pq.write_table(pa.concat_tables([key, key]), path)
    with pytest.raises(InputError, match="stands there twice"):
        import_meds(tmp_path / "meds", home)
