"""What is drawn beside the claims: plausible, and without a trace in all the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.synthesise import beside_claims, synthesise
from data.synthesise.vocabulary import NEEDS
from data.tables import TABLES

LAST = pd.Timestamp("2024-12-31")


def frame(folder: Path, name: str) -> pd.DataFrame:
    table = pq.read_table(folder / f"{name}.parquet").to_pandas()
    for column in table.columns:
        if column.endswith("_on"):
            table[column] = pd.to_datetime(table[column])
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "people"
    return synthesise(made, 4_000, seed=7, replicates=0).directory


@pytest.fixture(scope="module")
def encounters(folder: Path) -> pd.DataFrame:
    return frame(folder, "encounter").drop_duplicates("record_id")


@pytest.fixture(scope="module")
def needs(folder: Path) -> pd.DataFrame:
    """Which needs each person's claims name, one column a need."""
    d = frame(folder, "diagnosis")
    named = {need: d[d.code == code].patient_id.unique() for need, code in NEEDS}
    people = frame(folder, "member").patient_id.unique()
    return pd.DataFrame({n: np.isin(people, who) for n, who in named.items()}, index=people)


def test_no_other_row_depends_on_their_streams(tmp_path: Path, monkeypatch) -> None:
    one = synthesise(tmp_path / "one", 60, seed=5, replicates=1).directory
    drawn = beside_claims.uniform_of

    def otherwise(seed: int, purpose: int, *keys: np.ndarray) -> np.ndarray:
        return drawn(seed + 1, purpose, *keys)

    monkeypatch.setattr(beside_claims, "uniform_of", otherwise)
    two = synthesise(tmp_path / "two", 60, seed=5, replicates=1).directory
    for path in sorted(one.rglob("*.parquet")):
        name = path.relative_to(one).with_suffix("").as_posix()
        a, b = frame(one, name), frame(two, name)
        if name in ("screening", "outreach"):
            assert not a.equals(b), name
        elif name in ("encounter", "drug_fill"):
            own = "specialty" if name == "encounter" else "prescriber_id"
            if name == "encounter":
                a, b = (x[x.kind != "missed_appointment"] for x in (a, b))
            assert not a[own].equals(b[own])
            pd.testing.assert_frame_equal(a.drop(columns=own), b.drop(columns=own))
        else:
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes(), name


def test_visits_have_a_specialty_mostly_primary_care_and_stays_have_none(encounters) -> None:
    visits = encounters.kind.isin(["office", "outpatient", "missed_appointment"])
    assert encounters.specialty[visits].notna().all()
    assert encounters.specialty[~visits].isna().all()
    office = encounters[encounters.kind == "office"].specialty
    assert 0.6 < (office == "primary care").mean() < 0.9
    assert set(office) <= set(beside_claims.SPECIALTIES)
    assert (office.value_counts().drop("primary care") > 30).sum() >= 10


def test_a_specialist_is_seen_for_what_the_claim_names(folder: Path, encounters) -> None:
    d = frame(folder, "diagnosis")
    visits = encounters.set_index("record_id").specialty
    heart = d[d.code.isin(["I5022", "I2510", "I4891", "I252"])].encounter_id.unique()
    seen = visits[visits == "cardiology"]
    seen = seen[seen.index.isin(d.encounter_id)]  # the claim's diagnoses may not be known yet
    assert seen.index.isin(heart).mean() > 0.99


def test_every_fill_has_a_prescriber_and_people_have_few(folder: Path) -> None:
    fills = frame(folder, "drug_fill")
    assert fills.prescriber_id.str.fullmatch(r"D8\d\d[0-3]\d").all()
    assert 2 <= fills.groupby("patient_id").prescriber_id.nunique().median() <= 5
    # both versions of a fill that goes back to stock name the same one
    assert (fills.groupby("record_id").prescriber_id.nunique() == 1).all()


def test_a_missed_appointment_is_no_care(folder: Path, encounters) -> None:
    missed = encounters[encounters.kind == "missed_appointment"]
    assert 0.03 < len(missed) / (encounters.kind == "office").sum() < 0.12
    assert (missed.started_on == missed.ended_on).all()
    assert (missed.known_on - missed.started_on).dt.days.between(1, 2).all()
    for name in ("cost", "diagnosis", "procedure", "lab_result"):
        assert not frame(folder, name).encounter_id.isin(missed.record_id).any(), name


def test_nobody_misses_an_appointment_in_hospital_or_uncovered(folder: Path, encounters) -> None:
    missed = encounters[encounters.kind == "missed_appointment"]
    stays = frame(folder, "encounter").drop_duplicates()
    stays = stays[stays.kind.isin(["acute_inpatient", "psychiatric_inpatient"])]
    stays = stays[stays.ended_on.notna()].drop_duplicates("record_id")
    both = missed.merge(stays, on="patient_id", suffixes=("", "_stay"))
    inside = (both.started_on >= both.started_on_stay) & (both.started_on <= both.ended_on_stay)
    assert len(both) > 100
    assert not inside.any()
    cover = frame(folder, "coverage").sort_values("known_on").groupby("record_id").tail(1)
    both = missed.merge(cover[["patient_id", "start_on", "end_on"]], on="patient_id")
    covered = (both.started_on >= both.start_on) & ~(both.started_on > both.end_on)
    assert set(both.record_id[covered]) == set(missed.record_id)


def test_some_people_miss_more_than_others(encounters, needs) -> None:
    missed = encounters[encounters.kind == "missed_appointment"].groupby("patient_id").size()
    booked = encounters[encounters.kind == "office"].groupby("patient_id").size()
    missed = missed.reindex(booked.index, fill_value=0)
    stranded = needs.transport.reindex(booked.index, fill_value=False)
    share = missed / booked
    assert share[stranded].mean() > 1.5 * share[~stranded].mean()
    # more people miss none, and more miss several, than if all were alike
    mean = missed.sum() / booked.sum()
    assert missed.var() > 1.2 * (booked * mean * (1 - mean)).mean() + booked.var() * mean**2


def test_screening_answers_go_with_the_needs(folder: Path, needs) -> None:
    answers = frame(folder, "screening")
    assert set(answers.need) == {need for need, _ in NEEDS}
    assert 0.03 < (answers.answer == "declined").mean() < 0.12
    assert (answers.known_on - answers.happened_on).dt.days.between(0, 2).all()
    told = answers[answers.answer != "declined"]
    named = needs.stack()
    has = named.reindex(pd.MultiIndex.from_frame(told[["patient_id", "need"]])).to_numpy()
    says = (told.answer == "need").to_numpy()
    assert 0.6 < says[has].mean() < 0.9
    assert says[~has].mean() < 0.15  # among them people whose claims name no need that they have


def test_outreach_follows_discharges_home_and_goes_its_steps(folder: Path) -> None:
    steps = frame(folder, "outreach")
    assert (steps.known_on - steps.happened_on).dt.days.between(0, 1).all()
    steps["stay"] = "E" + steps.record_id.str[1:14]
    stays = frame(folder, "encounter").drop_duplicates()
    home = stays[stays.disposition.isin(["home", "home_health"])].drop_duplicates("record_id")
    ended = home.set_index("record_id").ended_on
    assert steps.stay.isin(ended.index).all()
    after = (steps.happened_on - steps.stay.map(ended)).dt.days
    assert after[steps.step != "closed"].between(1, 10).all()
    assert 0.05 < steps.stay.nunique() / (home.kind == "acute_inpatient").sum() < 0.3
    on = steps.pivot(index="stay", columns="step", values="happened_on")
    assert set(on.columns) == set(TABLES["outreach"].column("step").choices)
    for earlier, later in (("contacted", "enrolled"), ("contacted", "declined"),
                           ("enrolled", "closed")):  # fmt: skip
        both = on[on[later].notna()]
        assert (both[earlier] <= both[later]).all(), later
    assert not (on.enrolled.notna() & on.declined.notna()).any()
    dead = frame(folder, "member").groupby("patient_id").death_on.max()
    assert not (steps.happened_on >= steps.patient_id.map(dead)).any()
