"""The scores that clinicians know beside each other: whole, as a range, or not known and why."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from random import Random

import pandas as pd
import pytest

from features.as_of import features_as_of
from features.hospital_score import FORMS, hospital
from features.indices import (
    SCORES,
    known_scores,
    person_scores,
    prior_admissions,
    prior_year_cost,
    score_called,
    stay_scores,
)
from features.lace import lace
from tests.features.agreement import questions
from tests.features.asked_stays import asked, stay, stays
from tests.features.family_specs import NAN, Tables, diagnoses, results, together
from tests.features.invented_rows import invented
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows

OF_STAYS = [score.name for score in SCORES if score.of_stay]
OF_PEOPLE = [score.name for score in SCORES if not score.of_stay]

ILL = together(
    stays(
        stay(5, 1, admission_type="elective", specialty="cardiology"),
        stay(40, 38),
        {"kind": "emergency", "started_on": ago(40)},
    ),
    diagnoses((3, "I509"), (3, "E1121")),
    results("718-7", (2, 11.0)),
    results("2951-2", (2, 140.0)),
    rows("cost", {"happened_on": ago(9), "allowed_cents": 937_600}),
)


def _known(
    tables: Tables, carries: tuple[str, ...] = CARRIES
) -> dict[str, tuple[float, float, str]]:
    found = known_scores(histories(tables, carries), asked())
    return {s.name: (found[f"{s.name}_low"].item(), found[f"{s.name}_high"].item(),
                     found[f"{s.name}_lacking"].item()) for s in SCORES}  # fmt: skip


def _without(*feeds: str) -> tuple[str, ...]:
    return tuple(feed for feed in CARRIES if feed not in feeds)


def test_all_scores_of_one_person() -> None:
    """4 days, elective, heart failure 2 + diabetes with damage 2, one emergency visit before;
    haemoglobin 11, sodium 140, cardiology, one admission before."""
    hcc = features_as_of(histories(ILL), asked(), ["hcc_v28_365"])["hcc_v28_365"].item()
    assert _known(ILL) == {
        "lace": (4 + 0 + 5 + 1, 10, ""),
        "hospital_2016": (1 + 0 + 0 + 0 + 0 + 0 + 0, 1, ""),
        "hospital_2013": (1 + 0 + 0 + 0 + 0 + 2 + 0, 3, ""),
        "hospital_simplified": (1 + 0 + 0 + 0 + 0 + 0, 1, ""),
        "charlson_1987": (1 + 2, 3, ""),
        "charlson_2011": (2 + 1, 3, ""),
        "elixhauser": (7 + 0, 7, ""),
        "hcc_v28": (hcc, hcc, ""),
        "prior_year_cost": (9_376, 9_376, ""),
    }
    assert hcc > 0


def test_a_range_says_what_is_not_known() -> None:
    found = _known(ILL, _without("admission_type", "lab_result", "specialty"))
    assert found["lace"] == (10, 13, "admission type")
    assert found["hospital_2016"] == (
        0, 5, "haemoglobin at discharge, oncology discharge, sodium at discharge, admission type",
    )  # fmt: skip
    assert found["hospital_simplified"] == (
        0, 5, "haemoglobin at discharge, oncology discharge or active cancer, sodium at "
        "discharge, admission type",
    )  # fmt: skip
    found = _known(ILL, _without("diagnosis", "emergency_visits", "icd_procedures"))
    assert found["lace"][2] == "comorbidities, emergency visits"
    assert found["hospital_2016"][2] == "procedures"


NOT_EVALUABLE = [
    ("encounter", OF_STAYS, "no encounters are carried"),
    ("diagnosis", ["charlson_1987", "charlson_2011", "elixhauser"], "no diagnoses are carried"),
    ("icd10_diagnoses", ["hcc_v28"], "no ICD-10-CM diagnoses are carried"),
]


@pytest.mark.parametrize(("feed", "names", "why"), NOT_EVALUABLE)
def test_what_is_not_evaluable_says_why(feed: str, names: list[str], why: str) -> None:
    found = _known(ILL, _without(feed))
    for name in names:
        low, high, lacking = found[name]
        assert math.isnan(low)
        assert math.isnan(high)
        assert lacking == why


def test_cost_is_not_known_without_costs_or_before_any_yearly_total() -> None:
    assert _known(ILL, ("member",))["prior_year_cost"][2] == "no costs are carried"
    low, _, why = _known({}, ("cost", "cost_year"))["prior_year_cost"]
    assert math.isnan(low)
    assert why == "no amount is seen"


def test_without_a_stay_only_the_scores_about_the_person_are_known() -> None:
    found = _known(diagnoses((3, "I509")))
    for name in OF_STAYS:
        assert math.isnan(found[name][0])
        assert found[name][2] == "no discharge from an acute stay is seen"
    assert found["charlson_2011"] == (2, 2, "")
    assert found["prior_year_cost"] == (0, 0, "")


def test_side_by_side_they_are_what_each_says_alone() -> None:
    held = histories(invented(Random(3), 120))
    index = questions(AS_OF, ago(30))
    index["admitted_on"] = ago(365)
    index.index = pd.RangeIndex(7, 7 + len(index))
    found = known_scores(held, index)
    assert found.index.equals(index.index)
    assert list(found) == [f"{s.name}_{c}" for s in SCORES for c in ("low", "high", "lacking")]
    for bound in ("low", "high"):
        assert found[f"lace_{bound}"].equals(lace(held, index)[f"lace_{bound}"])
        for form in FORMS:
            name = f"{form.name}_{bound}"
            assert found[name].equals(hospital(held, index, form)[name])
    assert found["prior_year_cost_low"].equals(
        prior_year_cost(held, index).astype(float).rename("prior_year_cost_low")
    )
    assert found[list(stay_scores(held, index))].equals(stay_scores(held, index))
    named = person_scores(held, index, ("charlson_2011", "prior_year_cost"))
    assert list(named) == [f"{n}_{c}" for n in ("charlson_2011", "prior_year_cost")
                           for c in ("low", "high", "lacking")]  # fmt: skip
    assert found[list(named)].equals(named)


@pytest.mark.parametrize(
    ("name", "low", "high", "lacking", "words"),
    [
        ("lace", 11, 11, "", "LACE 11 (high)"),
        (
            "lace",
            8,
            11,
            "admission type",
            "LACE 8–11 (moderate to high; not known: admission type)",
        ),
        ("lace", NAN, NAN, "no discharge", "LACE not known: no discharge"),
        ("hospital_2016", 0, 0, "", "HOSPITAL 0 (low)"),
        ("charlson_2011", 3, 3, "", "Charlson 3"),
        ("elixhauser", -3, -3, "", "Elixhauser (van Walraven) -3"),
        ("hcc_v28", 0.331, 0.331, "", "CMS-HCC V28 (conditions) 0.331"),
        ("prior_year_cost", 9375.6, 9375.6, "", "prior-year cost $9,376"),
    ],
)
def test_in_words(name: str, low: float, high: float, lacking: str, words: str) -> None:
    assert score_called(name).say(low, high, lacking) == words


@pytest.mark.parametrize(
    ("name", "low", "high", "group"),
    [
        ("lace", 10, 10, "high"),
        ("lace", 9, 9, "moderate"),
        ("hospital_2016", 6, 6, "intermediate"),
        ("hospital_2013", 7, 8, "high"),
        ("hospital_simplified", 4, 5, "unlikely to likely"),
        ("charlson_2011", 5, 5, ""),
        ("lace", NAN, NAN, ""),
    ],
)
def test_group(name: str, low: float, high: float, group: str) -> None:
    assert score_called(name).group(low, high) == group


def test_every_score_says_what_it_was_made_for() -> None:
    for score in SCORES:
        assert bool(score.made_for) == (score.name != "prior_year_cost"), (
            "what was predicts nothing"
        )
    assert "potentially avoidable" in score_called("hospital_2016").made_for
    assert "death or unplanned readmission" in score_called("lace").made_for


def test_all_but_the_cost_are_points() -> None:
    assert {score.name: score.unit for score in SCORES if score.unit != "points"} == {
        "prior_year_cost": "US dollars"
    }


def test_there_is_no_score_of_another_name() -> None:
    with pytest.raises(KeyError):
        score_called("apgar")


def test_prior_admissions_are_those_of_the_year_before_this_one() -> None:
    tables = stays(stay(5, 1), stay(6, 6), stay(5 + 365, 300), stay(5 + 366, 366))
    found = prior_admissions(histories(tables), asked())
    assert (found.name, found.tolist()) == ("prior_admissions", [2])
    assert prior_admissions(histories({}), asked()).isna().all()


def test_prior_year_cost_is_of_claims_or_else_of_the_calendar_year() -> None:
    claim = {"happened_on": ago(3), "allowed_cents": 5_000}
    year = {"happened_on": ago(0), "allowed_cents": 9_000, "covers": "year"}
    both = histories(rows("cost", claim, year))
    found = prior_year_cost(both, asked())
    assert (found.name, found.tolist()) == ("prior_year_cost", [50.0])
    # claims are carried, and the source says that its costs are those of years
    told_by_year = replace(both, manifest={**both.manifest, "cost_covers": "year"})
    assert prior_year_cost(told_by_year, asked()).tolist() == [90.0]
    only_years = histories(rows("cost", claim, year), ("cost", "cost_year"))
    assert prior_year_cost(only_years, asked()).tolist() == [90.0]
    assert prior_year_cost(histories({}, ("member",)), asked()).isna().all()


def test_what_is_known_later_is_not_seen_yet() -> None:
    """The stay, its results and its costs become known on 3 January; it is 31 December."""
    later: Tables = {
        table: [{**row, "known_on": date(2021, 1, 3)} for row in made]
        for table, made in ILL.items()
    }
    found = _known(later)
    assert math.isnan(found["lace"][0])
    assert (found["charlson_2011"][0], found["prior_year_cost"][0]) == (0, 0)
