"""Progress that the rooms report and the command line shows; silent unless somebody listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Show = Callable[[str], AbstractContextManager[object]]


def _silent(_: str) -> AbstractContextManager[object]:
    return nullcontext()


_show: Show = _silent


def listen(show: Show) -> None:
    """Let `show(text)` open a context for each stage from now on (the command line does)."""
    global _show
    _show = show


@contextmanager
def stage(text: str) -> Iterator[None]:
    """Wrap whatever may take more than two seconds: ``with stage("Sorting events"): ...``."""
    with _show(text):
        yield
