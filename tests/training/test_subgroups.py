"""Figures within groups, as a reader with a pencil and scikit-learn finds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from serving.calibrator import logit, sigmoid
from training.cohorts.groups import Grouping
from training.evaluation.evaluate import Scored
from training.evaluation.subgroups import FIGURES, disparities, subgroups
from training.settings.model_settings import EvaluationSettings
from training.statistics.called import CALLED, called
from training.statistics.logistic import intercept_and_slope
from training.statistics.resampling import resampled

FEW = EvaluationSettings(replicates=20, judgeable_events=1)

#  list, person, group, margin, risk, case, weight; each list is short: its first one is called
TABLE = (
    (1, "p1", "a", 0.9, 0.8, 1, 1),
    (1, "p2", "b", 0.5, 0.4, 0, 1),
    (1, "p3", "b", 0.1, 0.1, 1, 2),
    (2, "p4", "b", 0.8, 0.7, 0, 1),
    (2, "p5", "a", 0.3, 0.2, 1, 3),
    (2, "p6", "a", 0.2, 0.2, 0, 1),
    (3, "p7", "a", 0.7, 0.6, 0, 2),
    (3, "p8", "b", 0.6, 0.5, 1, 1),
)  # fmt: skip


def by_hand() -> tuple[Scored, Grouping]:
    period, person, group, margin, risk, case, weight = (
        np.array(c) for c in zip(*TABLE, strict=True)
    )
    scored = Scored(
        outcome=case.astype(np.float64), risk=risk, margin=margin, patient_id=person.astype(object),
        period=period, baselines={}, weights=weight.astype(np.float64),
    )  # fmt: skip
    return scored, Grouping("group", group.astype(object))


def invented(rows: int = 1200, seed: int = 4) -> tuple[Scored, Grouping]:
    """Four rows a person, of two groups and of no group; risks of group b are half of the true."""
    rng = np.random.default_rng(seed)
    person = np.arange(rows) // 4
    group = np.array(["a", "b", ""], dtype=object)[rng.choice(3, rows // 4 + 1, p=[0.5, 0.4, 0.1])]
    of = group[person]
    margin = rng.normal(-1, 1, rows)
    true = sigmoid(margin)
    scored = Scored(
        outcome=(rng.random(rows) < true).astype(np.float64),
        risk=np.where(of == "b", true / 2, true), margin=margin,
        patient_id=np.char.add("p", person.astype(str)).astype(object),
        period=np.arange(rows) % 4, baselines={}, weights=rng.uniform(0.5, 2, rows),
    )  # fmt: skip
    return scored, Grouping("group", of)


def test_every_figure_of_a_group_is_what_a_pencil_finds():
    scored, grouping = by_hand()
    made = subgroups(scored, [grouping], FEW).set_index("group")
    a, b = made.loc["a"], made.loc["b"]
    # of a: p1 a called case of weight 1, p5 a case of 3, p6 none of 1, p7 a called none of 2
    assert a["rows"] == a["people"] == b["rows"] == 4
    assert [a["events"], b["events"]] == [2, 2]
    assert a["base_rate"] == pytest.approx((1 + 3) / (1 + 3 + 1 + 2))
    assert a["mean_risk"] == pytest.approx((0.8 + 3 * 0.2 + 0.2 + 2 * 0.6) / 7)
    assert a["called"] == pytest.approx((1 + 2) / 7)
    assert a["sensitivity"] == pytest.approx(1 / (1 + 3))
    assert a["ppv"] == pytest.approx(1 / (1 + 2))
    # p1 above p6 and p7, p5 above p6 alone: the weights of these pairs, of all pairs
    assert a["auroc"] == pytest.approx((1 * 1 + 1 * 2 + 3 * 1) / ((1 + 3) * (1 + 2)))
    assert a["observed_to_expected"] == pytest.approx((1 + 3) / (0.8 + 3 * 0.2 + 0.2 + 2 * 0.6))
    # of b: p2 none of 1, p3 a case of 2, p4 a called none of 1, p8 a case of 1
    assert b["called"] == pytest.approx(1 / 5)
    assert [b["sensitivity"], b["ppv"]] == [0, 0]
    assert b["auroc"] == pytest.approx(1 * 1 / ((2 + 1) * (1 + 1)))  # only p8 above p2
    assert b["observed_to_expected"] == pytest.approx(3 / (0.4 + 2 * 0.1 + 0.7 + 0.5))


def test_how_far_groups_stand_apart():
    scored, grouping = by_hand()
    one = Grouping("all one", np.full(8, "c", dtype=object))
    made = disparities(scored, [grouping, one], FEW).set_index("grouping")
    found = made.loc["group"]
    assert found["groups"] == 2
    assert found["called_difference"] == pytest.approx(3 / 7 - 1 / 5)
    assert found["called_ratio"] == pytest.approx((1 / 5) / (3 / 7))
    assert found["sensitivity_difference"] == pytest.approx(1 / 4 - 0)
    assert [found["most_called"], found["least_called"]] == ["a", "b"]
    assert made.loc["all one", "groups"] == 1
    assert np.isnan(made.loc["all one", "called_difference"])
    strict = disparities(scored, [grouping], replace(FEW, judgeable_events=3)).iloc[0]
    assert strict["groups"] == 0
    assert np.isnan(strict["sensitivity_difference"])


def test_a_group_with_too_few_cases_stands_there_without_figures():
    scored, grouping = by_hand()
    lone = Grouping("group", np.where(np.arange(8) == 0, "one case", grouping.of).astype(object))
    made = subgroups(scored, [lone], replace(FEW, judgeable_events=2)).set_index("group")
    assert made["judgeable"].to_dict() == {"a": False, "b": True, "one case": False}
    bounds = [f"{x}{end}" for x in FIGURES for end in ("", "_low", "_high")]
    assert made.loc[["a", "one case"], bounds].isna().all(axis=None)
    assert made.loc["one case", ["rows", "people", "events", "base_rate"]].tolist() == [1, 1, 1, 1]
    assert made.loc["b", ["auroc", "called_low", "ppv_high"]].notna().all()


def slowly(scored: Scored, rows: np.ndarray, times: np.ndarray) -> dict[str, float]:
    """The figures of some rows, each copied as often as its person was drawn."""
    take = np.repeat(rows, times[rows].astype(int))
    y, p, w = scored.outcome[take], scored.risk[take], scored.weights[take]
    listed = called(scored.margin, scored.period, scored.patient_id, CALLED)[take]
    return {
        "auroc": roc_auc_score(y, scored.margin[take], sample_weight=w),
        "observed_to_expected": np.sum(w * y) / np.sum(w * p),
        "calibration_slope": intercept_and_slope(logit(p), y, w)[1],
        "called": np.average(listed, weights=w),
        "sensitivity": np.average(listed[y == 1], weights=w[y == 1]),
        "ppv": np.average(y[listed], weights=w[listed]) if listed.any() else np.nan,
    }


def test_values_and_intervals_are_those_of_a_slow_second_count():
    scored, grouping = invented()
    made = subgroups(scored, [grouping], FEW).set_index("group")
    assert made.index.tolist() == ["a", "b"]  # whoever is not told is in none
    drawn = list(resampled(scored.patient_id.astype(str), FEW.replicates, FEW.seed))
    for name in ("a", "b"):
        rows = np.flatnonzero(grouping.of == name)
        once = slowly(scored, rows, np.ones(len(scored.outcome)))
        many = pd.DataFrame([slowly(scored, rows, times) for times in drawn])
        for figure, value in once.items():
            near = {"rel": 5e-3} if figure == "calibration_slope" else {"rel": 1e-9}
            assert made.loc[name, figure] == pytest.approx(value, **near)
            low, high = many[figure].quantile([0.025, 0.975])
            assert made.loc[name, f"{figure}_low"] == pytest.approx(low, **near)
            assert made.loc[name, f"{figure}_high"] == pytest.approx(high, **near)


def test_a_group_whose_risks_are_halved_is_seen():
    scored, grouping = invented()
    made = subgroups(scored, [grouping], FEW)
    low = made.set_index("group")["observed_to_expected_low"]
    high = made.set_index("group")["observed_to_expected_high"]
    assert low["b"] > 1.5
    assert low["a"] < 1.1 < high["b"]
    assert high["a"] < 1.5


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_the_true_slope_is_that_of_the_true_risk(slope):
    scored, grouping = invented()
    assert subgroups(scored, [grouping], FEW)["true_slope"].isna().all()
    known = np.arange(len(scored.outcome)) % 2 == 0
    truth = np.where(known, sigmoid(0.3 + slope * logit(scored.risk)), np.nan)
    made = subgroups(replace(scored, truth=truth), [grouping], FEW)
    # no luck in it: each replicate has the same slope, but for the width of the bins
    for bound in ("true_slope", "true_slope_low", "true_slope_high"):
        assert made[bound].to_numpy() == pytest.approx([slope, slope], rel=0.01)


def test_nothing_hangs_on_the_order_of_rows_or_the_size_of_weights():
    scored, grouping = invented(400)
    told = subgroups(scored, [grouping], FEW)
    order = np.random.default_rng(1).permutation(len(scored.outcome))
    other = replace(scored.part(order), weights=7 * scored.weights[order])
    turned = subgroups(other, [Grouping("group", grouping.of[order])], FEW)
    pd.testing.assert_frame_equal(told, turned)


def test_nobody_told_is_a_table_without_rows():
    scored, _ = by_hand()
    nobody = Grouping("race or ethnicity", np.full(8, "", dtype=object))
    assert subgroups(scored, [nobody], FEW).empty
    assert disparities(scored, [nobody], FEW)["groups"].tolist() == [0]


def test_a_group_that_is_never_called_has_no_ppv():
    scored, _ = by_hand()
    of = np.where(np.isin(scored.patient_id, ["p3", "p2"]), "never", "other").astype(object)
    made = subgroups(scored, [Grouping("group", of)], FEW).set_index("group")
    assert np.isnan(made.loc["never", "ppv"])
    assert [made.loc["never", "called"], made.loc["never", "sensitivity"]] == [0, 0]
