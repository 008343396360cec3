"""What an equity audit says of real people holds no share that a few of them make."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from data.small_cells import Counts
from tests.training.test_equity import FEW, grouping, scored_of
from training.cohorts.groups import PAYER, RACE
from training.evaluation.equity import EquityAudit, equity_audit

LISTED = "of those called by the score; by conditions counted they would be"


def audit(among_called: int, among_ill: int, of: int, counts: Counts | None) -> EquityAudit:
    """3,000 people, of whom 150 are called by the score and 150 by illness. `of` are covered by
    "self-pay", so many of them called by each list; everybody else is covered by medicare."""
    people, called = 3000, 150
    margin = np.arange(float(people))
    ill = np.zeros(people)
    ill[1000 : 1000 + called] = 5
    ours = np.zeros(people, dtype=bool)
    ours[people - among_called :] = True
    ours[1000 : 1000 + among_ill] = True
    ours[: of - among_called - among_ill] = True
    assert ours.sum() == of
    rows = pd.DataFrame({"chronic_conditions": ill})
    groups = grouping(np.where(ours, "self-pay", "medicare"), PAYER)
    return equity_audit(scored_of(margin), rows, [groups], FEW, counts=counts)


def sentences(made: EquityAudit) -> list[str]:
    return [words for words in made.findings if LISTED in words]


#  called by the score, called by illness, of so many in all → whether the shares are told
@pytest.mark.parametrize(
    ("among_called", "among_ill", "of", "told"),
    [(11, 60, 300, True),
     (0, 60, 300, False),  # nobody is few as well
     (1, 60, 300, False),  # 0.7 % of 150 is one person
     (10, 60, 300, False),
     (60, 10, 300, False),  # by illness ten
     (140, 60, 300, False),  # ten called are of the others
     (60, 140, 300, False)],
)  # fmt: skip
def test_a_share_of_those_called_that_few_make_is_not_told(
    among_called: int, among_ill: int, of: int, told: bool
) -> None:
    exact = sentences(audit(among_called, among_ill, of, Counts("invented")))
    assert len(exact) == 2, "of both groups"
    share = f"{among_called / 150:.1%}"
    assert exact[1].startswith(f"People covered by self-pay are {of / 3000:.1%} of all and {share}")
    for counts in (Counts("own"), None):
        made = audit(among_called, among_ill, of, counts)
        assert len(sentences(made)) == (2 if told else 0)
        assert (share in " ".join(made.findings)) is False
        assert made.shares["share_called"].tolist()[1] == among_called / 150, "as it is"
    if told:
        words = sentences(audit(among_called, among_ill, of, Counts("own")))[1]
        assert re.findall(r"[\d.]+%", words)[:3] == ["10%", "7%", "40%"]


@pytest.mark.parametrize(
    ("untold", "exactly", "guarded"),
    [(600, "20%", "20%"), (7, "0%", "few"), (2995, "100%", "nearly all")],
)
def test_how_many_rows_have_no_group_is_told_without_a_few(
    untold: int, exactly: str, guarded: str
) -> None:
    of = np.where(np.arange(3000) < untold, "", "white")
    rows = pd.DataFrame({"chronic_conditions": np.ones(3000)})
    for counts, said in ((Counts("invented"), exactly), (Counts("own"), guarded)):
        made = equity_audit(
            scored_of(np.arange(3000.0)), rows, [grouping(of, RACE)], FEW, counts=counts
        )
        assert made.findings[0].startswith(f"Race or ethnicity is not told for {said} of the rows,")
