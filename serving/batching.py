"""Score requests that wait together are answered together, in one call on one thread.

Most of what a small request costs is the same for one as for twenty. Nobody waits for a batch to
fill: whenever the thread is free it takes what has come meanwhile, so that a lone request is
answered at once and batches grow with the load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.answer_schemas import ScoreAnswer
    from serving.sent_rows import SentRows
    from serving.sight import Sight

MOST_ROWS = 200_000
MOST_PATIENTS = 1_000
"""Of all requests that are answered in one call; a request alone may hold as many."""
MOST_BYTES = 4_000_000
"""Of the bodies that the thread takes at a time, so that small requests wait behind one large one
at most."""


class ClosedError(Exception):
    """The service is ending and answers nothing more."""

    def __init__(self) -> None:
        super().__init__("The service is ending.")


@dataclass(frozen=True)
class Answered:
    """An answer as it is sent (JSON), the people whom it is about, and the versions of the models
    that gave it, by task."""

    json: bytes
    patients: tuple[str, ...]
    models: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class _Waiting:
    body: bytes
    sight: Sight
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answered]


_Outcome = Answered | BaseException


class Batching:
    """The way to the one thread that parses, scores and writes answers.

    `read` makes a request of a body, or raises what its caller is to be told; `answer_together`
    is `Scorer.answer_together`, or calls it. Both are called on the thread, which starts with the
    first body and ends with `close`.
    """

    def __init__(
        self,
        read: Callable[[bytes], SentRows],
        answer_together: Callable[[Sequence[SentRows], Sequence[Sight]], list[ScoreAnswer]],
    ) -> None:
        self._read = read
        self._answer_together = answer_together
        self._waiting: deque[_Waiting] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread: Thread | None = None

    @property
    def is_closed(self) -> bool:
        return self._closed

    async def answer(self, body: bytes, sight: Sight) -> Answered:
        """The answer to a body, as far as `sight` shows it. Raises what `read` or the answering of
        this request raises, and ClosedError once `close` was called. Whoever gives up waiting takes
        nothing from others.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        with self._changed:
            if self._closed:
                raise ClosedError
            if self._thread is None:
                self._thread = Thread(target=self._work, name="scoring", daemon=True)
                self._thread.start()
            self._waiting.append(_Waiting(body, sight, loop, future))
            self._changed.notify()
        return await future

    def close(self) -> None:
        """Takes no more, answers what waits, and returns when the thread has ended. The answers
        still reach their callers when the event loop runs next."""
        with self._changed:
            self._closed = True
            thread = self._thread
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while batch := self._taken():
            _deliver(batch, self._outcomes(batch))

    def _taken(self) -> list[_Waiting]:
        """What waits, up to MOST_BYTES but at least one; nothing once there is no more to come."""
        taken: list[_Waiting] = []
        size = 0
        with self._changed:
            while not taken:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    break
                while self._waiting and (
                    not taken or size + len(self._waiting[0].body) <= MOST_BYTES
                ):
                    one = self._waiting.popleft()
                    if not one.future.cancelled():
                        taken.append(one)
                        size += len(one.body)
        return taken

    def _outcomes(self, batch: Sequence[_Waiting]) -> list[_Outcome]:
        """The answer to each body, or what is to be raised."""
        outcomes: list[_Outcome] = [ClosedError()] * len(batch)
        requests: dict[int, SentRows] = {}
        for place, one in enumerate(batch):
            try:
                requests[place] = self._read(one.body)
            except BaseException as error:  # whatever it is, whoever sent the body is told
                outcomes[place] = error
        for places in _within_bounds(requests):
            told = self._answered([(requests[place], batch[place].sight) for place in places])
            for place, outcome in zip(places, told, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _answered(self, asked: Sequence[tuple[SentRows, Sight]]) -> list[_Outcome]:
        requests, sights = zip(*asked, strict=True)
        try:
            return [_written(answer) for answer in self._answer_together(requests, sights)]
        except BaseException as error:
            if len(asked) == 1:
                return [error]
            return [outcome for one in asked for outcome in self._answered([one])]


def _written(answer: ScoreAnswer) -> Answered:
    return Answered(
        answer.model_dump_json().encode(),
        tuple(one.patient_id for one in answer.patients),
        dict(answer.models),
    )


def _within_bounds(requests: dict[int, SentRows]) -> Iterator[list[int]]:
    """The places of requests, in their order, in calls of up to MOST_ROWS and MOST_PATIENTS."""
    call: list[int] = []
    rows = patients = 0
    for place, request in requests.items():
        sent, people = request.rows, len(request.patients)
        if call and (rows + sent > MOST_ROWS or patients + people > MOST_PATIENTS):
            yield call
            call, rows, patients = [], 0, 0
        call.append(place)
        rows, patients = rows + sent, patients + people
    if call:
        yield call


def _deliver(batch: Sequence[_Waiting], outcomes: Sequence[_Outcome]) -> None:
    """Hands each outcome to its caller, on the caller's event loop; one call a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, _Outcome]]] = {}
    for one, outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(one.loop, []).append((one, outcome))
    for loop, told in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell, told)
        except RuntimeError:  # the loop has ended, and its callers with it
            continue


def _tell(told: Sequence[tuple[_Waiting, _Outcome]]) -> None:
    for one, outcome in told:
        if one.future.done():  # whoever asked has gone
            continue
        if isinstance(outcome, Answered):
            one.future.set_result(outcome)
        else:
            one.future.set_exception(outcome)
