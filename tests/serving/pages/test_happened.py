"""What happened, gathered so that it can be read: a line a day and kind, the newest first."""

from __future__ import annotations

from datetime import date
from typing import Any

from serving.api.patients import Happened
from serving.pages.happened import ON_PAPER, story_of


def fact(day: int, kind: str, words: str, month: int = 12, **more: Any) -> Happened:
    when = date(2024, month, day)
    told = {"happened_on": when, "known_on": when, "kind": kind, "words": words,
            "ended_on": None, "code_system": None, "code": None, "facility": None, "cents": None,
            "source_row": "x.csv@1:1"}  # fmt: skip
    return Happened(**(told | more))


def test_facts_of_one_day_and_kind_are_one_line_and_months_part_lines() -> None:
    story = story_of([
        fact(9, "diagnosis", "heart failure"), fact(9, "visit", "office visit"),
        fact(9, "diagnosis", "anaemia"), fact(9, "diagnosis", "heart failure"),
        fact(2, "drug", "laxatives", month=11),
    ])  # fmt: skip
    assert [month.name for month in story.months] == ["December 2024", "November 2024"]
    assert [(one.kind, one.words) for one in story.months[0].lines] == [
        ("diagnosis", "Heart failure; anaemia."), ("visit", "Office visit."),
    ]  # fmt: skip
    assert dict(story.kinds) == {"visit": 1, "diagnosis": 1, "drug": 1}


def test_one_kind_is_chosen_and_all_kinds_stay_to_be_chosen() -> None:
    facts = [fact(9, "diagnosis", "anaemia"), fact(8, "drug", "laxatives")]
    story = story_of(facts, "drug")
    assert [one.words for month in story.months for one in month.lines] == ["Laxatives."]
    assert dict(story.kinds) == {"diagnosis": 1, "drug": 1}


def test_what_was_known_later_says_since_when() -> None:
    stay = fact(1, "stay", "acute inpatient", ended_on=date(2024, 12, 8), facility="H1")
    late = stay.model_copy(update={"known_on": date(2024, 12, 20)})
    at_once = stay.model_copy(update={"known_on": date(2024, 12, 8)})
    open_yet = fact(1, "stay", "acute inpatient")
    [a], [b], [c] = (story_of([one]).months[0].lines for one in (late, at_once, open_yet))
    assert a.words == "Acute inpatient, until 8 December 2024, at H1."
    assert (a.known_on, b.known_on) == ("20 December 2024", "")
    assert c.words == "Acute inpatient, no end known."


def test_what_was_paid_on_a_day_is_one_sum_unless_an_amount_is_not_known() -> None:
    paid = [fact(9, "cost", "pharmacy", cents=120_000), fact(9, "cost", "professional", cents=3000)]
    assert story_of(paid).months[0].lines[0].words == "$1,230 allowed: pharmacy; professional."
    unknown = [*paid, fact(9, "cost", "other")]
    assert story_of(unknown).months[0].lines[0].words == "Pharmacy; professional; other."


def test_the_newest_lines_stand_on_paper_and_what_was_paid_does_not() -> None:
    facts = [fact(n, kind, "x") for n in range(28, 0, -1) for kind in ("visit", "cost")]
    lines = [one for month in story_of(facts).months for one in month.lines]
    on_paper = [one for one in lines if one.on_paper]
    assert len(on_paper) == ON_PAPER
    assert {one.kind for one in on_paper} == {"visit"}


def test_what_is_left_out_is_counted() -> None:
    facts = [fact(n, "visit", "x") for n in range(9, 0, -1)]
    story = story_of(facts, most=4)
    assert sum(len(month.lines) for month in story.months) == 4
    assert story.left_out == 5
