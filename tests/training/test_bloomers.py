"""Bloomers are judged apart from those who stay high-cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.evaluation.bloomers import bloomers
from training.evaluation.evaluate import OURS, Scored
from training.printed_cost import print_bloomers
from training.settings.tasks import EvaluationSettings

QUICK = EvaluationSettings(replicates=20, shares=(0.25, 0.5))
#            bloomer  stayer  case?  other  other  was high  other  other
CASE = [1, 1, 1, 0, 0, 0, 0, 0]
BEFORE = [0, 1, np.nan, 0, 0, 1, 0, 0]
MARGIN = [2.0, 8, 7, 3, 1, 6, 0, -1]
PRIOR = [1.0, 9, 5, 4, 3, 8, 2, 0]


def scored(**changes) -> Scored:
    margin = np.array(changes.pop("margin", MARGIN))
    about = {
        "outcome": np.array(CASE, float), "risk": 1 / (1 + np.exp(-margin)), "margin": margin,
        "patient_id": np.array(list("abcdefgh"), dtype=object), "period": np.zeros(8),
        "baselines": {"prior": np.array(PRIOR), "absent": np.full(8, np.nan)},
        "weights": np.ones(8), "amount": np.arange(8.0), "truth": np.full(8, 0.5),
    }  # fmt: skip
    return Scored(**(about | changes))


def rows(before=BEFORE) -> pd.DataFrame:
    return pd.DataFrame({"high_before": np.array(before, float)})


def test_who_is_counted_as_what():
    assert bloomers(scored(), rows(), QUICK).counts == {
        "not_high_before": 5, "high_before": 2, "not_known": 1, "bloomers": 1, "stayers": 1,
        "cases_not_known": 1,
    }  # fmt: skip


def test_ours_is_judged_among_those_not_high_cost_before():
    found = bloomers(scored(), rows(), QUICK).evaluation
    assert found is not None
    assert (found.rows, found.events) == (5, 1)
    # the bloomer has margin 2 among 3, 1, 0 and -1: above three of four
    assert found.scores[OURS]["auroc"].value == pytest.approx(3 / 4)
    # by prior cost 1 among 4, 3, 2 and 0: above one of four
    assert found.scores["prior"]["auroc"].value == pytest.approx(1 / 4)


def test_which_part_of_each_kind_a_list_finds():
    found = bloomers(scored(), rows(), QUICK).found.set_index(["score", "share"])
    # two are called of eight: the stayer and the case of whom it is not known
    assert found.loc[(OURS, 0.25)].tolist() == [0, 1]
    # four: margins 8, 7, 6, 3, and not yet the bloomer's 2
    assert found.loc[(OURS, 0.5)].tolist() == [0, 1]
    assert set(found.index.get_level_values(0)) == {OURS, "prior"}
    better = bloomers(scored(margin=[9.0, 8, 7, 3, 1, 6, 0, -1]), rows(), QUICK).found
    assert better.set_index(["score", "share"]).loc[(OURS, 0.25)].tolist() == [1, 1]


def test_weights_and_lists_count():
    weights = np.array([1.0, 1, 1, 1, 1, 1, 1, 1])
    two_lists = np.array([0, 1, 1, 1, 1, 1, 1, 0])
    found = bloomers(scored(period=two_lists, weights=weights), rows(), QUICK).found
    # alone with one other on his list, the bloomer is the first of it; the stayer is of the other
    assert found.set_index(["score", "share"]).loc[(OURS, 0.5)].tolist() == [1, 1]
    light = replace(scored(), weights=np.array([1.0, 3, 1, 1, 1, 1, 1, 1]))
    both = rows([0, 0, 1, 0, 0, 1, 0, 0])
    told = bloomers(light, both, QUICK).found.set_index(["score", "share"])
    assert told.loc[(OURS, 0.25), "bloomers_found"] == 3 / (3 + 1)  # the heavier of two


def test_where_no_year_before_was_seen_nobody_is_judged_apart():
    found = bloomers(scored(), rows([np.nan] * 8), QUICK)
    assert found.evaluation is None
    assert found.counts["cases_not_known"] == 3
    assert found.found[["bloomers_found", "stayers_found"]].isna().all(axis=None)
    assert found.flat() == {}
    assert found.to_json()["evaluation"] is None


def test_the_print_has_the_share_that_was_asked_about(capsys):
    print_bloomers(bloomers(scored(), rows(), QUICK))
    told = capsys.readouterr().out
    assert "bloomers in the top 25%" in told, "of 25 % and 50 % the nearer to 5 %"
    assert "top 5%" not in told
    # two are called of eight: of the bloomers none, of the stayers the one there is
    [ours] = [line.split() for line in told.splitlines() if line.split()[:1] == [OURS]]
    assert ours[-2:] == ["0%", "100%"]
    print_bloomers(bloomers(scored(), rows(), replace(QUICK, shares=())))
    assert " in the top" not in capsys.readouterr().out


def test_figures_have_names_of_their_own():
    flat = bloomers(scored(), rows(), QUICK).flat()
    assert flat["bloomers.firstcall.auroc"] == pytest.approx(3 / 4)
    assert all(name.startswith("bloomers.") for name in flat)
