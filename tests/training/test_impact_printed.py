"""What the calls do, as it is printed: the words go by the interval, and no small group is told."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from data.errors import RefusalError
from data.small_cells import Counts
from tests.training.test_impact import group, of
from training.effects.impact import BY_RANK, DRAWN_IN, DRAWN_OUT, Impact, impact
from training.effects.printed_impact import print_impact

INVENTED = Counts("invented")


def printed(made: Impact, capsys, counts: Counts | None = INVENTED) -> str:
    print_impact(made, counts)
    return " ".join(capsys.readouterr().out.split())


def test_too_few_say_nothing_but_how_many_would(capsys):
    made = of(group("in", DRAWN_IN, 49, 5, unknown=9), group("out", DRAWN_OUT, 51, 15))
    # (5 + 15) of 100 are 20.0 %
    assert (
        "cannot be said: the outcome is known of 49 of those drawn and of 51 of the others, and "
        "fewer than 50 a group say nothing; to see a risk of 20.0% halved with 80% power, 199 a "
        "group are needed."
    ) in printed(made, capsys)


def test_no_before_and_after_stands_alone(capsys):
    called = group("rank", BY_RANK, 100, 20, before=60)
    few = of(called, group("in", DRAWN_IN, 40, 4), group("out", DRAWN_OUT, 40, 8))
    said = printed(few, capsys)
    assert "cannot be said" in said
    assert "60.0%" not in said
    enough = of(called, group("in", DRAWN_IN, 100, 10, before=40),
                group("out", DRAWN_OUT, 100, 20, before=45))  # fmt: skip
    said = printed(enough, capsys)
    assert (
        "What follows measures no effect of calling: of 100 called by rank 60.0% were admitted "
        "unplanned in as many days before the list and 20.0% after it. They were chosen because "
        "they were high, and people fall back by themselves: of 100 in the comparison group 45.0% "
        "were admitted unplanned in as many days before the list and 20.0% after it."
    ) in said
    alone = of(group("in", DRAWN_IN, 100, 10), group("out", DRAWN_OUT, 100, 20))
    assert "fall back" not in printed(alone, capsys)


def test_the_words_go_by_where_the_interval_lies(capsys):
    less = printed(of(group("i", DRAWN_IN, 100, 10), group("o", DRAWN_OUT, 100, 20)), capsys)
    assert "On the list it was 10.0 points lower (95 % interval from 0.0 points lower to" in less
    assert "about 10 people" in less
    same = printed(of(group("i", DRAWN_IN, 100, 15), group("o", DRAWN_OUT, 100, 16)), capsys)
    assert "that may be chance" in same
    assert "have to be put on it" not in same
    more = printed(of(group("i", DRAWN_IN, 100, 40), group("o", DRAWN_OUT, 100, 10)), capsys)
    assert "On the list it was 30.0 points higher" in more
    assert "look into why" in more
    for said in (less, same, more):
        assert "A score orders outreach; it never denies care: those not drawn lost nothing" in said
        assert "it tells nothing of those at its top" in said


def test_who_was_listed_before_he_was_drawn_is_counted_a_group_apart(capsys):
    drawn, others = group("in", DRAWN_IN, 60, 3), group("out", DRAWN_OUT, 60, 6)
    earlier = [part[0].iloc[:n].assign(run_id="r0", allocation=BY_RANK, listed=True)
               for part, n in ((drawn, 5), (others, 4))]  # fmt: skip
    known = [part[1].iloc[:n].assign(run_id="r0") for part, n in ((drawn, 5), (others, 4))]
    made = of(*zip(earlier, known, strict=True), drawn, others)
    assert (
        "5 drawn and 4 not drawn are left out of all this: they had been on a list before they "
        "were drawn for, in the same episode."
    ) in printed(made, capsys)
    assert "fewer than 11 drawn and fewer than 11 not drawn are left out" in printed(
        made, capsys, Counts("own")
    )
    assert "left out" not in printed(of(drawn, others), capsys)


def as_replays(part: pd.DataFrame, newest: str, *days: str) -> list[pd.DataFrame]:
    """The allocations again on lists of these days, after a list of the day `newest`."""
    return [
        part.assign(run_id=day, as_of=pd.Timestamp(day), newest_as_of=pd.Timestamp(newest))
        for day in days
    ]


def test_lists_left_out_as_replays_are_counted_with_why_and_what_to_do(capsys):
    drawn, others = group("in", DRAWN_IN, 60, 3), group("out", DRAWN_OUT, 60, 6)
    plain = of(drawn, others)
    assert plain.replays is None
    again = pd.concat([drawn[0], others[0]])
    by_rank = again.assign(allocation=BY_RANK)  # a replay without a draw is none of these
    made = impact(
        pd.concat(
            [drawn[0], others[0], *as_replays(again, "2024-04-30", "2024-04-02", "2024-04-03"),
             *as_replays(by_rank, "2024-04-30", "2024-04-04")],
            ignore_index=True,
        ),
        pd.concat([drawn[1], others[1]], ignore_index=True),
    )  # fmt: skip
    assert replace(made, replays=None) == plain
    said = printed(made, capsys)
    assert (
        "1 list with drawn places, 2024-03-01 to 2024-03-01. 2 lists with drawn places, 2024-04-02 "
        "to 2024-04-03, are left out as replays: a list of a later day, the latest 2024-04-30, had "
        "been published before; if its --as-of was mistyped, set the status of each run of that "
        "day to abandoned in the table run of firstcall.db, and ask again."
    ) in said
    assert "left out" not in printed(plain, capsys)


def test_where_all_lists_are_replays_it_is_not_said_that_nothing_was_drawn():
    part, known = group("in", DRAWN_IN, 60, 3)
    [replayed] = as_replays(part, "2024-04-30", "2024-04-02")
    with pytest.raises(RefusalError) as refused:
        impact(replayed, known)
    assert str(refused.value).startswith(
        "What the calls do cannot be said: 1 list with drawn places, 2024-04-02 to 2024-04-02, is "
        "left out as a replay: a list of a later day, the latest 2024-04-30, had been published"
    )


SMALL = re.compile(r"(?<![\d.,%])(?:[1-9]|10)(?![\d.,%])(?! (?:list|% interval))")
"""A whole number from 1 to 10 that stands by itself."""


def test_of_real_people_no_count_up_to_10_is_told_nor_what_gives_one_away(capsys):
    few = of(
        group("rank", BY_RANK, 60, 7, before=9),
        group("in", DRAWN_IN, 62, 8, unknown=3, before=6),
        group("out", DRAWN_OUT, 61, 16, unknown=4, before=5),
    )
    told = printed(few, capsys)
    assert re.search(r"\b8 \b.*\b12\.9%", told)  # 8 of 62: that it would be told of others
    for counts in (Counts("own"), None):
        said = printed(few, capsys, counts)
        assert not SMALL.findall(said.replace("2024-03-01", ""))
        assert "fewer than 11" in said
        assert "The difference is not told: fewer than 11 of a group had it" in said
        assert "to see a risk of 10.0% halved" in said  # (8 + 16) of 123 would tell the 8
        assert "points" not in said
        assert "fall back" not in said
    none_known = of(group("in", DRAWN_IN, 9, 2, unknown=1), group("out", DRAWN_OUT, 55, 30))
    assert not SMALL.findall(printed(none_known, capsys, None).replace("2024-03-01", ""))


def test_of_real_people_in_large_groups_counts_are_told_to_tens_and_the_difference_is_told(capsys):
    many = of(group("in", DRAWN_IN, 203, 22), group("out", DRAWN_OUT, 204, 41))
    said = printed(many, capsys, Counts("own"))
    assert "200 30.0% 200 20 11%" in said  # 22 of 203 are 10.8 %
    assert "On the list it was 9.3 points lower" in said  # 41 / 204 − 22 / 203


def test_lists_made_long_after_their_day_are_left_out_and_counted(capsys):
    drawn, others = group("in", DRAWN_IN, 60, 3), group("out", DRAWN_OUT, 60, 6)
    plain = of(drawn, others)

    def made_after(part: pd.DataFrame, days: int) -> pd.DataFrame:
        return part.assign(begun_on=part["as_of"] + pd.Timedelta(days=days))

    in_time = [made_after(part, 31) for part in (drawn[0], others[0])]
    earlier = pd.concat(in_time).assign(
        run_id="r0", as_of=pd.Timestamp("2024-01-05"), newest_as_of=pd.Timestamp("2024-01-05")
    )
    rows = pd.concat([made_after(earlier, 32), *in_time], ignore_index=True)
    known = pd.concat([drawn[1], others[1]], ignore_index=True)
    made = impact(rows, known, None, 31)
    assert replace(made, belated=None) == plain
    assert (
        "1 list with drawn places, 2024-01-05 to 2024-01-05, is left out: made more than 31 days "
        "after the day that it is about, when it was too late to call by it."
    ) in printed(made, capsys)
    with pytest.raises(RefusalError, match="cannot be said: 1 list with drawn places, 2024-01-05"):
        impact(made_after(earlier, 32), known, None, 31)
