"""Reasons: they add up, they are grouped, and a person can read them."""

import json
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.errors import RefusalError
from features.definitions import FEATURES, feature
from serving.model import RiskModel
from serving.reasons import (
    SMALLEST_SHARE,
    evidence_names,
    reasons,
    said,
    shares,
    written_date,
)
from tests.serving.quick import NAMES, drawn_questions, write_quick_model

AS_OF = date(2024, 6, 1)


@pytest.fixture(scope="module")
def questions():
    return drawn_questions(3000)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_quick_model(folder, "readmission")
    return RiskModel.load(folder)


def test_shares_and_base_add_up_to_the_margin_before_grouping(model, questions):
    contributions = model.contributions(questions)
    assert np.abs(contributions.sum(axis=1) - model.margin(questions)).max() < 1e-6
    assert shares(model, questions).shape == (len(questions), len(NAMES))


def test_shares_that_do_not_add_up_are_refused(model, questions):
    class Lying(RiskModel):
        def contributions(self, X):
            return super().contributions(X) + 1e-6

    lying = Lying(model.booster, model.calibrator, model.metadata, model.version)
    with pytest.raises(RefusalError, match="do not add up"):
        reasons(lying, questions.head(), AS_OF)


def test_every_concept_together_is_the_margin_without_the_base(model, questions):
    """With nothing left out for being small or sensitive, the groups hold all of the shares."""
    X = questions.head(50)
    told = reasons(model, X, AS_OF, top=99, lowering=99, with_sensitive=True)
    rest = model.contributions(X)[:, :-1].sum(axis=1)
    for row, given in enumerate(told):
        left = rest[row] - sum(r.share for r in given)
        assert abs(left) < SMALLEST_SHARE * len(NAMES)
        assert len({r.concept for r in given}) == len(given)


def test_windows_of_one_channel_are_one_reason(model, questions):
    X = questions[questions["emergency_visits_count_90"] > 2].head(20)
    alone = model.contributions(X)[:, [1, 2]].sum(axis=1)
    for row, given in enumerate(reasons(model, X, AS_OF, top=99, lowering=99)):
        [visits] = [r for r in given if r.concept == "emergency visits"]
        assert visits.share == pytest.approx(alone[row], abs=1e-12)


def test_raising_reasons_come_first_then_lowering_ones_by_weight(model, questions):
    for given in reasons(model, questions.head(200), AS_OF, top=3, lowering=2):
        raising = [r.share for r in given if r.direction == "raises"]
        lowering = [r.share for r in given if r.direction == "lowers"]
        assert [r.share for r in given] == raising + lowering
        assert raising == sorted(raising, reverse=True)
        assert all(s >= SMALLEST_SHARE for s in raising)
        assert lowering == sorted(lowering)
        assert all(s <= -SMALLEST_SHARE for s in lowering)
        assert len(raising) <= 3
        assert len(lowering) <= 2


def test_sensitive_reasons_are_left_out_unless_asked_for(model, questions):
    X = questions[questions["psychiatric_stays_count_365"] > 0].head(50)
    masked = reasons(model, X, AS_OF)
    assert not any(r.sensitive or "psychiatric" in r.words for row in masked for r in row)
    open_ = reasons(model, X, AS_OF, with_sensitive=True)
    assert any(r.sensitive == "mental health" for row in open_ for r in row)


def test_each_row_has_its_own_day(model, questions):
    X = questions[questions["emergency_visits_count_90"] > 2].head(2)
    told = reasons(model, X, [date(2024, 6, 1), date(2024, 2, 1)])
    words = [next(r.words for r in row if r.concept == "emergency visits") for row in told]
    assert "the last on 12 March" in words[0]
    assert "the last on 12 November 2023" in words[1]


def test_one_row_has_the_reasons_that_it_has_among_others(model, questions):
    together = reasons(model, questions.head(30), AS_OF)
    alone = [reasons(model, questions.iloc[[n]], AS_OF)[0] for n in range(30)]
    assert together == alone
    assert json.dumps(together[0][0].share) == json.dumps(alone[0][0].share)


def test_evidence_asks_for_the_day_of_the_last_event():
    assert evidence_names(["age", "emergency_visits_count_90"]) == [
        "age", "emergency_visits_count_90", "emergency_visits_days_since",
    ]  # fmt: skip


NAN = math.nan
WORDS = [
    ("emergency_visits_count_90", 3, 81, "3 emergency visits in the last 90 days, "
     "the last on 12 March"),
    ("emergency_visits_count_90", 1, 81, "1 emergency visit in the last 90 days, on 12 March"),
    ("emergency_visits_count_90", 1, NAN, "1 emergency visit in the last 90 days"),
    ("emergency_visits_count_90", 0, 300, "no emergency visits in the last 90 days"),
    ("office_visits_count_90", 0, NAN, "no office visits in the last 90 days"),
    ("emergency_visits_trend_180", 2, 10, "2 more emergency visits in the last 90 days than in "
     "the 90 before"),
    ("emergency_visits_trend_180", -1, 10, "1 fewer emergency visit in the last 90 days than in "
     "the 90 before"),
    ("emergency_visits_days_since", 12, NAN, "last emergency visit 12 days ago (20 May)"),
    ("emergency_visits_days_since", 1, NAN, "last emergency visit 1 day ago (31 May)"),
    ("emergency_visits_days_since", 0, NAN, "last emergency visit on 1 June"),
    ("acute_stays_days_since", 220, NAN, "last hospital discharge 220 days ago (25 October 2023)"),
    ("nursing_stays_days_since", 12, NAN, "last skilled nursing stay began 12 days ago (20 May)"),
    ("home_health_days_since", 12, NAN, "last home health episode began 12 days ago (20 May)"),
    ("acute_stay_open_days_since", 2, NAN, "admitted to hospital 2 days ago (30 May)"),
    ("acute_stay_open_days_since", 0, NAN, "admitted to hospital on 1 June"),
    ("emergent_stays_365", 2, 40, "2 emergency hospital stays that ended in the last 365 days"),
    ("last_stay_days", 6, 40, "last hospital stay of 6 days, on 22 April"),
    ("last_stay_days", NAN, NAN, "no hospital stay seen in the last 365 days"),
    ("last_stay_days", NAN, 500, "no hospital stay seen in the last 365 days"),
    ("last_stay_to_home", NAN, 40, "where the last stay ended: not known"),
    ("last_stay_principal", 108, 40, "last stay was for Congestive heart failure; "
     "nonhypertensive, on 22 April"),
    ("office_visits_since_discharge", 0, NAN, "no office visit since the last discharge"),
    ("haemoglobin_last", 9.84, 20, "last haemoglobin 9.8 g/dL, on 12 May"),
    ("haemoglobin_last", NAN, NAN, "no haemoglobin result seen in the last 365 days"),
    ("haemoglobin_change_365", NAN, 20, "fewer than two haemoglobin results seen in the last "
     "365 days"),
    ("cost_total_365", 12345.6, NAN, "$12,346 of care in the last 365 days"),
    ("cost_total_365", 0, NAN, "no cost of care in the last 365 days"),
    ("age", 84, NAN, "84 years old"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "last", "words"), WORDS)
def test_words(name, value, last, words):
    assert said(feature(name), value, last, AS_OF) == words


def test_when_something_last_was_is_said_in_one_form():
    since = [declared for declared in FEATURES if declared.how == "days_since"]
    assert since
    for declared in since:
        words = said(declared, 12, NAN, AS_OF)
        assert words.endswith(" 12 days ago (20 May)")
        assert " since " not in words
        assert not words.startswith("the ")


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0, 100.0, NAN])
def test_no_feature_speaks_of_causes_or_shows_its_template(value):
    for declared in FEATURES:
        words = said(declared, value, 5.0, AS_OF)
        assert words
        assert "{" not in words
        assert not words.startswith("0 ") or declared.how in ("days_since", "age")
        for causal in ("because", "caused", "leads to", "raises", "results in"):
            assert causal not in words


def test_a_date_of_another_year_names_it():
    assert written_date(date(2024, 3, 2), AS_OF) == "2 March"
    assert written_date(date(2023, 12, 31), AS_OF) == "31 December 2023"


def test_words_read_on_a_later_day_say_up_to_which_day_they_looked():
    visits = feature("emergency_visits_count_90")
    asked, night = date(2023, 12, 31), date(2024, 3, 31)
    assert said(visits, 2, 40, asked, night) == (
        "2 emergency visits in the 90 days to 31 December 2023, the last on 21 November 2023"
    )
    assert said(visits, 2, 40, asked, asked) == (
        "2 emergency visits in the last 90 days, the last on 21 November"
    )


def test_what_moves_with_the_day_says_which_day_it_was():
    asked, night = date(2024, 12, 10), date(2024, 12, 31)
    assert said(feature("albumin_last"), 3.04, 7, asked, night) == (
        "as of 10 December: last albumin 3.0 g/dL, on 3 December"
    )
    assert said(feature("emergency_visits_days_since"), 48, NAN, asked, night) == (
        "as of 10 December: last emergency visit on 23 October"
    )
    assert said(feature("age"), 84, NAN, asked, night) == "84 years old"


def test_a_change_too_small_to_be_told_is_none():
    words = said(feature("haemoglobin_change_365"), -0.04, 20, date(2024, 6, 1))
    assert words.startswith("haemoglobin unchanged in the last 365 days")


COSTS = ["cost_total_30", "cost_inpatient_365", "cost_pharmacy_365"]
VISITS, STAYS = "emergency_visits_count_90", "acute_stays_count_365"


class Telling(RiskModel):
    """A model whose contributions are given."""

    weights: tuple[float, ...] = ()

    def contributions(self, X):
        return np.array([[*self.weights, 0.0]])

    def margin(self, X):
        return np.array([sum(self.weights)])


def telling(model: RiskModel, names: list[str], *weights: float, **more: str) -> Telling:
    made = Telling(
        model.booster, model.calibrator, model.metadata | {"features": names} | more, model.version
    )
    made.weights = weights
    return made


@pytest.mark.parametrize(
    ("name", "value", "can"),
    [
        ("office_visits_since_discharge", 0, True),  # not seen since: that is what to act on
        ("office_visits_since_discharge", 1, False),  # it took place
        ("follow_up_within_7", 0, True),
        ("follow_up_within_7", 1, False),
        ("follow_up_within_7", math.nan, False),  # no stay: there is nothing to follow up
        ("acute_stays_days_since", 0, True),  # discharged today
        ("acute_stays_days_since", 1, True),
        ("emergency_visits_days_since", 0, True),
        ("office_visits_count_90", 0, True),
        ("emergency_visits_count_90", 3, True),
        ("age", 80, False),
        ("drug_fills_count_90", 0, False),  # no suggestion about a drug that nobody takes
        ("drug_fills_count_90", 4, True),
        ("anticoagulants_gap_days_180", 60, True),
        ("diagnosis_49_365", 0, False),
        ("diagnosis_49_365", 2, True),
        ("emergency_visits_count_90", 0, False),  # none is well
        ("drug_fills_since_discharge", 0, True),  # the uncollected prescription
        ("haemoglobin_last", 8.9, True),
        ("haemoglobin_last", 14.0, False),  # within limits
        ("haemoglobin_last", math.nan, False),  # never measured
        ("potassium_last", math.nan, False),
        ("haemoglobin_lowest_365", 11.9, True),
        ("haemoglobin_days_since", 200, False),
        ("haemoglobin_change_365", 0.6, False),  # "bleeding", of one that has risen
        ("screened_education_730", 0, False),
        ("screened_education_730", 1, True),
        ("screening_distinct_365", 3, False),  # asked, and what he said is told elsewhere
    ],
)
def test_what_is_not_there_is_acted_on_where_it_is_care_and_not_where_it_is_a_condition(
    model, name, value, can
):
    X = pd.DataFrame(float(value), index=[0], columns=evidence_names([name]))
    [[found]] = reasons(telling(model, [name], 0.9), X, AS_OF)
    assert found.actionable is can


@pytest.mark.parametrize(
    ("task", "weights", "told"),
    [
        ("readmission", (0.9, 0.8, 0.7, 0.6, 0.5), [COSTS[0], VISITS, STAYS]),
        ("readmission", (0.7, 0.9, 0.8, 0.6, 0.5), [COSTS[1], VISITS, STAYS]),
        ("readmission", (0.9, 0.8, -0.7, 0.6, -0.5), [COSTS[0], VISITS, COSTS[2], STAYS]),
        ("readmission", (0.9, 0.8, -0.7, 0.6, -0.8), [COSTS[0], VISITS, STAYS, COSTS[2]]),
        ("readmission", (-0.9, -0.8, -0.7, 0.6, 0.5), [VISITS, STAYS, COSTS[0]]),
        ("high-cost", (0.9, 0.8, 0.7, 0.6, 0.5), COSTS),
        ("high-cost", (0.9, 0.8, -0.7, 0.6, 0.5), [COSTS[0], COSTS[1], VISITS, COSTS[2]]),
    ],
)
def test_beside_a_readmission_one_reason_at_most_is_about_cost(model, task, weights, told):
    """The strongest one of those that raise the risk, and of those that lower it: counted together,
    a sensitive reason that somebody may not see would decide what he sees of the others."""
    names = [*COSTS, VISITS, STAYS]
    X = pd.DataFrame(1.0, index=[0], columns=evidence_names(names))
    made = telling(model, names, *weights, task=task, kind=task)
    [found] = reasons(made, X, AS_OF, top=3, lowering=2)
    assert [r.concept for r in found] == [feature(name).concept for name in told]


def test_that_nothing_is_known_is_no_reason(model, questions):
    told = [r.words for row in reasons(model, questions.head(50), AS_OF, lowering=2) for r in row]
    assert told
    assert not [words for words in told if words.endswith("not known")]
