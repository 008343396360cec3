"""A risk over time as a picture: from zero, gaps as gaps, one point as a point, and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from serving.pages.risk_picture import Told, risk_picture

FIRST = date(2024, 12, 1)
LIMITS = {"high": 0.4, "moderate": 0.2}


def nights(*risks: float | None, every: int = 1, model: str = "m") -> list[Told]:
    return [Told(FIRST + timedelta(days=n * every), risk, model) for n, risk in enumerate(risks)]


def drawn(told: list[Told], limits: dict[str, float] = LIMITS):
    made = risk_picture(told, limits)
    assert made is not None
    return made


def test_what_is_twice_as_high_stands_twice_as_far_above_zero() -> None:
    made = drawn(nights(0.1, 0.2))
    [line] = made.lines
    first, second = [made.bottom - float(point.split(",")[1]) for point in line.split()]
    assert second == 2 * first
    assert made.heights[0].words == "0"
    assert made.heights[0].at == made.bottom


def test_a_night_without_a_risk_is_a_gap() -> None:
    made = drawn(nights(0.1, 0.2, None, 0.3, 0.3))
    assert [len(line.split()) for line in made.lines] == [2, 2]
    assert len(made.dots) == 1  # the newest


def test_a_risk_between_two_gaps_is_a_point_and_the_newest_is_marked() -> None:
    made = drawn(nights(0.1, None, 0.2, None, 0.3, 0.3))
    assert len(made.lines) == 1
    assert len(made.dots) == 3


def test_nights_far_apart_are_not_joined() -> None:
    assert drawn(nights(0.1, 0.2, every=10)).lines
    assert not drawn(nights(0.1, 0.2, every=11)).lines


def test_one_night_is_one_point_in_the_middle() -> None:
    made = drawn(nights(0.1))
    assert not made.lines
    [(across, _)] = made.dots
    assert across == (made.left + made.right) / 2
    assert made.told == "One night so far: 10 in 100 on 1 December 2024."
    assert [mark.words for mark in made.days] == ["1 Dec 2024"]


def test_where_tiers_begin_is_drawn_and_named_as_long_as_it_can_be_read() -> None:
    assert [mark.words for mark in drawn(nights(0.1)).limits] == ["High", "Moderate"]
    close = drawn(nights(0.1), {"high": 0.21, "moderate": 0.2})
    assert [mark.words for mark in close.limits] == ["High", ""]
    assert drawn(nights(0.1), {}).limits == []


def test_where_another_model_took_over_is_marked_and_said() -> None:
    before, after = nights(0.1, 0.1), nights(None, None, 0.3, 0.3, model="n")
    made = drawn([*before, *after[2:]])
    assert [mark.words for mark in made.changes] == ["3 December 2024"]
    assert "Another model since 3 December 2024" in made.told


def discharged(day: int, *told: Told) -> list[Told]:
    return [replace(one, discharged_on=date(2024, 11, day)) for one in told]


def test_no_line_joins_two_discharges_and_the_new_one_is_marked_and_said() -> None:
    all_of_it = nights(0.5, 0.4, 0.1, 0.2)
    made = drawn([*discharged(20, *all_of_it[:2]), *discharged(28, *all_of_it[2:])])
    assert [len(line.split()) for line in made.lines] == [2, 2]
    begun = float(made.lines[1].split(",")[0])
    assert [(mark.at, mark.words) for mark in made.discharges] == [(begun, "discharged again")]
    assert made.told == (
        "20 in 100 on 4 December 2024. Of 2 nights the lowest: 10 in 100 (3 December 2024), "
        "the highest: 20 in 100 (4 December 2024). Discharged again on 28 November 2024: each "
        "discharge is a question of its own, so that a new line begins. Lowest and highest are of "
        "the newest discharge."
    )
    newest = drawn([*discharged(20, *all_of_it[:2]), *discharged(28, all_of_it[2])])
    assert newest.told.startswith("10 in 100 on 3 December 2024. Discharged again on 28 November")
    assert "owest" not in newest.told
    assert drawn(discharged(20, *all_of_it)).discharges == []


def test_the_words_above_a_discharge_stand_where_there_is_room() -> None:
    told = [
        one for n, risk in enumerate(nights(*[0.1] * 30)) for one in discharged(1 + n // 12, risk)
    ]
    made = drawn(told)
    first, second = made.discharges
    assert [first.anchor, second.anchor] == ["end", "end"]
    assert second.words == ""
    [only] = drawn(told[:20]).discharges
    assert (only.anchor, only.words) == ("end", "discharged again")
    [early] = drawn(told[9:24]).discharges
    assert (early.anchor, early.words) == ("start", "discharged again")


def test_the_picture_is_told_in_words() -> None:
    told = drawn(nights(0.1, 0.35, 0.2)).told
    assert told.startswith("20 in 100 on 3 December 2024. Of 3 nights the lowest: 10 in 100")
    assert "the highest: 35 in 100 (2 December 2024)" in told


def test_where_no_night_told_a_risk_there_is_no_picture() -> None:
    assert risk_picture(nights(None, None), LIMITS) is None
    assert risk_picture([], LIMITS) is None


def test_a_certain_risk_still_fits() -> None:
    made = drawn(nights(0.0, 1.0))
    downs = [float(point.split(",")[1]) for line in made.lines for point in line.split()]
    assert min(downs) == made.top
    assert max(downs) == made.bottom
