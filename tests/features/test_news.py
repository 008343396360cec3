"""Since when nothing new has been known of somebody."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.news import NEVER, last_news
from tests.features.rows import ago, histories, row

VISIT = {"kind": "office", "started_on": ago(50), "ended_on": ago(50)}


def visit(**given: object) -> dict[str, object]:
    return row("encounter", **{"record_id": "e", **VISIT, **given})


def news(as_of: date, *encounters: dict[str, object], patient: str = "p") -> date | None:
    held = histories({"encounter": list(encounters)})
    [found] = last_news(held, pd.DataFrame({"patient_id": [patient], "as_of": [as_of]}))
    return None if found == NEVER else np.datetime64(int(found), "D").item()


CLAIM = visit(known_on=ago(20))
ADJUSTED = (visit(known_on=ago(40)), visit(known_on=ago(15), ended_on=ago(49)))
WITHDRAWN = (visit(known_on=ago(40)), visit(known_on=ago(10), reversed=True))


@pytest.mark.parametrize(
    ("as_of", "encounters", "expected"),
    [
        # a claim that is known 30 days after the visit is news on that day
        (ago(0), [CLAIM], ago(20)),
        (ago(20), [CLAIM], ago(20)),
        (ago(21), [CLAIM], None),
        # so is its next version, and that it is withdrawn
        (ago(16), ADJUSTED, ago(40)),
        (ago(15), ADJUSTED, ago(15)),
        (ago(11), WITHDRAWN, ago(40)),
        (ago(10), WITHDRAWN, ago(10)),
        (ago(0), WITHDRAWN, ago(10)),
    ],
)
def test_the_last_news(as_of: date, encounters: list, expected: date | None) -> None:
    assert news(as_of, *encounters) == expected


def test_of_a_stranger_there_is_none() -> None:
    assert news(ago(0), CLAIM, patient="q") is None


def test_each_question_has_its_own_in_the_order_of_the_questions() -> None:
    held = histories({"encounter": [CLAIM, visit(record_id="f", known_on=ago(5))]})
    index = pd.DataFrame({"patient_id": ["p", "q", "p"], "as_of": [ago(0), ago(0), ago(6)]})
    day = np.datetime64(ago(0), "D").astype(np.int64)
    assert last_news(held, index).tolist() == [day - 5, NEVER, day - 20]


def test_a_call_of_our_own_is_no_news() -> None:
    seen = row("encounter", record_id="e", kind="office", started_on=ago(50), ended_on=ago(50),
               known_on=ago(40))  # fmt: skip
    call = row("outreach", record_id="o", happened_on=ago(5), step="contacted", known_on=ago(5))
    held = histories({"encounter": [seen], "outreach": [call]})
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [ago(0)]})
    assert np.datetime64(int(last_news(held, index)[0]), "D").item() == ago(40)
