"""Several fits at once, each on one thread of its own.

LightGBM gives up Python's lock while it works. Trees as small as ours leave two threads of one fit
little to share: they would wait for one another most of the time, where two fits keep two cores
busy. One thread each is also what keeps sums, and with them the bytes of a model, the same however
many run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS_OF_A_FIT = 1
"""Of every call of LightGBM that may run beside others: it keeps the number for the whole process,
and a fit that began with fewer threads than another call sets would write where it must not."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def side_by_side(
    work: Callable[[_Given], _Made], given: Iterable[_Given], at_once: int
) -> Generator[_Made, None, None]:
    """`work` of each of `given`, in their order, `at_once` at a time. What has not begun when the
    generator is closed, or when one of them raises an error, never begins."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(work, given)
    finally:
        pool.shutdown(cancel_futures=True)
