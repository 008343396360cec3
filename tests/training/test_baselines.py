"""A score that lacks a part says so in its name, and what each baseline was made for is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.lace import ITEMS as LACE_PARTS
from features.window import to_day
from tests.features.asked_stays import stay, stays
from tests.features.family_specs import diagnoses, results, together
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows
from training.evaluation.baselines import baselines_of, made_for, named
from training.evaluation.evaluate import Scored, evaluate
from training.settings.tasks import READMISSION

nan = np.nan
PARTS = [  # l, a, c, e          of two discharges
    ("all four", [(3, 3, 2, 1), (1, 0, 0, 0)], "LACE", [9, 1]),
    ("no admission type", [(3, nan, 2, 1), (1, nan, 0, 0)], "LACE without A", [6, 1]),
    ("inpatient claims only", [(3, nan, 2, nan), (1, nan, 0, nan)], "LACE without A, E", [5, 1]),
    ("one part of half of them unknown", [(3, 3, 2, 1), (nan, 0, 0, 0)], "LACE", [9, nan]),
    ("one part of most unknown", [(3, 3, 2, 1), (1, nan, 0, 0), (2, nan, 1, 1)],
     "LACE without A", [6, 1, 4]),
    ("7 + 3 of 19 points", [(3, 3, nan, nan), (1, 0, nan, nan)], "LACE without C, E", [6, 1]),
    ("5 + 4 of 19 points", [(nan, nan, 2, 1), (nan, nan, 0, 0)], "LACE", [nan, nan]),
    ("next to nothing", [(3, nan, nan, nan), (1, nan, nan, nan)], "LACE", [nan, nan]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "parts", "name", "score"), PARTS, ids=[row[0] for row in PARTS])
def test_a_score_is_named_by_what_it_lacks(case, parts, name, score):
    found = named(pd.DataFrame(parts, columns=list("lace"), dtype=float), LACE_PARTS, "LACE")
    assert list(found) == [name]
    assert found[name].tolist() == pytest.approx(score, nan_ok=True)


# 8 days, an emergency, heart failure and a cancer, one admission and one emergency visit before,
# haemoglobin 10, sodium 140, no procedure, seen by a cardiologist
ILL = together(
    stays(stay(9, 1, specialty="cardiology"), stay(40, 38),
          {"kind": "emergency", "started_on": ago(20)}),
    diagnoses((3, "I509"), (3, "C509")),
    results("718-7", (2, 10.0)), results("2951-2", (2, 140.0)),
    rows("cost", {"happened_on": ago(9), "allowed_cents": 937_600}),
)  # fmt: skip


def _asked(**more: Any) -> pd.DataFrame:
    return pd.DataFrame({"patient_id": ["p"], "as_of": [to_day(AS_OF)], **more})


def _baselines(task: str, *lacking: str) -> dict[str, float]:
    carries = tuple(feed for feed in CARRIES if feed not in lacking)
    found = baselines_of(histories(ILL, carries), _asked(), task)
    assert all(score.shape == (1,) and score.dtype == np.float64 for score in found.values())
    return {name: score.item() for name, score in found.items()}


def test_the_baselines_of_readmission():
    assert _baselines("readmission") == {
        "prior admissions": 1,
        "LACE": 5 + 3 + 5 + 1,
        "HOSPITAL 2016": 1 + 0 + 0 + 0 + 1 + 0 + 2,
        "HOSPITAL 2013": 1 + 0 + 0 + 0 + 1 + 2 + 2,
        "HOSPITAL simplified": 1 + 2 + 0 + 1 + 0 + 2,
        "Charlson 2011": 2 + 2,
    }


def test_the_baselines_of_inpatient_claims():
    """No admission type, no emergency visits, no results and no specialties."""
    lacking = ("admission_type", "emergency_visits", "lab_result", "specialty")
    assert _baselines("readmission", *lacking) == {
        "prior admissions": 1,
        "LACE without A, E": 5 + 5,
        "HOSPITAL 2016 without H, O, S, IT": 0 + 0 + 2,
        "HOSPITAL 2013 without H, O, S, IT": 0 + 2 + 2,
        "HOSPITAL simplified without oncology service, H, S, IT": 2 + 0 + 2,
        "Charlson 2011": 4,
    }


def test_without_specialties_and_diagnoses_nothing_tells_the_oncology_item():
    found = _baselines("readmission", "specialty", "diagnosis")
    assert found["HOSPITAL simplified without O"] == 1 + 0 + 1 + 0 + 2
    assert found["LACE without C"] == 5 + 3 + 1
    assert np.isnan(found["Charlson 2011"])


def test_the_baselines_of_high_cost():
    found = _baselines("high-cost")
    hcc = found.pop("CMS-HCC V28 conditions")
    assert hcc > 0
    assert found == {
        "prior-year cost": 9_376, "Charlson 2011": 4, "Elixhauser (van Walraven)": 7 + 4,
    }  # fmt: skip
    lacking = _baselines("high-cost", "diagnosis", "icd10_diagnoses")
    assert [name for name, score in lacking.items() if np.isnan(score)] == [
        "CMS-HCC V28 conditions", "Charlson 2011", "Elixhauser (van Walraven)",
    ]  # fmt: skip


def test_the_stay_is_the_episode_that_the_cohort_names():
    found = baselines_of(histories(ILL), _asked(admitted_on=[to_day(ago(40))]), "readmission")
    assert found["prior admissions"].tolist() == [0]
    assert found["LACE"].tolist() == [7 + 3 + 5 + 0]  # from the first admission on: 39 days


def test_what_each_was_made_for_is_said_once_by_its_whole_name():
    found = made_for(
        ["prior admissions", "LACE without A, E", "HOSPITAL 2016 without O", "HOSPITAL 2013",
         "HOSPITAL simplified without oncology service", "Charlson 2011"],
        "unplanned readmission within 30 days (cms_hwr)",
    )  # fmt: skip
    judged = "and judged here by unplanned readmission within 30 days (cms_hwr): "
    assert found == [
        "made for another outcome (death or unplanned readmission within 30 days of a discharge) "
        + judged + "LACE",
        "made for another outcome (potentially avoidable readmission within 30 days of a "
        "discharge) " + judged + "HOSPITAL 2016, HOSPITAL 2013, HOSPITAL simplified",
        "made for another outcome (death within a year of a discharge) " + judged
        + "Charlson 2011",
    ]  # fmt: skip
    assert made_for(["prior-year cost", "prior emergency encounters"], "high cost") == []


def test_every_published_score_among_the_baselines_says_what_it_was_made_for():
    for task, counts in (("readmission", {"prior admissions"}), ("high-cost", {"prior-year cost"})):
        names = set(_baselines(task)) - counts
        said = " ".join(made_for(names, "x"))
        assert all(name in said for name in names)


def test_an_evaluation_copes_with_a_baseline_that_is_missing_on_rows_or_throughout():
    rng = np.random.default_rng(5)
    margin = rng.normal(size=400)
    outcome = (rng.random(400) < 1 / (1 + np.exp(-margin))).astype(float)
    half = np.where(np.arange(400) % 2, margin, nan)
    scored = Scored(
        outcome=outcome, risk=1 / (1 + np.exp(-margin)), margin=margin,
        patient_id=np.arange(400).astype(str).astype(object), period=np.full(400, "2020"),
        baselines={"HOSPITAL 2016": np.full(400, nan), "LACE": half},
        weights=np.ones(400),
    )  # fmt: skip
    found = evaluate(scored, READMISSION.evaluation)
    assert "HOSPITAL 2016: not evaluable" in found.remarks
    assert "LACE: judged on the 50% of rows of which it is known" in found.remarks
    assert "HOSPITAL 2016" not in found.scores
    assert found.better_than["LACE"]["auroc"].value == pytest.approx(0)  # ours on those rows alone
