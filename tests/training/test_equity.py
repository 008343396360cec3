"""The equity audit: equally ill at the same risk? Whom would the score call, and whom need?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.cohorts.groups import AGE, PAYER, RACE, SEX, Grouping
from training.cohorts.need import CAVEAT, CAVEAT_OF_YEAR_BEFORE
from training.evaluation.equity import AT, COUNTED, FEWEST, TRUE, EquityAudit, equity_audit
from training.evaluation.evaluate import Scored
from training.pictures.equity_picture import draw_equity, drawn_groups
from training.settings.model_settings import EvaluationSettings
from training.statistics.resampling import resampled

FEW = EvaluationSettings(replicates=25)


def scored_of(margin, **more) -> Scored:
    """One row a person, on one list."""
    many = len(margin)
    told = {
        "outcome": np.zeros(many), "risk": np.full(many, 0.1),
        "margin": np.asarray(margin, dtype=np.float64),
        "patient_id": np.array([f"p{number:05}" for number in range(many)], dtype=object),
        "period": np.zeros(many), "baselines": {}, "weights": np.ones(many),
    } | more  # fmt: skip
    return Scored(**told)


def grouping(of, name: str = RACE) -> Grouping:
    return Grouping(name, np.asarray(of, dtype=object))


def of_group(table: pd.DataFrame, group: str, name: str = RACE) -> pd.Series:
    return table[(table["grouping"] == name) & (table["group"] == group)].iloc[0]


def with_unequal_access(
    access: float, people: int = 6000, seed: int = 2
) -> tuple[Scored, pd.DataFrame, Grouping, np.ndarray]:
    """People as ill in both groups, of whom "kept out" have `access` to care: so much of their
    illness is coded, and paid for. The score is last year's cost, as good as a score can be."""
    rng = np.random.default_rng(seed)
    true = rng.poisson(4, people).astype(np.float64)
    out = rng.random(people) < 0.5
    seen = np.where(out, access, 1.0)
    counted = rng.binomial(true.astype(int), 0.8 * seen).astype(np.float64)
    spent = (true * seen + rng.normal(0, 1.5, people)).clip(0)
    rows = pd.DataFrame({"chronic_conditions": counted, "unplanned_days": rng.poisson(spent)})
    scored = scored_of(spent, amount=100_000 * spent)
    return scored, rows, grouping(np.where(out, "kept out", "let in")), true


def test_people_at_the_same_risk_are_compared_as_a_pencil_would():
    # 2,000 people: the 97th percentile and above are the last 60, 24 of group a and 36 of b
    a = np.arange(2000) % 5 < 2
    conditions = np.where(a, 3.0, 1.0)
    conditions[:1940] = 9  # none of theirs counts
    weights = np.where(np.arange(2000) == 1999, 5.0, 1.0)  # the last one is of b, and has 7
    conditions[1999] = 7
    made = equity_audit(
        scored_of(np.arange(2000.0), weights=weights),
        pd.DataFrame({"chronic_conditions": conditions}), [grouping(np.where(a, "a", "b"))], FEW,
    )  # fmt: skip
    at = made.at_same_risk.set_index("group")
    assert at["rows"].to_dict() == at["people"].to_dict() == {"a": 24, "b": 36}
    of_b = (35 * 1 + 5 * 7) / (35 + 5)
    assert at.loc["a", COUNTED] == 3
    assert at.loc["b", COUNTED] == pytest.approx(of_b)
    assert at.loc["a", f"{COUNTED}_difference"] == pytest.approx(3 - of_b)
    assert at.loc["b", f"{COUNTED}_difference"] == pytest.approx(of_b - 3)
    assert at.loc["a", [f"{COUNTED}_low", f"{COUNTED}_high"]].tolist() == [3, 3]
    assert TRUE not in at


def test_intervals_are_those_of_a_slow_second_count():
    scored, rows, groups, true = with_unequal_access(0.75, people=6000)
    scored = replace(scored, patient_id=scored.patient_id[np.arange(6000) // 2],
                     weights=np.random.default_rng(1).uniform(0.5, 2, 6000))  # fmt: skip
    made = equity_audit(scored, rows, [groups], FEW, true)
    top = scored.margin >= np.quantile(scored.margin, AT / 100)
    out = groups.of == "kept out"
    drawn = list(resampled(scored.patient_id.astype(str), FEW.replicates, FEW.seed))

    def difference(times: np.ndarray) -> float:
        mean = [
            np.average(true[rows], weights=(times * scored.weights)[rows])
            for rows in (top & out, top & ~out)
        ]
        return mean[0] - mean[1]

    def share(times: np.ndarray) -> float:
        w = times * scored.weights
        listed = np.zeros(6000, dtype=bool)
        listed[np.argsort(-scored.margin)[: 6000 // 20]] = True
        return w[listed & out].sum() / w[listed].sum()

    of_risk, of_list = of_group(made.at_same_risk, "kept out"), of_group(made.shares, "kept out")
    for told, column, slowly in (
        (of_risk, f"{TRUE}_difference", difference),
        (of_list, "share_called", share),
    ):
        assert told[column] == pytest.approx(slowly(np.ones(6000)))
        low, high = np.quantile([slowly(times) for times in drawn], [0.025, 0.975])
        assert [told[f"{column}_low"], told[f"{column}_high"]] == pytest.approx([low, high])


def test_unequal_access_that_was_put_in_is_found_in_truth_and_hidden_from_claims():
    scored, rows, groups, true = with_unequal_access(0.75)
    made = equity_audit(scored, rows, [groups], FEW, true)
    told = of_group(made.at_same_risk, "kept out")
    assert told[f"{TRUE}_difference_low"] > 0.5
    assert told[f"{COUNTED}_difference_high"] < told[f"{TRUE}_difference_low"]
    assert made.findings[0].startswith(
        "At the same risk (97th percentile and above) people of race or ethnicity kept out have "
    )
    assert "more true chronic conditions than everybody else there: the score, which follows " \
        "cost, calls them too late; counted from claims" in made.findings[0]  # fmt: skip
    listed = of_group(made.shares, "kept out")
    assert listed["share_called"] < 0.6 * listed["share_of_rows"]
    assert listed["share_by_true_need"] == pytest.approx(listed["share_of_rows"], abs=0.06)
    assert listed["true_need_minus_score_low"] > 0
    assert listed["share_by_counted_need"] < listed["share_by_true_need"]
    assert any("of those called by the score; by true chronic conditions they would be" in words
               for words in made.findings)  # fmt: skip
    by_label = of_group(made.by_label, "kept out")
    others = of_group(made.by_label, "let in")
    assert by_label["cost_high"] < others["cost_low"]
    assert by_label[TRUE] == pytest.approx(others[TRUE], rel=0.05)


@pytest.mark.parametrize("name", [PAYER, SEX])
def test_of_payers_and_sexes_the_difference_is_told_and_no_verdict(name):
    scored, rows, groups, true = with_unequal_access(0.75)
    told = equity_audit(scored, rows, [grouping(groups.of, name)], FEW, true).findings
    of = "people covered by kept out" if name == PAYER else "kept out"
    assert told[0].startswith(f"At the same risk (97th percentile and above) {of} have ")
    assert (
        "more true chronic conditions than everybody else there (not adjusted for age, by which "
        "such groups differ); counted from claims"
    ) in told[0]
    assert not any("too late" in words or "too early" in words for words in told)
    race = equity_audit(scored, rows, [groups], FEW, true).findings[0]
    assert "calls them too late" in race
    assert "adjusted" not in race


def test_a_grouping_of_two_is_one_difference():
    scored, rows, groups, true = with_unequal_access(0.75)
    three = np.array(["medicare", "medicaid", "commercial"])[np.arange(len(true)) % 3]

    def told(*audited: Grouping) -> tuple[str, ...]:
        return equity_audit(scored, rows, audited, FEW, true).findings

    assert any(w.startswith("This is the one difference looked at") for w in told(groups))
    # 1 of two races + 1 of two sexes + 3 of three payers
    sex, payer = grouping(groups.of, SEX), grouping(three, PAYER)
    every = told(groups, sex, payer)
    assert any(words.startswith("These are 5 differences looked at") for words in every)
    of_two = [w for w in every if w.startswith("At the same risk") and "covered by" not in w]
    assert len(of_two) == 2, "the other group of each has the same difference, the sign turned"


def test_where_access_is_equal_nothing_is_claimed():
    scored, rows, groups, true = with_unequal_access(1.0)
    made = equity_audit(scored, rows, [groups], FEW, true)
    assert not any("too late" in words or "too early" in words for words in made.findings)
    assert made.findings[0] == (
        "At the same risk (97th percentile and above) no group is shown to have more or fewer true "
        "chronic conditions than everybody else there: the interval of the one difference holds 0."
    )


def test_claims_alone_are_said_to_inherit_unequal_access():
    scored, rows, groups, true = with_unequal_access(0.75)
    alone = equity_audit(scored, rows, [groups], FEW)
    assert alone.findings[-1] == (
        f"{CAVEAT[0].upper()}{CAVEAT[1:]}: where it shows no difference there may be one all the "
        "same."
    )
    assert not any("true" in words for words in alone.findings)
    before = equity_audit(scored, rows, [groups], FEW, None, CAVEAT_OF_YEAR_BEFORE).findings[-1]
    assert before.startswith(
        "Illness here (active chronic conditions of the 365 days before the question, and no days "
        "in hospital) is counted from claims, and inherits unequal access to care: "
    )
    invented = equity_audit(scored, rows, [groups], FEW, true)
    assert invented.findings[-1].endswith("known here because the people are invented.")
    shared = list(alone.at_same_risk.columns)
    pd.testing.assert_frame_equal(alone.at_same_risk, invented.at_same_risk[shared])


@pytest.mark.parametrize(("few", "told"), [(FEWEST, True), (FEWEST - 1, False)])
def test_a_group_of_few_people_at_that_risk_is_named_and_not_compared(few, told):
    people = 2000  # 60 of them at that risk
    of = np.where(np.arange(people) >= people - few, "small", "large")
    rows = pd.DataFrame({"chronic_conditions": np.where(of == "small", 5.0, 1.0)})
    made = equity_audit(scored_of(np.arange(people)), rows, [grouping(of)], FEW)
    small = of_group(made.at_same_risk, "small")
    assert small["people"] == few
    assert bool(small["judgeable"]) == told
    assert (small[f"{COUNTED}_difference"] == 4) == told
    said = "Too few to compare at that risk (under 20 people, or as few others): people of race "
    assert any(words.startswith(said) for words in made.findings) != told
    assert of_group(made.at_same_risk, "large")["judgeable"] == told


def test_lists_by_need_take_the_illest_then_more_days_then_the_higher_score():
    # 100 people: five are called by each list
    conditions, days, margin = np.zeros(100), np.zeros(100), np.arange(100.0)
    conditions[:3] = 4  # called by need whatever else
    conditions[[10, 11, 12, 13]], days[[11]] = 3, 7  # 11 has days, 13 the higher score of the rest
    true = np.zeros(100)
    true[[0, 20, 21, 22, 23]] = 6
    rows = pd.DataFrame({"chronic_conditions": conditions, "unplanned_days": days})

    def among(*called: int) -> pd.Series:
        """The shares of a group of twenty people: those, and some whom no list calls."""
        of = np.full(100, "others", dtype=object)
        of[[*called, *range(30, 50 - len(called))]] = "asked"
        made = equity_audit(scored_of(margin), rows, [grouping(of)], FEW, true)
        return of_group(made.shares, "asked")

    assert among()["share_of_rows"] == 20 / 100
    assert among(0, 1, 2, 11, 13)["share_by_counted_need"] == 1
    assert among(10, 12)["share_by_counted_need"] == 0
    assert among(95, 96, 97, 98, 99)["share_called"] == 1
    assert among(0, 20, 21, 22, 23)["share_by_true_need"] == 1
    assert among(0, 1, 2)["share_by_true_need"] == pytest.approx(1 / 5)
    both = among(0, 1, 2, 98)
    assert both["counted_need_minus_score"] == pytest.approx(3 / 5 - 1 / 5)
    assert both["true_need_minus_score"] == pytest.approx(1 / 5 - 1 / 5)


def test_labels_side_by_side():
    of = np.repeat(["a", "b", ""], 30)
    rows = pd.DataFrame({
        "chronic_conditions": np.repeat([1.0, 2.0, 9.0], 30),
        "unplanned_days": np.r_[np.repeat([2.0, np.nan], 15), np.full(30, 4.0), np.full(30, 9.0)],
    })  # fmt: skip
    amount = np.repeat([20_000.0, 50_000.0, 1e9], 30)  # cents
    made = equity_audit(
        scored_of(np.arange(90.0), amount=amount), rows, [grouping(of, SEX)], FEW,
        np.repeat([3.0, 3.0, 0.0], 30),
    ).by_label.set_index("group")  # fmt: skip
    told = ["cost", COUNTED, TRUE, "unplanned_days"]
    assert made.loc["a", told].tolist() == [200, 1, 3, 2]
    assert made.loc["b", told].tolist() == [500, 2, 3, 4]
    assert made["people"].to_dict() == {"a": 30, "b": 30}


def test_every_twentieth_of_risk_has_its_point():
    rows = pd.DataFrame({"chronic_conditions": np.arange(1000) // 50})
    of = np.where(np.arange(1000) % 2 == 0, "a", "b")
    of[0:50:2] = np.where(np.arange(25) < 10, "a", "b")  # 10 of a in the lowest: too few
    made = equity_audit(scored_of(np.arange(1000.0)), rows, [grouping(of)], FEW).by_percentile
    a = made[made["group"] == "a"].set_index("percentile")
    assert a.index.tolist() == [2.5 + 5 * step for step in range(20)]
    assert a.loc[2.5, "people"] == 10
    assert np.isnan(a.loc[2.5, COUNTED])
    assert a[COUNTED].tolist()[1:] == list(range(1, 20))


def test_only_race_payer_and_sex_are_audited_and_what_is_not_told_is_said():
    scored, rows, race, _ = with_unequal_access(0.8, people=1500)
    of = race.of.copy()
    of[:300] = ""
    everybody = np.full(1500, "medicare", dtype=object)
    unknown = np.full(1500, "", dtype=object)
    told = [grouping(race.of, AGE), grouping(unknown, SEX), grouping(everybody, PAYER),
            grouping(of)]  # fmt: skip
    made = equity_audit(scored, rows, told, FEW)
    assert made.at_same_risk["grouping"].unique().tolist() == [RACE, PAYER]
    for words in ("Sex is not told: nobody can audit by it.",
                  "Race or ethnicity is not told for 20% of the rows, which are in none of its "
                  "groups.",
                  "Everybody is of one group by payer: there is nothing to compare."):  # fmt: skip
        assert words in made.findings
    assert not any("medicare" in words for words in made.findings)


def test_a_score_that_does_not_follow_cost_is_not_said_to():
    scored, rows, groups, true = with_unequal_access(0.75)
    made = equity_audit(replace(scored, amount=None), rows, [groups], FEW, true)
    assert "there: the score calls them too late" in made.findings[0]
    assert "cost" not in made.by_label


@pytest.mark.parametrize(
    "rows",
    [pd.DataFrame(index=range(100)), pd.DataFrame({"chronic_conditions": np.full(100, np.nan)})],
)
def test_without_diagnoses_shares_are_told_and_illness_is_not(rows):
    of = np.repeat(["a", "b"], 50)
    made = equity_audit(scored_of(np.arange(100.0)), rows, [grouping(of)], FEW)
    assert made.shares["share_called"].tolist() == [0, 1]
    assert made.findings == (
        "Chronic conditions are not known: at the same risk nothing can be compared.",
    )
    nobody = equity_audit(scored_of(np.arange(100.0)), rows, [grouping(np.full(100, ""))], FEW)
    assert nobody.at_same_risk.empty
    assert nobody.findings == ("Race or ethnicity is not told: nobody can audit by it.",)
    assert nobody.flat() == {}


@pytest.fixture(scope="module")
def audit() -> EquityAudit:
    scored, rows, race, true = with_unequal_access(0.75, people=3000)
    sex = grouping(np.where(np.arange(3000) < 10, "men", "women"), SEX)
    return equity_audit(scored, rows, [race, sex], FEW, true)


def test_an_audit_is_plain_numbers(audit: EquityAudit):
    told = json.loads(json.dumps(audit.to_json(), allow_nan=False))
    assert set(told) == {"at_same_risk", "by_percentile", "shares", "by_label", "findings"}
    men = next(line for line in told["at_same_risk"] if line["group"] == "men")
    assert men["judgeable"] is False
    assert men[COUNTED] is None
    flat = audit.flat()
    of = "equity.at_same_risk.race_or_ethnicity.kept_out.true_conditions_difference"
    line = of_group(audit.at_same_risk, "kept out")
    assert [flat[of], flat[f"{of}.low"], flat[f"{of}.high"]] == [
        line[f"{TRUE}_difference{end}"] for end in ("", "_low", "_high")
    ]
    assert flat["equity.shares.race_or_ethnicity.kept_out.share_called"] > 0
    assert all(np.isfinite(value) for value in flat.values())


def test_the_picture_is_the_same_bytes_twice(audit: EquityAudit, tmp_path: Path):
    first, again = (draw_equity(tmp_path / name, audit, "Top 5 %") for name in ("one", "two"))
    assert [path.name for path in first] == ["equity.png"]
    for name in ("equity.png", "equity.svg"):
        drawn = [(path[0].parent / name).read_bytes() for path in (first, again)]
        assert drawn[0] == drawn[1]
        assert len(drawn[0]) > 10_000


def test_where_one_group_is_all_there_is_nothing_is_drawn(tmp_path: Path):
    rows = pd.DataFrame({"chronic_conditions": np.ones(1000)})
    scored = scored_of(np.arange(1000.0))
    one = equity_audit(scored, rows, [grouping(np.full(1000, "white"))], FEW)
    assert draw_equity(tmp_path, one, "Top 5 %") == []
    payers = grouping(np.where(np.arange(1000) % 2, "medicare", "medicaid"), PAYER)
    both = equity_audit(scored, rows, [grouping(np.full(1000, "white")), payers], FEW)
    assert len(draw_equity(tmp_path, both, "Top 5 %")) == 1


def test_fewer_than_two_groups_with_people_enough_give_no_picture(tmp_path: Path):
    # 2,000 people, of whom 19 are "small": too few in every twentieth and at that risk
    of = np.where(np.arange(2000) % 105 == 0, "small", "large")
    rows = pd.DataFrame({"chronic_conditions": np.ones(2000)})
    scored = scored_of(np.arange(2000.0))
    alone = equity_audit(scored, rows, [grouping(of)], FEW)
    assert drawn_groups(alone, RACE, [COUNTED]) == ["large"]
    assert draw_equity(tmp_path, alone, "Top 5 %") == []
    assert list(tmp_path.iterdir()) == []
    women = grouping(np.where(np.arange(2000) % 2, "women", "men"), SEX)
    both = equity_audit(scored, rows, [grouping(of), women], FEW)
    assert len(draw_equity(tmp_path, both, "Top 5 %")) == 1, "that by sex"
    assert "by sex" in "".join(re.findall(r"<!-- (.*?) -->", (tmp_path / "equity.svg").read_text()))


def test_the_legend_names_the_drawn_alone_and_no_strip_is_empty(tmp_path: Path):
    # 600 people: 18 at that risk, too few for any mean there; thirty of each twentieth, and of the
    # 30 of "small" two or one
    of = np.where(np.arange(600) % 20 == 0, "small", np.where(np.arange(600) < 300, "a", "b"))
    rows = pd.DataFrame({"chronic_conditions": np.ones(600)})
    made = equity_audit(scored_of(np.arange(600.0)), rows, [grouping(of)], FEW)
    assert drawn_groups(made, RACE, [COUNTED]) == ["a", "b"]
    draw_equity(tmp_path, made, "Top 5 %")
    words = re.findall(r"<!-- (.*?) -->", (tmp_path / "equity.svg").read_text())
    assert {"a", "b"} <= set(words)
    assert "small" not in words
    assert not any("97th" in word for word in words)
