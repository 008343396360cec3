"""Figures by hand, beside scikit-learn, and against a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from data.small_cells import Counts
from serving.calibrator import logit
from training.evaluation.evaluate import OURS, Scored, _Measures, evaluate, periods_of
from training.evaluation.intervals import paired_auroc
from training.pictures.plots import draw
from training.settings.tasks import EvaluationSettings
from training.statistics.discrimination import Ranking, expected_auroc, within_period_auroc

QUICK = EvaluationSettings(replicates=60)
ROW = st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3))


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=2, max_size=40))
def test_weighted_auroc_and_precision_equal_those_of_scikit_learn(rows):
    score, y, weight = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    case, other = weight * y, weight * (1 - y)
    ranking = Ranking.of(score)
    if case.sum() > 0 and other.sum() > 0:
        kept = weight > 0
        asked = (y[kept], score[kept])
        assert ranking.auroc(case, other) == pytest.approx(
            roc_auc_score(*asked, sample_weight=weight[kept])
        )
        assert ranking.average_precision(case, other) == pytest.approx(
            average_precision_score(*asked, sample_weight=weight[kept])
        )
    else:
        assert np.isnan(ranking.auroc(case, other))


def test_expected_auroc_by_hand():
    # two rows, true risks 0.8 and 0.3, scored in this order:
    #   pairs (case, other): (1,1) 0.8 x 0.2 tie, (1,2) 0.8 x 0.7 right, (2,1) 0.3 x 0.2 wrong,
    #   (2,2) 0.3 x 0.7 tie
    right, ties, all_pairs = 0.56, 0.16 + 0.21, 0.16 + 0.56 + 0.06 + 0.21
    assert expected_auroc([2, 1], [0.8, 0.3]) == pytest.approx((right + ties / 2) / all_pairs)
    assert expected_auroc([1, 2], [0.8, 0.3]) == pytest.approx((0.06 + ties / 2) / all_pairs)


def test_calendar_time_does_not_help_within_a_period():
    y = np.array([1, 1, 0, 0, 0, 1])
    period = np.array(["a", "a", "a", "b", "b", "b"])
    by_time = np.array([1.0, 1, 1, 0, 0, 0])
    assert within_period_auroc(by_time, y, period) == 0.5
    assert within_period_auroc(np.array([2.0, 2, 1, 1, 1, 2]), y, period) == 1.0


def scored(count: int = 4000, seed: int = 5, **changes) -> Scored:
    """A population where the risk said is the true one, and a baseline knows half of it."""
    rng = np.random.default_rng(seed)
    known, unknown = rng.normal(size=(2, count))
    truth = 1 / (1 + np.exp(-(-1.6 + 0.7 * known + 0.7 * unknown)))
    made = Scored(
        outcome=(rng.random(count) < truth).astype(float),
        risk=truth,
        margin=logit(truth),
        patient_id=np.array([f"p{n // 2}" for n in range(count)], dtype=object),
        period=np.array(["2023-06", "2023-07"], dtype=object)[np.arange(count) % 2],
        baselines={"half": known, "absent": np.full(count, np.nan)},
        weights=np.ones(count),
        amount=truth * 1000,
        truth=truth,
    )
    return replace(made, **changes)


def test_a_true_risk_is_found_calibrated_and_better_than_half_of_it():
    made = evaluate(scored(), QUICK)
    ours = made.scores[OURS]
    assert ours["calibration_slope"].low < 1 < ours["calibration_slope"].high
    assert ours["calibration_intercept"].low < 0 < ours["calibration_intercept"].high
    assert ours["observed_to_expected"].low < 1 < ours["observed_to_expected"].high
    assert made.beats("half")
    assert made.truth["slope"] == pytest.approx(1, abs=1e-6)
    assert made.truth["intercept"] == pytest.approx(0, abs=1e-6)
    assert made.truth["expected_auroc.latent"] == made.truth[f"expected_auroc.{OURS}"]
    assert made.truth["expected_auroc.half"] < made.truth["expected_auroc.latent"]
    assert "absent: not evaluable" in made.remarks
    assert (made.rows, made.people) == (4000, 2000)


def test_the_values_are_those_of_scikit_learn_and_the_bootstrap_counts_the_same():
    base = scored(1500)
    rng = np.random.default_rng(2)
    half = np.where(rng.random(1500) < 0.1, np.nan, base.baselines["half"])
    base = replace(base, baselines={"half": half}, weights=rng.integers(0, 3, 1500) / 2)
    made = evaluate(base, QUICK).scores
    y, w, known = base.outcome, base.weights, np.isfinite(half)
    assert made[OURS]["brier"].value == brier_score_loss(y, base.risk, sample_weight=w)
    assert made[OURS]["log_loss"].value == log_loss(y, base.risk, sample_weight=w)
    asked = (y[known], half[known])
    assert made["half"]["auroc"].value == roc_auc_score(*asked, sample_weight=w[known])
    measures = _Measures(base, base.baselines)
    theirs = measures.by_scikit_learn(base.margin, base.baselines, w)
    counted = measures.under(w)
    assert len(theirs) == 8
    assert {key: counted[key] for key in theirs} == pytest.approx(theirs)


def test_rows_without_a_case_have_no_order():
    made = evaluate(scored(200, outcome=np.zeros(200)), QUICK).scores[OURS]
    assert np.isnan(made["auroc"].value)
    assert np.isfinite(made["brier"].value)


def test_too_bold_a_risk_shows_a_slope_below_1_against_outcome_and_truth():
    bold = scored()
    margin = 2 * bold.margin
    made = evaluate(replace(bold, margin=margin, risk=1 / (1 + np.exp(-margin))), QUICK)
    assert made.truth["slope"] == pytest.approx(0.5, abs=0.01)
    assert made.scores[OURS]["calibration_slope"].value == pytest.approx(0.5, abs=0.06)


def test_a_copy_of_ours_is_no_better_and_no_worse():
    base = scored()
    made = evaluate(replace(base, baselines={"copy": base.margin}), QUICK)
    assert made.better_than["copy"]["auroc"] == (0.0, 0.0, 0.0)
    assert not made.beats("copy")


def test_a_paired_auroc_alone_is_that_of_the_whole_evaluation():
    """Two rows a person, weights of censoring, a score that is not known of everybody."""
    rows = scored()
    rng = np.random.default_rng(4)
    blurred = rows.margin + rng.normal(0, 1, len(rows.margin))
    others = {"all": blurred, "some": np.where(rng.random(len(blurred)) < 0.3, np.nan, blurred)}
    rows = replace(rows, weights=rng.uniform(0.5, 2, len(rows.margin)), baselines=others)
    whole = evaluate(rows, QUICK).better_than
    for name, other in others.items():
        alone = paired_auroc(rows, other, QUICK)
        assert alone == pytest.approx(whole[name]["auroc"], rel=1e-12, abs=1e-14)
        assert alone.low < alone.value < alone.high
    assert whole["all"]["auroc"] != whole["some"]["auroc"]
    nobody = paired_auroc(rows, np.full(len(blurred), np.nan), QUICK)
    assert np.isnan(nobody).all(), "of nobody known"


def test_intervals_are_those_of_patients_not_of_rows():
    # each row ten times over: the same people, so the intervals must not shrink
    few = scored(800)
    many = replace(
        few,
        **{
            name: np.repeat(getattr(few, name), 10)
            for name in ("outcome", "risk", "margin", "patient_id", "period", "weights", "amount",
                         "truth")
        },
        baselines={n: np.repeat(s, 10) for n, s in few.baselines.items()},
    )  # fmt: skip
    one, ten = (evaluate(s, QUICK).scores[OURS]["auroc"] for s in (few, many))
    assert ten.value == pytest.approx(one.value)
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=1e-9)


def test_the_same_seed_gives_the_same_intervals():
    assert evaluate(scored(), QUICK).flat() == evaluate(scored(), QUICK).flat()


def test_few_cases_are_said_to_be_few():
    remarks = evaluate(scored(300), QUICK).remarks
    assert any("too few to judge" in remark for remark in remarks)


def test_of_real_people_no_remark_holds_a_small_count_nor_a_share_that_gives_one_away():
    outcome = np.arange(300) < 7
    seldom, known = (np.where(np.arange(300) < n, 1.0, np.nan) for n in (9, 150))
    rows = replace(scored(300), outcome=outcome.astype(float), truth=None,
                   baselines={"seldom": seldom, "half": known})  # fmt: skip
    half = "half: judged on the 50% of rows of which it is known"
    told = evaluate(rows, QUICK, Counts("invented")).remarks
    assert {half, "seldom: judged on the 3% of rows of which it is known"} <= {*told}
    assert any(words.startswith("7 cases are too few to judge") for words in told)
    for counts in (Counts("own"), None):
        made = evaluate(replace(rows, companion=rows.outcome), QUICK, counts)
        assert made.companion is not None
        for remarks in (made.remarks, made.companion.remarks):
            so_few = "known of so few rows or cases that nothing can be told by it"
            assert {f"half: {so_few}", f"seldom: {so_few}"} <= {*remarks}
            assert any(said.startswith("fewer than 11 cases are too few") for said in remarks)


def known_of_few(cases: int, others: int, **changes) -> Scored:
    """Ours orders at random; "seldom" is known of so many rows, and right of them, "half" of all
    but nine."""
    made = scored(600, truth=None, margin=np.random.default_rng(3).normal(size=600), **changes)
    at = np.r_[np.flatnonzero(made.outcome == 1)[:cases],
               np.flatnonzero(made.outcome == 0)[:others]]  # fmt: skip
    seldom, half = np.full(600, np.nan), np.where(np.arange(600) < 9, np.nan, made.margin)
    seldom[at] = -np.arange(len(at))
    return replace(made, baselines={"seldom": seldom, "half": half})


@pytest.mark.parametrize(("cases", "others", "told"), [(3, 5, 0), (11, 10, 0), (11, 11, 1)])
def test_of_real_people_no_figure_is_told_of_a_score_that_is_known_of_few(cases, others, told):
    rows = known_of_few(cases, others)
    made = evaluate(replace(rows, companion=rows.outcome), QUICK, Counts("own"))
    assert made.known["seldom"] == (cases + others, cases)
    assert made.known["half"] == (591, int(rows.outcome[9:].sum()))
    assert made.companion is not None
    for one in (made, made.companion):
        assert "seldom" in one.scores, "as it is"
        assert any(words.startswith("not shown to be better than seldom: the paired difference in")
                   for words in one.remarks) == told  # fmt: skip
        assert "half: judged on the rows of which it is known" in one.remarks
        assert any("better than half" in words for words in one.remarks)
    shown = made.told(Counts("own"))
    assert shown.companion is not None
    for one in (shown, shown.companion):
        found = (one.scores, one.better_than, one.known, set(one.capacities["score"]))
        assert ["seldom" in names for names in found] == [bool(told)] * 4
        assert all("half" in names for names in found)
    assert made.told(Counts("invented")).flat() == made.flat()
    exactly = evaluate(rows, QUICK, Counts("invented")).remarks
    assert any("better than seldom" in words for words in exactly)


def test_weights_of_censoring_count():
    base = scored(2000)
    doubled = np.where(base.outcome == 1, 2.0, 1.0)
    rate = base.outcome.mean()
    made = evaluate(replace(base, weights=doubled), QUICK)
    assert made.base_rate == pytest.approx(2 * rate / (1 + rate))


def test_lists_are_days_or_months():
    assert periods_of([19_000, 19_001], by_month=True).tolist() == ["2022-01", "2022-01"]
    assert periods_of([19_000, 19_001], by_month=False).tolist() == ["2022-01-08", "2022-01-09"]


def test_pictures_have_the_same_bytes_twice(tmp_path):
    made = evaluate(scored(), QUICK)
    for name in ("a", "b"):
        draw(tmp_path / name, scored(), made, "Invented", Counts("invented"))
    kinds = ("calibration", "gain", "roc")
    names = [f"{kind}.{form}" for kind in kinds for form in ("png", "svg")]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_companion_outcome_is_judged_on_the_same_rows_and_scores():
    made = scored()
    assert evaluate(made, QUICK).companion is None
    dead = (np.arange(len(made.outcome)) % 10 == 0) | (made.outcome == 1)
    told = evaluate(replace(made, companion=dead.astype(float)), QUICK)
    alone = evaluate(replace(made, outcome=dead.astype(float), truth=None), QUICK)
    assert told.companion is not None
    assert told.companion.events == dead.sum() > told.events
    assert told.companion.better_than == alone.better_than
    assert told.scores[OURS]["auroc"] == evaluate(made, QUICK).scores[OURS]["auroc"]
    flat = told.flat()
    assert flat["companion.firstcall.auroc"] == alone.scores["firstcall"]["auroc"].value
    assert flat["companion.events"] == dead.sum()
    assert told.to_json()["companion"]["events"] == int(dead.sum())
