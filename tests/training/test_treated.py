"""Rows that outreach treated: counted by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import RefusalError
from data.small_cells import Counts
from serving.calibrator import sigmoid
from tests.training.small import day, table_of
from training.cohorts.outreach import REACHED, reached_on
from training.cohorts.prior_chance import effect_beside, strata_of
from training.fitting.treated import treated_part, treated_rows
from training.fitting.untreated_weights import weights_of_untreated
from training.settings.feedback_settings import FeedbackSettings

THROUGH = day("2024-12-31")
CARRIED = ("outreach",)
ASKED = day("2024-01-10")
NAN = float("nan")
INVENTED = Counts("invented")


def steps(*told: tuple[str, str, str], **more: Any) -> pa.Table:
    """(person, day, step), each known on its day."""
    return table_of("outreach", [
        {"patient_id": who, "happened_on": on, "step": step, **more} for who, on, step in told
    ])  # fmt: skip


def question(**given: Any) -> pd.DataFrame:
    """One about anna on 10 January, with an outcome window of the ten days to the 20th."""
    usual = {
        "patient_id": "anna", "as_of": ASKED, "outcome_until": ASKED + 10, "outcome": 0,
        "weight": 1.0,
    }  # fmt: skip
    return pd.DataFrame([usual | given])


@pytest.mark.parametrize(
    ("told", "part", "arithmetic"),
    [
        ([], 0.0, "never"),
        ([("anna", "2024-01-14", "contacted")], 0.6, "15 to 20: 6 of 10 days"),
        ([("anna", "2024-01-11", "contacted")], 0.9, "12 to 20: 9 of 10 days"),
        ([("anna", "2024-01-18", "contacted"), ("anna", "2024-01-14", "enrolled")], 0.6, "first"),
        ([("anna", "2024-01-20", "contacted")], 0.0, "on the last day: reached, 0 of 10 days"),
        ([("anna", "2024-01-21", "contacted")], 0.0, "after the window"),
        ([("anna", "2024-01-10", "contacted")], 0.0, "on as_of: before the window"),
        ([("anna", "2024-01-14", "no_answer")], 0.0, "nobody was reached"),
        ([("anna", "2024-01-14", "declined")], 0.0, "nothing was done"),
        ([("anna", "2024-01-14", "closed")], 0.0, "an end is no beginning"),
        ([("bert", "2024-01-14", "contacted")], 0.0, "somebody else"),
    ],
)  # fmt: skip
def test_the_part_of_a_window_that_lies_after_the_person_was_reached(told, part, arithmetic):
    found = treated_part({"outreach": steps(*told)}, question(), THROUGH, CARRIED)
    assert found.tolist() == pytest.approx([part]), arithmetic


def test_reached_on_the_last_day_is_reached_although_no_day_of_the_window_lies_after_it():
    source = steps(("anna", "2024-01-20", "contacted"))
    made = treated_rows(
        pd.DataFrame(index=[0]), question(), np.array(["train"]), {"outreach": source}, THROUGH,
        CARRIED, FeedbackSettings(),
    )  # fmt: skip
    assert (made.part.tolist(), made.reached.tolist()) == ([0.0], [True])


def test_final_facts_tell_who_was_reached():
    first = {"record_id": "o", "patient_id": "anna", "happened_on": "2024-01-14"}
    withdrawn = table_of("outreach", [
        {**first, "step": "contacted"},
        {**first, "step": "contacted", "known_on": "2024-02-01", "reversed": True},
    ])  # fmt: skip
    for through, part in ((day("2024-01-31"), 0.6), (day("2024-02-01"), 0.0)):
        assert treated_part({"outreach": withdrawn}, question(), through, CARRIED) == [part]


def test_without_outreach_nobody_knows_and_nothing_is_done():
    source = {"outreach": steps(("anna", "2024-01-14", "contacted"))}
    assert np.isnan(treated_part(source, question(), THROUGH, ("encounter",))).all()
    made = treated_rows(
        pd.DataFrame(index=[0]), question(), np.array(["train"]), source, THROUGH, ("encounter",),
        FeedbackSettings("exclude"),
    )  # fmt: skip
    assert not made.drop.any()
    assert (made.weight.tolist(), made.offset) == ([1.0], None)
    assert made.words == (
        "who was reached by care management: not evaluable, the source carries no outreach",
        "the setting treated = exclude therefore changes nothing",
    )
    train = json.loads(json.dumps(made.to_json(), allow_nan=False))["roles"][0]
    assert (train["rows"], train["reached"], train["mean_part"]) == (1, None, None)


def test_a_call_between_discharge_and_a_later_question_treats_the_whole_window_of_the_later_one():
    source = {"outreach": steps(("anna", "2024-01-12", "contacted"))}
    stay = {"discharged_on": ASKED, "outcome_until": ASKED + 30}
    rows = pd.concat([question(**stay, **asked) for asked in ({}, {"as_of": ASKED + 7})])
    # 28 of 30 days after day 2; asked on day 7 all 23 days are
    assert treated_part(source, rows, THROUGH, CARRIED).tolist() == pytest.approx([28 / 30, 1.0])


@pytest.mark.parametrize("days", [
    {"discharged_on": ASKED, "days_to_next": 4.0}, {"days_to": 4.0},
])  # fmt: skip
def test_what_comes_on_the_day_of_the_outcome_or_later_did_not_change_it(days):
    before, same = (
        {"outreach": steps(("anna", on, "contacted"))} for on in ("2024-01-13", "2024-01-14")
    )
    case, other = question(outcome=1, **days), question(**days)
    assert treated_part(before, case, THROUGH, CARRIED) == pytest.approx([0.7])
    assert treated_part(same, case, THROUGH, CARRIED) == [0.0]
    # a planned return on that day decides too, but no call could be missed for it
    assert treated_part(same, other, THROUGH, CARRIED) == pytest.approx([0.6])


def test_whoever_enrolled_before_and_has_not_left_is_told_apart():
    source = {"outreach": steps(
        ("in", "2024-01-02", "enrolled"), ("out", "2024-01-02", "enrolled"),
        ("out", "2024-01-09", "closed"), ("again", "2023-12-01", "closed"),
        ("again", "2024-01-02", "enrolled"), ("later", "2024-01-14", "enrolled"),
        ("leaves", "2024-01-02", "enrolled"), ("leaves", "2024-01-14", "closed"),
    )}  # fmt: skip
    people = ["in", "out", "again", "later", "leaves", "never"]
    rows = pd.concat([question(patient_id=who) for who in people])
    role = np.full(len(rows), "test")
    made = treated_rows(
        pd.DataFrame(index=range(6)), rows, role, source, THROUGH, CARRIED, FeedbackSettings(),
        INVENTED,
    )  # fmt: skip
    [told] = made.counts[made.counts["role"] == "test"].to_dict("records")
    assert (told["rows"], told["reached"], told["in_programme"]) == (6, 1, 3)
    assert told["mean_part"] == pytest.approx(0.6 / 6)
    assert made.words[-1].startswith("3 rows count as not reached whose person had enrolled")


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "bert", "carl"]), st.integers(0, 20),
        st.sampled_from(["contacted", "no_answer", "enrolled", "declined", "closed"]),
    ), max_size=12,
)  # fmt: skip
_ROWS = st.lists(
    st.tuples(st.sampled_from(["bert", "anna", "dora"]), st.integers(0, 18), st.integers(1, 9)),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_STEPS, _ROWS)
def test_the_first_contact_is_the_one_that_a_plain_search_finds(told, asked):
    def iso(offset: int) -> str:
        return str(np.datetime64(ASKED + offset, "D"))

    source = steps(*[(who, iso(on), step) for who, on, step in told])
    rows = pd.DataFrame({
        "patient_id": [who for who, _, _ in asked],
        "as_of": [ASKED + on for _, on, _ in asked],
        "outcome_until": [ASKED + on + length for _, on, length in asked],
        "outcome": 0,
    })  # fmt: skip
    expected = [
        min((ASKED + on for who, on, step in told
             if who == patient and step in REACHED and begin < on <= begin + length), default=NAN)
        for patient, begin, length in asked
    ]  # fmt: skip
    np.testing.assert_array_equal(reached_on(source, rows, THROUGH), expected)


def test_those_not_reached_stand_for_those_who_were_and_early_cases_for_few():
    # ten people, thirty days: five are called on day 10, one is a case on day 5, four are neither
    reached = np.array([10.0] * 5 + [NAN] * 5)
    length = np.array([30] * 5 + [4] + [30] * 4)
    made = weights_of_untreated(reached, length, np.ones(10, bool), np.zeros(10, int))
    # on day 5 nobody had been called: the case stands for itself alone; on day 10 nine were there
    # and five were called, so that each of the four stands for 9 / 4
    assert made.weight[5:] / made.weight[5] == pytest.approx([1] + [9 / 4] * 4)
    assert made.weight[:5].tolist() == [0] * 5
    assert made.weight[5:].mean() == pytest.approx(1)
    risk = made.weight[5] / made.weight.sum()
    assert risk == pytest.approx(1 / (1 + 4 * 9 / 4)), "1 of 10; left out alone it were 1 of 5"


def test_who_was_not_called_up_to_the_last_day_stands_for_who_was_called_on_it():
    # two of four are called on the last day, 30: the two others stand for two each, and the case of
    # day 30, who could be called up to day 29, for itself
    reached = np.array([30.0, 30.0, NAN, NAN, NAN])
    made = weights_of_untreated(
        reached, np.array([30, 30, 30, 30, 29]), np.ones(5, bool), np.zeros(5, int)
    )
    assert (made.weight[2:] / made.weight[4]).tolist() == pytest.approx([2, 2, 1])


def test_a_stratum_of_which_all_were_reached_has_nobody_to_stand_for_it():
    reached = np.array([3.0, 3.0, 3.0, NAN])
    stratum = np.array([0, 0, 1, 1])
    made = weights_of_untreated(reached, np.full(4, 10), np.ones(4, bool), stratum)
    assert (made.alone, made.weight.tolist()) == (2, [0, 0, 0, 1])


def test_the_largest_weights_are_clipped_at_their_99th_percentile():
    # of 200 people in one stratum nobody was reached; in another one of two was not, of ten
    reached = np.r_[np.full(200, NAN), np.full(9, 1.0), NAN]
    stratum = np.r_[np.zeros(200, int), np.ones(10, int)]
    made = weights_of_untreated(reached, np.full(210, 10), np.ones(210, bool), stratum)
    assert made.most == pytest.approx(10)
    assert made.clipped == 1
    assert made.weight.max() == pytest.approx(1)


def test_strata_are_tenths_and_equal_scores_stay_together():
    score = np.arange(100.0)
    assert np.bincount(strata_of(score, score >= 0)).tolist() == [10] * 10
    assert len(set(strata_of(np.ones(9), np.ones(9, bool)))) == 1


def test_the_effect_is_found_and_rows_of_one_person_tell_no_more_than_one():
    rng = np.random.default_rng(2)
    margin = rng.normal(-1, 1, 8000)
    exposed = rng.random(8000) < sigmoid(margin)
    outcome = (rng.random(8000) < sigmoid(margin - 0.7 * exposed)).astype(float)
    ones, person = np.ones(8000), np.arange(8000)
    found = effect_beside(margin, exposed, outcome, ones, person)
    assert found.low < -0.7 < found.high
    assert found.high - found.low < 0.35
    twice = np.tile(np.arange(8000), 2)
    rows = (margin[twice], exposed[twice], outcome[twice], ones[twice])
    same, others = effect_beside(*rows, person[twice]), effect_beside(*rows, np.arange(16000))
    assert tuple(same) == pytest.approx(tuple(found), abs=1e-6)
    assert (others.high - others.low) * np.sqrt(2) == pytest.approx(found.high - found.low)


def test_too_few_cases_among_those_reached_tell_no_effect():
    rows = pd.concat([question(patient_id=f"p{n}", outcome=int(n < 19)) for n in range(60)])
    source = {"outreach": steps(*[(f"p{n}", "2024-01-14", "contacted") for n in range(60)])}
    with pytest.raises(RefusalError, match="Of 60 rows of people who were reached 19 are cases"):
        treated_rows(
            pd.DataFrame({"age": np.full(60, 70.0)}), rows, np.full(60, "train"), source, THROUGH,
            CARRIED, FeedbackSettings("flag"), INVENTED,
        )  # fmt: skip
