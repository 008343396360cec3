"""Fits side by side: in order, no more at once than asked, and none that begins in vain."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from training.fitting.side_by_side import side_by_side


def test_the_order_is_that_of_what_was_given_whoever_is_done_first():
    second_done = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            assert second_done.wait(20)
        else:
            second_done.set()
        return number * 10

    assert list(side_by_side(work, [1, 2], 2)) == [10, 20]


def test_no_more_run_at_once_than_asked():
    lock, running, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2)

    def work(_: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(20)
        with lock:
            running[0] -= 1

    list(side_by_side(work, range(6), 2))
    assert most == [2]


def test_what_has_not_begun_never_begins_once_nobody_asks_for_more():
    begun = []
    go_on = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            assert go_on.wait(20)
        return number

    with closing(side_by_side(work, range(5), 1)) as found:
        assert next(found) == 0
        go_on.set()
    assert len(begun) <= 2


def test_an_error_is_raised_in_its_place_and_ends_the_others():
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("the second")
        return number

    found = side_by_side(work, range(50), 1)
    assert next(found) == 0
    with pytest.raises(ValueError, match="the second"):
        next(found)
    assert list(found) == []
