"""The gate as a medical director reads it: each criterion on both sides of its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.cohorts.groups import Grouping
from training.evaluation.evaluate import OURS, Interval, Scored, evaluate
from training.evaluation.subgroups import subgroups
from training.printed import print_verdict
from training.release import gate as gate_of
from training.release.gate import (
    CHAMPION_SCORE,
    Calibration,
    Criterion,
    Group,
    Verdict,
    groups_of,
    verdict_of,
)
from training.robustness.list_churn import ListChurn
from training.settings.model_settings import EvaluationSettings, GateSettings

GATE = GateSettings(most_auroc=0.85)
SETTINGS = EvaluationSettings(replicates=40, judgeable_events=100)
ROWS = 4000


def scored(seed: int = 3, noise: float = 1.0) -> Scored:
    """Rows whose risk is right: outcomes are drawn by it; LACE sees it blurred."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-2, 1, ROWS)
    risk = 1 / (1 + np.exp(-margin))
    return Scored(
        outcome=(rng.random(ROWS) < risk).astype(np.float64), risk=risk, margin=margin,
        patient_id=np.arange(ROWS).astype(str).astype(object), period=np.zeros(ROWS),
        baselines={"LACE": margin + rng.normal(0, 2 * noise, ROWS)}, weights=np.ones(ROWS),
    )  # fmt: skip


FEMALE = np.arange(ROWS) % 2 == 0
BOTH = (Group("sex", "women", FEMALE, 0.5), Group("sex", "men", ~FEMALE, 0.5))


def calibration(rows: Scored, groups=BOTH, of_whom: str = "") -> Calibration:
    groupings = [
        Grouping(name, np.select([g.rows for g in groups if g.grouping == name],
                                 [g.name for g in groups if g.grouping == name], ""))
        for name in dict.fromkeys(g.grouping for g in groups)
    ]  # fmt: skip
    return Calibration(evaluate(rows, SETTINGS), subgroups(rows, groupings, SETTINGS), of_whom)


def judged(rows: Scored, groups=BOTH, champion="3", gate=GATE, why="", may_pass=True) -> Verdict:
    fit = calibration(rows, groups)
    return verdict_of(
        fit.evaluation, fit, rows, groups, champion, why, SETTINGS, gate, may_pass
    )  # fmt: skip


def missed(verdict: Verdict) -> list[str]:
    return [criterion.name for criterion in verdict.criteria if not criterion.passed]


def test_one_as_good_as_the_champion_passes_everything():
    rows = scored()
    verdict = judged(rows.beside({CHAMPION_SCORE: rows.margin + 1e-9}))
    assert missed(verdict) == []
    assert verdict.passed
    assert [c.name for c in verdict.criteria] == [
        "cases enough", "beside the champion", "beside the baselines", "too good to be true",
        "calibration in total", "calibration slope", "worst group", "ranking by group",
        "who it learned from",
    ]  # fmt: skip


def test_one_that_is_worse_than_the_champion_by_more_than_the_margin_does_not():
    rows = scored()
    worse = replace(rows, margin=rows.baselines["LACE"]).beside({CHAMPION_SCORE: rows.margin})
    verdict = judged(worse)
    assert "beside the champion" in missed(verdict)
    assert "AUROC minus that of version 3 on the same rows: -" in verdict.missed[0]


def test_one_that_is_shown_to_be_worse_by_less_than_the_margin_does_not_pass_either():
    rows = scored()
    rng = np.random.default_rng(4)
    worse = replace(rows, margin=rows.margin + rng.normal(0, 0.35, ROWS))
    worse = worse.beside({CHAMPION_SCORE: rows.margin})
    paired = evaluate(worse, SETTINGS).better_than[CHAMPION_SCORE]["auroc"]
    assert -0.03 < paired.low < paired.high < 0
    assert missed(judged(worse, gate=replace(GATE, auroc_margin=0.03))) == ["beside the champion"]


def test_a_champion_that_is_worse_than_a_baseline_sets_no_standard():
    # six steps down may each be as good as the one before
    rows = scored()
    rng = np.random.default_rng(4)
    poor = rows.baselines["LACE"] + rng.normal(0, 3, ROWS)
    low = replace(rows, margin=poor).beside({CHAMPION_SCORE: poor})
    assert "beside the baselines" in missed(judged(low))
    assert "beside the champion" not in missed(judged(low))


def test_under_a_least_number_of_cases_nothing_is_decided():
    rows = scored()
    few = rows.part(np.flatnonzero(np.cumsum(rows.outcome) <= 49))
    half = np.arange(len(few.outcome)) % 2 == 0
    both = (Group("sex", "women", half, 0.5), Group("sex", "men", ~half, 0.5))
    verdict = judged(few, groups=both, champion="", why="there is no champion yet")
    assert missed(verdict) == ["cases enough"]
    assert verdict.missed[0].startswith("49 cases test, and 50 are needed: nothing is decided")
    assert [c.name for c in verdict.criteria if not c.judged] == [
        "beside the baselines", "too good to be true", "calibration in total",
        "calibration slope", "worst group",
    ]  # fmt: skip
    one_more = rows.part(np.flatnonzero(np.cumsum(rows.outcome) <= 50))
    assert "cases enough" not in missed(judged(one_more, groups=(), champion="", why="none"))


def test_calibration_is_held_against_those_whom_nobody_helped():
    rows = scored()
    helped = np.arange(ROWS) < 1500  # a call prevents most of what would have come
    rng = np.random.default_rng(2)
    outcome = np.where(helped & (rng.random(ROWS) < 0.8), 0.0, rows.outcome)
    treated = replace(rows, outcome=outcome).beside({CHAMPION_SCORE: rows.margin})
    assert "calibration in total" in missed(judged(treated))
    free = np.flatnonzero(~helped)
    half = (Group("sex", "women", FEMALE[free], 0.5), Group("sex", "men", ~FEMALE[free], 0.5))
    fit = calibration(treated.part(free), half, " among the 2,500 of 4,000 rows")
    found = evaluate(treated, SETTINGS)
    verdict = verdict_of(found, fit, treated, BOTH, "3", "", SETTINGS, GATE)
    assert missed(verdict) == []
    words = {c.name: c.words for c in verdict.criteria}
    assert words["calibration in total"].startswith(
        "observed : expected among the 2,500 of 4,000 rows is "
    )
    assert "outcomes that help has changed" in words["beside the champion"]


def test_without_a_champion_the_baselines_are_what_it_must_not_be_worse_than():
    rows = scored()
    why = "there is no champion yet"
    verdict = judged(rows, champion="", why=why)
    assert verdict.passed
    assert verdict.criteria[1].words.startswith(
        "there is no champion yet: AUROC minus that of LACE, the nearest of one baseline: "
    )
    shuffled = replace(rows, margin=np.random.default_rng(1).permutation(rows.margin))
    assert "beside the baselines" in missed(judged(shuffled, champion="", why=why))


def test_a_baseline_that_is_known_of_few_hides_none_that_is_better():
    rows = scored()
    rng = np.random.default_rng(1)
    poor = replace(rows, margin=rows.margin + rng.normal(0, 6, ROWS))  # LACE is better
    assert "beside the baselines" in missed(judged(poor, champion="", why="none"))
    of_few = np.where(np.cumsum(rows.outcome) <= 60, rows.margin + 9 * rows.outcome, np.nan)
    of_few[rng.random(ROWS) < 0.1] = np.nan  # right of all whom it knows, and of 50 cases and more
    both = poor.beside({"HOSPITAL": np.where(rng.random(ROWS) < 0.5, of_few, np.nan)})
    known = both.part(np.flatnonzero(np.isfinite(both.baselines["HOSPITAL"])))
    assert 0 < known.outcome.sum() < GATE.least_cases
    verdict = judged(both, champion="", why="none")
    [said] = [c for c in verdict.criteria if c.name == "beside the baselines"]
    assert (said.passed, said.judged) == (False, True)
    assert "AUROC minus that of LACE, the nearest of one baseline: " in said.words
    assert said.words.endswith("; known on too few cases to judge by: HOSPITAL")
    enough = poor.beside({"HOSPITAL": of_few})
    [said] = [c for c in judged(enough, champion="", why="none").criteria
              if c.name == "beside the baselines"]  # fmt: skip
    assert not said.passed
    assert " the nearest of 2 baselines: " in said.words


def test_a_champion_that_may_have_learned_from_the_tested_stays():
    verdict = judged(scored(), why="split otherwise", may_pass=False)
    assert missed(verdict) == ["beside the baselines"]
    assert verdict.missed[0].startswith("split otherwise: AUROC minus that of LACE, the nearest")
    assert verdict.champion == "3"


def test_one_that_cannot_be_compared_with_the_champion_has_to_be_shown_better_than_the_baselines():
    rows = scored()
    why = "version 3, the champion, cannot be asked any more"
    assert judged(rows, why=why).passed
    rng = np.random.default_rng(6)
    alike = replace(rows, margin=rows.baselines["LACE"] + rng.normal(0, 0.1, ROWS))
    paired = evaluate(alike, SETTINGS).better_than["LACE"]["auroc"]
    assert paired.low < 0 < paired.high
    assert "beside the baselines" in missed(judged(alike, why=why))
    assert "beside the baselines" not in missed(judged(alike, champion="", why="none"))


def test_what_is_too_good_has_leaked():
    rows = scored()
    leaked = replace(rows, margin=rows.margin + 8 * rows.outcome)
    assert "too good to be true" in missed(judged(leaked, champion="", why="none"))


@pytest.mark.parametrize(
    ("factor", "criterion"),
    [(0.5, ["calibration in total", "worst group"]), (0.95, []), (1.9, ["calibration in total"])],
)
def test_risks_that_are_wrong_in_total(factor, criterion):
    rows = scored()
    off = replace(rows, risk=np.clip(rows.risk * factor, 1e-6, 0.999))
    found = missed(judged(off, champion="", why="none"))
    assert set(criterion) <= set(found)
    assert bool(found) == bool(criterion)


def test_risks_that_are_too_bold():
    rows = scored()
    bold = 1 / (1 + np.exp(-(2 * rows.margin + 1.6)))
    assert "calibration slope" in missed(judged(replace(rows, risk=bold), champion="", why="none"))


def test_one_group_whose_risks_are_wrong_is_named():
    rows = scored()
    off = replace(rows, risk=np.where(FEMALE, rows.risk, rows.risk * 0.45))
    verdict = judged(off, champion="", why="none")
    [words] = [c.words for c in verdict.criteria if c.name == "worst group"]
    assert words.startswith("observed : expected of men is ")
    assert "women" not in words


def test_one_group_that_is_ordered_worse_than_by_the_champion_is_named():
    rows = scored()
    rng = np.random.default_rng(5)
    margin = np.where(FEMALE, rows.margin, rng.permutation(rows.margin))
    verdict = judged(replace(rows, margin=margin).beside({CHAMPION_SCORE: rows.margin}))
    [words] = [c.words for c in verdict.criteria if c.name == "ranking by group"]
    assert words.startswith("AUROC minus the champion's among men -")
    men = replace(rows, margin=margin).beside({CHAMPION_SCORE: rows.margin}).part(
        np.flatnonzero(~FEMALE)
    )  # fmt: skip
    whole = evaluate(men, SETTINGS).better_than[CHAMPION_SCORE]["auroc"]
    assert f"among men {whole}; the upper bound" in words, "the figure of a whole evaluation"
    assert "ranking by group" in missed(verdict)


def test_a_group_with_few_cases_is_not_judged_and_that_is_said():
    rows = scored()
    few = np.arange(ROWS) < 50
    off = replace(rows, risk=np.where(few, 0.001, rows.risk))
    verdict = judged(
        off, groups=(*BOTH, Group("age", "people under 65", few, 0.01)), champion="", why="-"
    )
    [worst] = [c for c in verdict.criteria if c.name == "worst group"]
    assert worst.passed
    assert worst.words.endswith("; too few cases to judge: people under 65")


@pytest.mark.parametrize(
    ("share", "passes"), [(0.5, True), (0.13, True), (0.12, False), (0, False)]
)
def test_whoever_is_asked_about_was_learned_from(share, passes):
    #  men are half of those asked: a quarter of that, an eighth of the learned, is asked for
    verdict = judged(
        scored(), groups=(BOTH[0], Group("sex", "men", ~FEMALE, share)), champion="", why="-"
    )
    assert ("who it learned from" in missed(verdict)) != passes
    if not passes:
        assert f"men {share:.0%} and 50%; it has hardly learned" in verdict.criteria[-1].words


def test_figures_that_nobody_could_tell_do_not_pass():
    rows = scored()
    fit = calibration(rows)
    found = fit.evaluation
    ours = found.scores[OURS] | {"calibration_slope": Interval(np.nan, np.nan, np.nan)}
    unknown = replace(fit, evaluation=replace(found, scores={**found.scores, OURS: ours}))
    verdict = verdict_of(found, unknown, rows, BOTH, "", "none", SETTINGS, GATE)
    assert missed(verdict) == ["calibration slope"]


def test_groups_are_those_of_the_tested_with_their_share_of_the_learned():
    asked = Grouping("sex", np.array(["women", "men", "", "women"], dtype=object))
    payer = Grouping("payer", np.array(["medicare"] * 4, dtype=object))
    learned = Grouping("sex", np.array(["women", "", "men", "men", "men"], dtype=object))
    of_learned = (learned, Grouping("payer", np.array([], dtype=object)))
    made = {group.name: group for group in groups_of((asked, payer), of_learned)}
    assert {name: group.rows.tolist() for name, group in made.items()} == {
        "women": [True, False, False, True], "men": [False, True, False, False],
        "medicare": [True] * 4,
    }  # fmt: skip
    assert {name: group.share_learned for name, group in made.items()} == {
        "women": 1 / 5, "men": 3 / 5, "medicare": 0,
    }  # fmt: skip


def test_a_handful_that_was_not_learned_from_is_chance():
    for asked, passes in ((19, True), (20, False)):
        handful = Group("race or ethnicity", "people of X", np.arange(ROWS) < asked, 0.0)
        verdict = judged(scored(), groups=(*BOTH, handful), champion="", why="-")
        assert ("who it learned from" not in missed(verdict)) == passes


@pytest.mark.parametrize(("changed", "passes"), [(0.2, True), (0.4, True), (0.41, False)])
def test_a_list_that_changes_more_than_chance_would_change_it(changed, passes):
    # the champion itself would lose a fifth: twice that is let through
    rows = scored().beside({CHAMPION_SCORE: scored().margin})
    churn = ListChurn(0.05, changed, 0.2, 3, called=40)
    fit = calibration(rows)
    verdict = verdict_of(
        fit.evaluation, fit, rows, BOTH, "3", "", SETTINGS, GATE, churn=churn
    )  # fmt: skip
    assert ("change of the list" not in missed(verdict)) == passes
    [words] = [c.words for c in verdict.criteria if c.name == "change of the list"]
    assert words.startswith(f"of the top 5% of version 3, {changed:.0%} would not be called any")


def test_the_change_of_a_short_list_is_chance():
    rows = scored().beside({CHAMPION_SCORE: scored().margin})
    fit = calibration(rows)
    verdict = verdict_of(
        fit.evaluation, fit, rows, BOTH, "3", "", SETTINGS, GATE,
        churn=ListChurn(0.05, 1.0, 0.2, 3, called=39),
    )  # fmt: skip
    [change] = [c for c in verdict.criteria if c.name == "change of the list"]
    assert (change.passed, change.judged, change.verdict) == (True, False, "not judged")
    assert change.words.endswith("; 39 called are too few to judge by")


def test_limits_that_leave_out_what_is_right_are_refused():
    for wrong in ({"least_observed": 1.1}, {"most_slope": 0.9}, {"least_observed_in_group": 1.2}):
        with pytest.raises(ValueError, match="which is right"):
            replace(GATE, **wrong)


@pytest.mark.parametrize(
    ("champion", "passed", "said"),
    [("", True, "It passed the gate: `firstcall promote --task readmission` makes it champion."),
     ("2", False, "It did not pass the gate, and the champion stays. To promote it all the same: "
      '`firstcall promote --task readmission --override "reason"`.'),
     ("", False, "It did not pass the gate, and there is still no champion. To promote")],
)  # fmt: skip
def test_the_printed_verdict_says_how_to_go_on(champion, passed, said, capsys):
    criteria = (Criterion("ranking", passed, "as it is"),)
    print_verdict("readmission", "3", Verdict(criteria, champion))
    told = " ".join(capsys.readouterr().out.split())
    assert "May version 3 of readmission become champion?" in told
    assert ("ranking passed as it is" if passed else "ranking MISSED as it is") in told
    assert said in told


@pytest.mark.parametrize(
    ("found", "off"),
    [
        ((0.70, 0.60, 0.81), True),  # touches the limit, and is shown to be off
        ((0.70, 0.40, 1.01), False),  # that may be chance
        ((0.85, 0.82, 0.88), False),  # shown to be off, by less than matters
        ((1.30, 1.10, 1.50), True),
        ((1.30, 0.99, 1.70), False),
    ],
)
def test_a_limit_is_missed_where_the_figure_lies_beyond_it_and_not_by_chance(found, off):
    judged_as = gate_of._within("slope", "it", Interval(*found), 0.8, 1.25, enough=True)
    assert (judged_as.passed, judged_as.judged) == (not off, True)
    of_few = gate_of._within("slope", "it", Interval(*found), 0.8, 1.25, enough=False)
    assert (of_few.passed, of_few.judged) == (not off, off)
