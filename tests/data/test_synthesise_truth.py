"""The truth beside the data is true: what happened agrees with the chances that were written."""

import numpy as np
import pandas as pd
import pytest

from data.concepts import diagnosis_concept
from data.planned import planned_lists
from data.synthesise.vocabulary import (
    CONDITIONS,
    NEEDS,
    PLANNED,
    REASONS,
    UNPLANNED_COUNT,
)
from tests.data.invented import ACUTE_DIAGNOSES, LAST, PLANNED_PROCEDURES, Invented, invented
from tests.once_a_run import OnceARun


@pytest.fixture(scope="module")
def population(once_a_run: OnceARun) -> Invented:
    return invented(once_a_run)


def test_as_many_return_as_the_true_risks_say(population: Invented) -> None:
    index = population.index
    risk, returned = index.risk.to_numpy(), index.returned.to_numpy()
    error = np.sqrt((risk * (1 - risk)).sum())
    assert abs(returned.sum() - risk.sum()) < 3.3 * error
    tenth = pd.qcut(risk, 10, labels=False)
    for part in range(10):
        p, y = risk[tenth == part], returned[tenth == part]
        assert abs(y.sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum()), part


def test_the_true_chance_of_high_cost_agrees_with_what_was_spent(population: Invented) -> None:
    t = population.table("truth/member_date")
    t = t[t.as_of <= pd.Timestamp("2023-06-30")]
    high = t.allowed_cents > t.threshold_cents
    # a few leave coverage or have claims withdrawn, which the chance leaves out
    assert 0.88 < high.sum() / t.chance.sum() < 1.05
    likely = t.chance > 0.2
    assert 0.85 < high[likely].sum() / t.chance[likely].sum() < 1.08
    assert t.chance.between(0, 1).all()
    first = t[t.as_of == t.as_of.min()]
    assert 0.04 < (first.allowed_cents > first.threshold_cents).mean() < 0.06


def test_the_truth_adds_up_what_the_cost_table_says(population: Invented) -> None:
    t = population.table("truth/member_date")
    t = t[t.as_of == pd.Timestamp("2022-06-30")].set_index("patient_id")
    c = population.costs
    c = c[(c.happened_on > "2022-06-30") & (c.happened_on <= "2023-06-30")]
    spent = c.groupby("patient_id").allowed_cents.sum().reindex(t.index).fillna(0).astype(int)
    assert (spent == t.allowed_cents).all()


def test_what_was_meant_as_planned_is_coded_as_planned(population: Invented) -> None:
    truth = population.table("truth/discharge").set_index("encounter_id")
    coded = population.acute[population.acute.ended_on <= LAST - pd.Timedelta(120, "D")]
    assert (coded.planned.to_numpy() == truth.planned.loc[coded.record_id].to_numpy()).all()
    assert 0.1 < coded.planned.mean() < 0.3


def test_the_planned_algorithm_sees_each_reason_as_it_is_meant() -> None:
    lists = planned_lists("ICD10")
    codes, procedures = [r.code for r in REASONS], [r.procedure for r in REASONS]
    done = np.array([p != "" for p in procedures])
    planned = (
        lists.always_planned_diagnosis(codes)
        | (done & lists.always_planned_procedure(procedures))
        | (done & lists.potentially_planned_procedure(procedures) & ~lists.acute_diagnosis(codes))
    )
    assert planned.tolist() == [i >= UNPLANNED_COUNT for i in range(len(REASONS))]
    assert {r.procedure for r in PLANNED} - {"3E03305"} == PLANNED_PROCEDURES
    assert {r.code for r in REASONS[:UNPLANNED_COUNT] if r.procedure in PLANNED_PROCEDURES} <= (
        ACUTE_DIAGNOSES
    )


def test_every_diagnosis_code_of_the_vocabulary_is_known() -> None:
    codes = [r.code for r in REASONS] + [c.code for c in CONDITIONS] + [n[1] for n in NEEDS]
    assert (diagnosis_concept("ICD10CM", codes) > 0).all()


def test_transfers_join_whatever_the_disposition_says(population: Invented) -> None:
    truth = population.table("truth/discharge")
    a = population.acute.set_index("record_id")
    continuing = truth[truth.transfer_of.notna()]
    first = a.reindex(continuing.transfer_of)
    assert a.loc[continuing.encounter_id].joins.mean() == 1.0
    assert first.facility_id.notna().all()
    wrong = (first.disposition != "acute_transfer").mean()
    assert 0.15 < wrong < 0.45
    assert truth[truth.continued].risk.isna().all()
    assert truth[truth.died].risk.isna().all()
    assert truth[~truth.died & ~truth.continued].risk.between(0, 1).all()
    unmeant = a[a.joins].index.difference(continuing.encounter_id)
    assert len(unmeant) == 0, "a return is never taken for a transfer"


def test_the_same_conditions_cost_less_where_access_is_poor(population: Invented) -> None:
    """Unequal access: fewer visits, less coding, lower cost and more emergencies for equal need."""
    m, e, c = population.members, population.encounters, population.costs
    true = population.table("truth/condition").groupby("patient_id").size()
    coded = population.table("diagnosis").query("position > 1").groupby("patient_id").code.nunique()
    everyone = m.index
    frame = pd.DataFrame({
        "group": m.race,
        "true": true.reindex(everyone).fillna(0),
        "coded": coded.reindex(everyone).fillna(0),
        "cost": c.groupby("patient_id").allowed_cents.sum().reindex(everyone).fillna(0),
        "offices": e[e.kind == "office"].groupby("patient_id").size().reindex(everyone).fillna(0),
        "emergencies": e[e.kind == "emergency"].groupby("patient_id").size().reindex(everyone)
        .fillna(0),
    })  # fmt: skip
    frame["burden"] = frame.true.clip(upper=9)
    weights = frame.burden.value_counts(normalize=True)

    def standardised(group: list[str], column: str) -> float:
        means = frame[frame.group.isin(group)].groupby("burden")[column].mean()
        return float((means * weights).sum())

    poor, good = ["black", "hispanic"], ["white"]
    for column in ("cost", "offices", "coded"):
        assert standardised(poor, column) < 0.95 * standardised(good, column), column
    assert standardised(poor, "emergencies") > 1.15 * standardised(good, "emergencies")


def test_needs_are_undercoded_and_treatment_follows_conditions(population: Invented) -> None:
    coded = population.table("diagnosis").query("code.str.startswith('Z59') or code == 'Z602'")
    share = coded.patient_id.nunique() / len(population.members)
    assert 0.01 < share < 0.15
    treatment = population.table("truth/treatment")
    insulin = set(treatment[treatment.drug == "A10AE04"].patient_id)
    condition = population.table("truth/condition")
    diabetic = set(condition[condition.condition == "diabetes_complicated"].patient_id)
    assert insulin
    assert insulin <= diabetic
    filled = population.table("drug_fill").query("code == 'A10AE04'").patient_id
    assert set(filled) <= insulin
