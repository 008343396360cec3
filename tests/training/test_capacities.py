"""What calling from the top finds: over all lists together, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.test_evaluate import QUICK, scored
from training.evaluation.capacities import COLUMNS, capacities
from training.evaluation.evaluate import OURS, Scored, evaluate
from training.settings.model_settings import EvaluationSettings
from training.statistics.called import CALLED, nearest_to_called, share_of, top_of
from training.statistics.resampling import resampled

SETTINGS = EvaluationSettings(replicates=40, shares=(0.1,), counts=(5,))


def of_two_months(**changes) -> Scored:
    """A month of twenty rows with six cases, of which two lead its list, and the first days of
    another: of four rows one is a case, and leads."""
    margin = np.r_[np.arange(20.0, 0, -1), np.arange(4.0, 0, -1)]
    outcome = np.zeros(24)
    outcome[[0, 1, 3, 8, 9, 15, 20]] = 1
    made = Scored(
        outcome, np.full(24, 0.3), margin, np.array([f"p{n:02}" for n in range(24)], dtype=object),
        np.repeat(["2024-01", "2024-02"], [20, 4]), {}, np.ones(24),
        amount=np.r_[np.full(20, 100.0), np.full(4, 250.0)],
    )  # fmt: skip
    return replace(made, **changes)


def of(made: pd.DataFrame, capacity: str, score: str = OURS) -> pd.Series:
    return made[(made["score"] == score) & (made["capacity"] == capacity)].iloc[0]


def test_lists_are_counted_together_so_that_a_stub_counts_for_what_it_holds():
    rows = of_two_months()
    made = capacities(rows, {OURS: rows.margin}, SETTINGS)
    assert list(made.columns) == COLUMNS
    top = of(made, "top 10%")
    # 2 of 20 and 1 of 4 are called, all of them cases: 3 of 3, and 3 of 7 cases. A mean over the
    # lists would say (2/6 + 1/1) / 2 = 67 %
    assert (top["lists"], top["called"], top["found"], top["cases"]) == (2, 3, 3, 7)
    assert (top["ppv"], top["sensitivity"]) == pytest.approx((1, 3 / 7))
    assert top["cost_captured"] == pytest.approx((2 * 100 + 250) / (20 * 100 + 4 * 250))
    # the second list has no five people: of the first 0, 1 and 3 are cases, 3 of its 6
    five = of(made, "5 people")
    assert (five["lists"], five["called"], five["found"], five["cases"]) == (1, 5, 3, 6)
    assert (five["ppv"], five["sensitivity"]) == pytest.approx((3 / 5, 3 / 6))
    assert five["cost_captured"] == pytest.approx(5 / 20)


def test_rows_weigh_and_what_is_not_known_is_not_told():
    weights = np.ones(24)
    weights[20] = 3
    rows = of_two_months(weights=weights, amount=None)
    top = of(capacities(rows, {OURS: rows.margin}, SETTINGS), "top 10%")
    assert (top["called"], top["found"]) == (3, 3), "rows"
    assert top["sensitivity"] == pytest.approx((1 + 1 + 3) / (6 + 3))
    assert np.isnan([top["cost_captured"], top["cost_captured_low"]]).all()
    nobody = of_two_months(outcome=np.zeros(24))
    none = of(capacities(nobody, {OURS: nobody.margin}, SETTINGS), "top 10%")
    assert none["ppv"] == 0
    assert np.isnan([none["sensitivity"], none["sensitivity_low"]]).all()
    assert capacities(rows.part(np.arange(0)), {OURS: np.empty(0)}, SETTINGS).empty


def test_intervals_are_those_of_a_slow_second_count():
    rows = scored(600)  # two rows a person, on two lists
    made = of(capacities(rows, {OURS: rows.margin}, SETTINGS), "top 10%")
    taken = np.zeros(600, dtype=bool)
    for month in np.unique(rows.period):
        of_month = np.flatnonzero(rows.period == month)
        taken[of_month[np.argsort(-rows.margin[of_month])[:30]]] = True
    told = []
    for times in resampled(rows.patient_id.astype(str), 40, SETTINGS.seed):
        found = (times * rows.outcome)[taken].sum()
        told.append((found / times[taken].sum(), found / (times * rows.outcome).sum()))
    for name, drawn in zip(("ppv", "sensitivity"), np.transpose(told), strict=True):
        bounds = [made[f"{name}_low"], made[f"{name}_high"]]
        assert bounds == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
        assert bounds[0] < made[name] < bounds[1]


def test_each_score_has_its_own_top_and_those_it_does_not_know_come_last():
    rows = of_two_months()
    theirs = np.where(rows.outcome == 1, np.nan, 1.0)
    made = capacities(rows, {OURS: rows.margin, "LACE": theirs}, SETTINGS)
    assert of(made, "top 10%", "LACE")["found"] == 0
    assert of(made, "top 10%", "LACE")["cases"] == 7
    assert made.groupby("capacity")["lists"].nunique().eq(1).all()


def test_shares_that_lie_close_are_told_apart_by_their_labels():
    rows = scored(600)  # on two lists of 300
    asked = replace(SETTINGS, shares=(0.01, 0.012, 0.075, 0.08), counts=())
    made = evaluate(rows, asked)
    labels = [of(made.capacities, f"top {told}%")["called"] for told in ("1", "1.2", "7.5", "8")]
    assert labels == [2 * 3, 2 * 4, 2 * 23, 2 * 24], "each rounded up"
    figures = [name for name in made.flat() if name.startswith(f"{OURS}.ppv_at")]
    assert figures == [
        f"{OURS}.ppv_at_top_{told}_percent" for told in ("1", "1.2", "7.5", "8")
    ]  # fmt: skip


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.012, 0.05, 0.07, 0.1, 0.29, 0.57, 0.999])
def test_the_name_of_a_share_is_read_back(share: float):
    assert share_of(top_of(share)) == pytest.approx(share, rel=1e-12)
    assert share_of("200 people") is None


def test_where_there_is_room_for_one_it_is_five_per_cent_or_the_nearest():
    assert nearest_to_called((0.1, 0.05, 0.01)) == CALLED == 0.05
    assert nearest_to_called((0.01, 0.1)) == 0.01
    assert nearest_to_called((0.07, 0.03)) == 0.03, "the smaller of two as near"
    assert nearest_to_called(()) is None


def test_an_evaluation_has_them_all():
    made = evaluate(scored(), QUICK)
    assert set(made.capacities["score"]) == {OURS, "half"}, "absent cannot order"
    assert made.flat()["firstcall.ppv_at_top_10_percent"] == of(made.capacities, "top 10%")["ppv"]
