"""What the invented population is as files: contract, reproducibility, lateness, corrections."""

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from data.synthesise import synthesise
from data.tables import TABLES, OnYearEnd

LAST = pd.Timestamp("2024-12-31")


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesise(tmp_path_factory.mktemp("made") / "people", 3_000, seed=7).directory


def frame(folder: Path, name: str) -> pd.DataFrame:
    table = pq.read_table(folder / f"{name}.parquet").to_pandas()
    for column in table.columns:
        if column.endswith("_on"):
            table[column] = pd.to_datetime(table[column])
    return table


@pytest.mark.parametrize("name", TABLES)
def test_every_row_keeps_the_contract_of_its_table(folder: Path, name: str) -> None:
    declared = TABLES[name]
    table = pq.read_table(folder / f"{name}.parquet")
    assert table.schema.equals(declared.schema.remove(len(declared.schema) - 1))
    rows = frame(folder, name)
    assert len(rows) > 0
    for column in declared.columns[:-1]:
        values = rows[column.name]
        if column.required:
            assert values.notna().all(), column.name
        values = values.dropna()
        if column.choices:
            assert values.isin(column.choices).all(), column.name
        if column.minimum is not None:
            assert (values >= column.minimum).all(), column.name
        if column.maximum is not None:
            assert (values <= column.maximum).all(), column.name
    for rule in declared.rules:
        both = rows[[rule.column, rule.other]].dropna()
        if isinstance(rule, OnYearEnd):
            told = both[rule.column][both[rule.other] == rule.value]
            assert all((day.month, day.day) == (12, 31) for day in told), rule
        else:
            assert (both[rule.column] >= both[rule.other]).all(), rule
    once = rows.drop_duplicates()
    assert not once.duplicated(["record_id", "known_on"]).any()
    assert (rows.known_on <= LAST).all()


def test_rows_refer_to_encounters_and_people_that_exist(folder: Path) -> None:
    people = set(frame(folder, "member").patient_id)
    encounters = frame(folder, "encounter")
    owner = encounters.drop_duplicates("record_id").set_index("record_id").patient_id
    for name in TABLES:
        rows = frame(folder, name)
        assert set(rows.patient_id) <= people, name
        if "encounter_id" in rows:
            rows = rows[rows.encounter_id.notna()]
            known = rows[rows.encounter_id.isin(owner.index)]
            assert (known.encounter_id.map(owner) == known.patient_id).all(), name
            # a result may be known long before the visit's claim
            assert len(known) > 0.97 * len(rows), name


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    one = digest(synthesise(tmp_path / "one", 700, seed=5).directory)
    assert digest(synthesise(tmp_path / "two", 700, seed=5).directory) == one
    other = digest(synthesise(tmp_path / "three", 700, seed=6).directory)
    assert all(other[name] != one[name] for name in one)


def test_a_person_is_the_same_however_many_others_there_are(folder: Path, tmp_path: Path) -> None:
    few = synthesise(tmp_path / "few", 1_000, seed=7).directory
    for name in [*TABLES, "truth/discharge", "truth/condition", "truth/treatment"]:
        many = frame(folder, name)
        many = many[many.patient_id <= "P0001000"].reset_index(drop=True)
        columns = list(many.columns)
        pd.testing.assert_frame_equal(
            many.sort_values(columns, ignore_index=True),
            frame(few, name).sort_values(columns, ignore_index=True),
        )


def test_claims_are_known_5_to_120_days_late_and_mostly_15_to_45(folder: Path) -> None:
    e = frame(folder, "encounter")
    e = e[(e.kind == "office") & ~e.reversed & (e.ended_on <= LAST - pd.Timedelta(120, "D"))]
    late = (e.known_on - e.ended_on).dt.days
    assert late.min() >= 5
    assert late.max() <= 120
    assert late.between(15, 45).mean() > 0.6
    assert (late > 60).mean() > 0.02
    assert 23 <= late.median() <= 35


def test_admissions_labs_and_fills_are_known_within_days(folder: Path) -> None:
    e = frame(folder, "encounter").drop_duplicates()
    stays = e[e.kind == "acute_inpatient"].sort_values(["record_id", "known_on"])
    opening = stays[stays.ended_on.isna()]
    assert (opening.known_on == opening.started_on).all()
    assert opening.disposition.isna().all()
    closing = stays[stays.ended_on.notna()].drop_duplicates("record_id")
    assert (closing.known_on == closing.ended_on).all()
    assert closing.disposition.notna().all()
    assert closing.drg.isna().all()
    claimed = stays[stays.drg.notna()]
    assert (claimed.known_on - claimed.ended_on).dt.days.between(5, 120).all()
    labs = frame(folder, "lab_result")
    assert (labs.known_on - labs.happened_on).dt.days.between(0, 3).all()
    fills = frame(folder, "drug_fill")
    fills = fills[~fills.reversed]
    assert (fills.known_on - fills.happened_on).dt.days.between(1, 3).all()


def test_stays_have_an_admission_diagnosis_and_a_working_principal_one(folder: Path) -> None:
    e = frame(folder, "encounter").drop_duplicates("record_id").set_index("record_id")
    d = frame(folder, "diagnosis").drop_duplicates()
    early = d[d.record_id.str.endswith("-adm")]
    assert early.position.isna().all()
    assert (early.known_on == early.encounter_id.map(e.started_on)).all()
    acute = d[d.encounter_id.map(e.kind) == "acute_inpatient"]
    principal = acute[acute.position == 1]
    assert (principal.known_on == principal.happened_on).all()
    secondary = acute[acute.position > 1]
    assert (secondary.known_on - secondary.happened_on).dt.days.between(5, 120).all()


def test_a_few_percent_are_reversed_adjusted_or_doubled(folder: Path) -> None:
    for name in ("encounter", "diagnosis", "drug_fill", "lab_result", "cost"):
        rows = frame(folder, name)
        assert 0.01 < rows.duplicated().mean() < 0.04, name
    cost = frame(folder, "cost").drop_duplicates()
    assert 0.005 < cost.reversed.mean() < 0.04
    versions = cost[~cost.reversed].groupby("record_id").allowed_cents
    assert 0.002 < (versions.nunique() > 1).mean() < 0.04
    withdrawn = cost[cost.reversed]
    first = cost[~cost.reversed].groupby("record_id").known_on.min()
    assert (withdrawn.known_on > withdrawn.record_id.map(first)).all()


def test_the_dead_have_no_care_and_ends_are_known_late(folder: Path) -> None:
    m = frame(folder, "member")
    dead = m[m.death_on.notna()].drop_duplicates("patient_id").set_index("patient_id").death_on
    assert len(dead) > 50
    e = frame(folder, "encounter")
    assert not (e.started_on > e.patient_id.map(dead)).any()
    fills = frame(folder, "drug_fill")
    assert not (fills.happened_on > fills.patient_id.map(dead)).any()
    c = frame(folder, "coverage")
    over = c[c.end_on.notna()]
    assert (over.known_on > over.end_on).all()
    spans = c.drop_duplicates("record_id").groupby("patient_id").size()
    assert (spans == 2).mean() > 0.005
    assert (c.start_on > pd.Timestamp("2021-01-31")).any()


def test_stays_of_one_person_never_overlap(folder: Path) -> None:
    e = frame(folder, "encounter")
    e = e[e.kind.isin(["acute_inpatient", "psychiatric_inpatient"]) & e.ended_on.notna()]
    e = e.drop_duplicates("record_id").sort_values(["patient_id", "started_on", "ended_on"])
    before = e.groupby("patient_id").ended_on.shift()
    assert not (e.started_on < before).any()


def test_the_look_ahead_can_be_left_out_and_changes_nothing_else(tmp_path: Path) -> None:
    whole = digest(synthesise(tmp_path / "whole", 300, seed=5, replicates=2).directory)
    bare = digest(synthesise(tmp_path / "bare", 300, seed=5, replicates=0).directory)
    assert whole.pop("truth/member_date.parquet")
    assert bare == whole


def test_it_says_what_it_wrote(folder: Path) -> None:
    about = json.loads((folder / "source.json").read_text())
    assert about["origin"] == "invented"
    assert about["seed"] == 7
    assert about["run_out_days"] == 120


def test_a_home_gets_its_folder_and_a_new_population_replaces_the_old(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = synthesise(home, 60, 2, seed=1, end_on=date(2022, 6, 30))
    assert first.directory == home.invented
    again = synthesise(home, 50, 2, seed=2, end_on=date(2022, 6, 30))
    assert again.rows["member"] < first.rows["member"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["invented"]
    latest = frame(home.invented, "cost").known_on.max()
    assert np.datetime64("2022-05-01") < latest <= np.datetime64("2022-06-30")


def test_it_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="members"):
        synthesise(tmp_path / "a", 0, seed=1)
    with pytest.raises(InputError, match="years"):
        synthesise(tmp_path / "a", 10, 1, seed=1)
    with pytest.raises(InputError, match="last day of a month"):
        synthesise(tmp_path / "a", 10, seed=1, end_on=date(2024, 12, 30))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "claims.csv").write_text("a,b\n")
    with pytest.raises(InputError, match="empty folder"):
        synthesise(tmp_path / "mine", 10, seed=1)
    assert (tmp_path / "mine" / "claims.csv").exists()
