"""Net benefit by hand, beside a slow count, and what must not change it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.small_cells import Counts
from tests.training.test_evaluate import scored
from training.evaluation.decision_curve import (
    COLUMNS,
    EVERYBODY,
    NOBODY,
    cross_fitted_risk,
    decision_curve,
    words_of,
)
from training.evaluation.evaluate import OURS, Scored
from training.robustness.lab_pictures import draw_decision_curve
from training.settings.model_settings import EvaluationSettings
from training.statistics.resampling import resampled

QUICK = EvaluationSettings(replicates=25)
INVENTED, OWN = Counts("invented"), Counts("own")


def rows_of(outcome, risk, weights=None, patient_id=None, **baselines) -> Scored:
    y = np.asarray(outcome, dtype=np.float64)
    p = np.asarray(risk, dtype=np.float64)
    return Scored(
        outcome=y, risk=p, margin=p, period=np.zeros(len(y)),
        patient_id=np.array([f"p{n}" for n in (patient_id or range(len(y)))], dtype=object),
        baselines={n: np.asarray(s, dtype=np.float64) for n, s in baselines.items()},
        weights=np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64),
    )  # fmt: skip


def at(curve: pd.DataFrame, score: str, threshold: float) -> float:
    rows = curve[(curve["score"] == score) & np.isclose(curve["threshold"], threshold)]
    return float(rows["net_benefit"].item())


FIVE = rows_of([1, 0, 0, 0, 0], [0.5, 0.5, 0.3, 0.1, 0.1])


@pytest.mark.parametrize(
    ("threshold", "ours", "everybody"),
    [
        # cases and others called, of five; a wrong call costs t / (1 - t) of a case
        (0.1, 1 / 5 - 4 / 5 * (1 / 9), 1 / 5 - 4 / 5 * (1 / 9)),  # all: 0.1 and above are called
        (0.2, 1 / 5 - 2 / 5 * (1 / 4), 1 / 5 - 4 / 5 * (1 / 4)),  # the first three
        (0.4, 1 / 5 - 1 / 5 * (2 / 3), 1 / 5 - 4 / 5 * (2 / 3)),  # the first two
        (0.8, 0.0, 1 / 5 - 4 / 5 * 4),  # nobody
    ],
)
def test_net_benefit_by_hand(threshold, ours, everybody):
    curve = decision_curve(FIVE, QUICK, INVENTED)
    assert at(curve, OURS, threshold) == pytest.approx(ours)
    assert at(curve, EVERYBODY, threshold) == pytest.approx(everybody)
    assert at(curve, NOBODY, threshold) == 0
    assert list(curve.columns) == COLUMNS


def test_thresholds_go_from_a_quarter_of_the_base_rate_to_eight_times_it_below_nine_tenths():
    common = decision_curve(FIVE, QUICK, INVENTED)["threshold"]
    assert (common.min(), common.max()) == (pytest.approx(0.2 / 4), pytest.approx(0.2 * 2**2.125))
    assert common.max() < 0.9
    rare = decision_curve(rows_of([1] + [0] * 99, np.linspace(0.2, 0, 100)), QUICK, INVENTED)[
        "threshold"
    ]
    assert (rare.min(), rare.max()) == (pytest.approx(0.0025), pytest.approx(0.08))


def test_a_weight_is_worth_as_many_rows_of_the_patient():
    weighted = rows_of([1, 0, 0, 1, 0], [0.6, 0.4, 0.2, 0.3, 0.1], weights=[2, 1, 3, 1, 1])
    rows = np.repeat(np.arange(5), [2, 1, 3, 1, 1])
    repeated = replace(weighted.part(rows), weights=np.ones(8))
    pd.testing.assert_frame_equal(
        decision_curve(weighted, QUICK, INVENTED), decision_curve(repeated, QUICK, INVENTED)
    )


def slow(y, p, w, threshold) -> float:
    worth = 0.0
    for outcome, risk, weight in zip(y, p, w, strict=True):
        if risk >= threshold:
            worth += weight if outcome else -weight * threshold / (1 - threshold)
    return worth / sum(w)


ROW = st.tuples(st.booleans(), st.integers(0, 20), st.integers(1, 3), st.integers(0, 5))


@settings(max_examples=60)
@given(st.lists(ROW, min_size=2, max_size=25))
def test_figures_and_intervals_equal_a_slow_count_of_one_row_after_another(rows):
    y, p, w, person = (list(column) for column in zip(*rows, strict=True))
    told = rows_of(y, np.array(p) / 20, w, person)
    curve = decision_curve(told, QUICK, INVENTED)
    if len(set(y)) < 2:
        assert curve.empty
        return
    drawn = [told.weights * k for k in resampled(told.patient_id.astype(str), 25, QUICK.seed)]
    for line in curve[curve["score"] == OURS].iloc[::6].to_dict("records"):
        t = line["threshold"]
        assert line["net_benefit"] == pytest.approx(slow(y, told.risk, w, t), abs=1e-12)
        found = [slow(y, told.risk, k, t) for k in drawn]
        low, high = np.quantile(found, [0.025, 0.975])
        assert (line["low"], line["high"]) == (pytest.approx(low), pytest.approx(high))
        gains = [
            f - max(slow(y, np.ones(len(y)), k, t), 0) for f, k in zip(found, drawn, strict=True)
        ]
        low, high = np.quantile(gains, [0.025, 0.975])
        assert line["gain_low"] == pytest.approx(low, abs=1e-12)
        assert line["gain_high"] == pytest.approx(high, abs=1e-12)


def test_whoever_knows_the_outcome_is_worth_the_base_rate_at_each_threshold():
    y = np.arange(50) % 5 == 0
    curve = decision_curve(rows_of(y, np.where(y, 0.95, 0.001)), QUICK, INVENTED)
    np.testing.assert_allclose(curve.loc[curve["score"] == OURS, "net_benefit"], 0.2)


def test_no_outcome_of_a_patient_tells_of_that_patients_risk_by_a_baseline():
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(40), 3)
    rows = rows_of(rng.random(120) < 0.3, rng.random(120), patient_id=list(person))
    points = np.where(rng.random(120) < 0.1, np.nan, np.round(10 * rng.random(120)))
    turned = replace(rows, outcome=np.where(person == 7, 1 - rows.outcome, rows.outcome))
    one, other = (cross_fitted_risk(points, told, 5) for told in (rows, turned))
    np.testing.assert_array_equal(one[person == 7], other[person == 7])
    assert (one[person != 7] != other[person != 7]).any(), "it tells of the others'"


def test_only_the_order_of_a_baselines_points_counts():
    rows = scored(800)
    points = np.round(rows.margin - rows.margin.min(), 1)
    one, other = (decision_curve(replace(rows, baselines={"LACE": s}), QUICK, INVENTED)
                  for s in (points, np.exp(points)))  # fmt: skip
    pd.testing.assert_frame_equal(one, other)


def test_a_baseline_that_tells_nothing_is_worth_no_more_than_everybody_or_nobody():
    rows = replace(scored(4000), baselines={"noise": np.random.default_rng(1).random(4000)})
    curve = decision_curve(rows, QUICK, INVENTED)
    noise, everybody = (curve.loc[curve["score"] == name, "net_benefit"].to_numpy()
                        for name in ("noise", EVERYBODY))  # fmt: skip
    assert (noise <= np.maximum(everybody, 0) + 0.003).all()


def test_a_baseline_nobody_has_is_left_out_and_who_lacks_one_has_the_rate_of_those():
    y = np.tile([1, 0, 0, 0], 50)
    known = np.arange(200) < 100
    points = np.where(known, 3.0, np.nan)
    outcome = np.where(known, y, np.tile([1, 1, 1, 0], 50))
    rows = rows_of(outcome, np.full(200, 0.5), LACE=points, none=np.full(200, np.nan))
    curve = decision_curve(rows, QUICK, INVENTED)
    assert list(curve["score"].unique()) == [OURS, EVERYBODY, NOBODY, "LACE"]
    risk = cross_fitted_risk(points, rows, 97)
    np.testing.assert_allclose(risk[known], 0.25, atol=0.06)
    np.testing.assert_allclose(risk[~known], 0.75, atol=0.06)


def test_where_there_is_no_case_or_nobody_there_is_no_curve():
    for rows in (rows_of([0, 0], [0.1, 0.2]), rows_of([1, 1], [0.1, 0.2]), rows_of([], [])):
        curve = decision_curve(rows, QUICK, INVENTED)
        assert curve.empty
        assert list(curve.columns) == COLUMNS
        assert words_of(curve) == ""


def test_words_say_at_which_thresholds_it_is_better_and_that_it_may_be_at_none():
    thresholds = [0.05, 0.1, 0.2, 0.4]

    def said(*gains: float) -> str:
        return words_of(pd.DataFrame({"score": OURS, "threshold": thresholds, "gain_low": gains}))

    tried = "(5.0% to 40.0% were tried)"
    better = ("decision curve: calling by our risk is shown to be better than both calling "
              "everybody and calling nobody at")  # fmt: skip
    assert said(0, 0.1, 0.1, 0) == f"{better} thresholds of 10.0% to 20.0% {tried}"
    assert said(0.1, 0, 0.1, 0) == f"{better} 2 of 4 thresholds, between 5.0% and 20.0% {tried}"
    assert said(0, 0, -1, 0) == (
        "decision curve: at no threshold is calling by our risk shown to be better than both "
        f"calling everybody and calling nobody {tried}"
    )


def test_twice_is_the_same():
    rows = scored(500)
    pd.testing.assert_frame_equal(
        decision_curve(rows, QUICK, INVENTED), decision_curve(rows, QUICK, INVENTED)
    )


def test_of_real_people_no_figure_tells_of_fewer_than_ten_rows_nor_how_many_cases_there_are():
    """Of 803 rows, which count as 800: 117 cases, which count as 120."""
    base = scored(803)
    rows = replace(base, outcome=(np.arange(803) % 7 < 1).astype(float) + 0 * base.outcome,
                   baselines={"LACE": np.round(base.margin, 1)})  # fmt: skip
    cases = int(rows.outcome.sum())
    assert counts_told(cases, 803) == (120, 800)
    exact, told = (decision_curve(rows, QUICK, counts) for counts in (INVENTED, OWN))
    assert exact["threshold"].min() == pytest.approx(cases / 803 / 4)
    assert told["threshold"].min() == pytest.approx(120 / 800 / 4)
    pd.testing.assert_frame_equal(told, decision_curve(rows, QUICK))  # whose people nobody told
    many = told[["net_benefit", "low", "high"]].to_numpy() * 800 / 10
    known = many[np.isfinite(many)]
    np.testing.assert_allclose(known, np.round(known), atol=1e-9)
    for name, risk in ((OURS, rows.risk), (EVERYBODY, np.ones(803))):
        for line in told[told["score"] == name].iloc[::5].to_dict("records"):
            by_hand = slow(rows.outcome, risk, rows.weights, line["threshold"])
            assert abs(line["net_benefit"] - by_hand) <= 5 / 800 + 1e-12
    assert told["gain_low"].notna().sum() == len(told[told["score"] == OURS])


def counts_told(*numbers: int) -> tuple[int, ...]:
    return tuple(OWN.drawn(number) for number in numbers)


def test_of_real_people_the_picture_holds_the_rounded_figures_alone(tmp_path):
    """Whoever reads a line's heights off the SVG finds steps of ten of 800 rows, in pixels."""
    rows = replace(scored(803), baselines={"LACE": np.round(scored(803).margin, 1)})
    for counts, in_steps in ((OWN, True), (INVENTED, False)):
        curve = decision_curve(rows, QUICK, counts)
        path = draw_decision_curve(tmp_path / f"{counts.origin}.png", curve, "Title")
        assert path is not None
        lines = heights(path.with_suffix(".svg").read_text())
        ours = curve.loc[curve["score"] == OURS, "net_benefit"]
        [same] = [line for line in lines if len(line) == len(ours)
                  and np.corrcoef(line, ours)[0, 1] < -0.9999]  # fmt: skip
        pixels = np.polyfit(ours, same, 1)[0] * 10 / 800  # of ten rows
        steps = (np.array(same) - same[0]) / pixels
        assert (np.abs(steps - np.round(steps)).max() < 1e-3) == in_steps


def heights(svg: str) -> list[list[float]]:
    """The height of each point of each line of an SVG, as it stands there."""
    return [
        [float(y) for y in re.findall(r"[ML] \S+ (\S+)", path)]
        for path in re.findall(r'<path d="(M [^"]+)"', svg)
    ]


def test_of_few_real_people_a_curve_of_zeros_is_drawn_and_of_too_few_none(tmp_path):
    few = scored(60)
    few = replace(few, outcome=(np.arange(60) < 3).astype(float), risk=few.risk / 10)
    curve = decision_curve(few, QUICK, OWN)
    assert curve["net_benefit"].max() == 0
    assert draw_decision_curve(tmp_path / "few.png", curve, "Title") is not None
    assert decision_curve(few.part(np.arange(10)), QUICK, OWN).empty
    assert not decision_curve(few.part(np.arange(10)), QUICK, INVENTED).empty
