"""Score requests that wait together: each gets its own answer, or its own refusal."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from data.errors import RefusalError
from data.home import Home
from features.matrix import Matrix
from serving.answer_schemas import ScoreAnswer
from serving.answers import Scorer
from serving.batching import Answered, Batching, ClosedError
from serving.model import RiskModel
from serving.schemas import ScoreRequest
from serving.scoring import Models
from serving.sent_rows import SentRows
from serving.sight import Sight
from tests.serving.test_api import patient, request

NOTHING = Sight()


def read(body: bytes) -> SentRows:
    return SentRows.of(ScoreRequest.model_validate(json.loads(body)))


@pytest.fixture(scope="module")
def scorer(quick_home: Home) -> Scorer:
    return Scorer(Models.load(quick_home))


def body(patient_id: str = "p1", **more: Any) -> bytes:
    return json.dumps(request(patient(patient_id), **more)).encode()


class Counted:
    """What is answered, and how many requests each call held; the first call waits for `go`."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.calls: list[int] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def answer_together(
        self, requests: Sequence[SentRows], sights: Sequence[Sight]
    ) -> list[ScoreAnswer]:
        self.began.set()
        if not self.calls:
            assert self.go.wait(60)
        self.calls.append(len(requests))
        return self.scorer.answer_together(requests, sights)


async def waiting(counted: Counted, batching: Batching) -> asyncio.Task[Answered]:
    """The first request, whose call is on its way: what comes next waits."""
    first = asyncio.create_task(batching.answer(body("first"), NOTHING))
    await asyncio.to_thread(counted.began.wait, 60)
    return first


def alone(scorer: Scorer, sent: bytes) -> bytes:
    return scorer.answer(read(sent)).model_dump_json().encode()


def test_what_waits_is_answered_in_one_call_each_as_alone(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)
    sent = [body(f"p{n % 3}", as_of=f"2024-06-0{1 + n % 2}") for n in range(12)]

    async def ask() -> list[Answered]:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(one, NOTHING)) for one in sent]
        await asyncio.sleep(0)
        counted.go.set()
        answers = await asyncio.gather(*tasks)
        assert (await first).patients == ("first",)
        return answers

    answers = asyncio.run(ask())
    batching.close()
    assert counted.calls == [1, 12]
    assert [one.json for one in answers] == [alone(scorer, one) for one in sent]
    assert [one.patients for one in answers] == [(f"p{n % 3}",) for n in range(12)]


def test_each_is_told_the_sensitive_matters_of_its_own_sight(scorer: Scorer) -> None:
    ill = request(patient("p1"))
    ill["encounter"] += [
        {"patient_id": "p1", "record_id": f"psychiatric{n}", "kind": "psychiatric_inpatient",
         "started_on": f"2024-04-1{n}", "ended_on": f"2024-04-1{n}", "known_on": "2024-04-25"}
        for n in range(4)
    ]  # fmt: skip
    sent, seeing = json.dumps(ill).encode(), Sight(frozenset(("mental health",)))
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def ask() -> list[Answered]:
        first = await waiting(counted, batching)
        sights = (NOTHING, seeing, NOTHING)
        tasks = [asyncio.create_task(batching.answer(sent, sight)) for sight in sights]
        await asyncio.sleep(0)
        counted.go.set()
        await first
        return await asyncio.gather(*tasks)

    blind, told, also_blind = asyncio.run(ask())
    batching.close()
    assert counted.calls == [1, 3]
    assert b"psychiatric" in told.json
    assert told.json == scorer.answer(read(sent), seeing).model_dump_json().encode()
    assert b"psychiatric" not in blind.json
    assert blind.json == also_blind.json == alone(scorer, sent)
    assert dict(told.models) == dict(scorer.models.versions)


def test_a_wrong_body_is_refused_to_its_own_caller(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)
    sent = [body("p1"), b"{", body("p2", as_of="yesterday"), body("p3")]

    async def ask() -> list[Any]:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(one, NOTHING)) for one in sent]
        await asyncio.sleep(0)
        counted.go.set()
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(ask())
    batching.close()
    assert counted.calls == [1, 2]
    assert [type(one) for one in answers] == [
        Answered, json.JSONDecodeError, ValidationError, Answered,
    ]  # fmt: skip
    assert answers[0].json == alone(scorer, sent[0])
    assert answers[3].json == alone(scorer, sent[3])


class Touchy(RiskModel):
    """A model that cannot explain who is older than 100."""

    def contributions(self, X: pd.DataFrame | Matrix) -> Any:
        ages = self.array(X)[:, self.features.index("age")]
        if (ages > 100).any():
            raise RefusalError("the shares do not add up")
        return super().contributions(X)


def test_a_request_that_cannot_be_answered_fails_alone(scorer: Scorer) -> None:
    by_task = dict(scorer.models.by_task)
    model = by_task["high-cost"]
    by_task["high-cost"] = Touchy(
        model.booster, model.calibrator, model.metadata, model.version, model.cost
    )
    touchy = Scorer(Models(by_task))
    counted = Counted(touchy)
    batching = Batching(read, counted.answer_together)
    old = request(patient("old"))
    old["member"][0]["birth_on"] = "1900-01-01"
    sent = [body("p1"), json.dumps(old).encode(), body("p1"), body("p2")]

    async def ask() -> list[Any]:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(one, NOTHING)) for one in sent]
        await asyncio.sleep(0)
        counted.go.set()
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(ask())
    batching.close()
    assert isinstance(answers[1], RefusalError)
    for place in (0, 2, 3):
        assert answers[place].json == alone(scorer, sent[place])


def test_who_gives_up_takes_nothing_from_the_others(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def ask() -> Answered:
        first = await waiting(counted, batching)
        gone = [asyncio.create_task(batching.answer(body(f"gone{n}"), NOTHING)) for n in range(3)]
        kept = asyncio.create_task(batching.answer(body("p1"), NOTHING))
        await asyncio.sleep(0)
        for one in (first, *gone):
            one.cancel()
        await asyncio.gather(first, *gone, return_exceptions=True)
        counted.go.set()
        return await asyncio.wait_for(kept, 60)

    assert asyncio.run(ask()).json == alone(scorer, body("p1"))
    assert counted.calls == [1, 1]  # those who went before their turn were not answered
    batching.close()


def test_after_all_of_a_batch_have_given_up_the_next_one_is_answered(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def ask() -> Answered:
        first = await waiting(counted, batching)
        gone = asyncio.create_task(batching.answer(body("gone"), NOTHING))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        counted.go.set()
        await first
        return await asyncio.wait_for(batching.answer(body("p1"), NOTHING), 60)

    assert asyncio.run(ask()).json == alone(scorer, body("p1"))
    batching.close()


def test_the_end_answers_what_waits_and_takes_no_more(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def ask() -> list[Answered]:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(body(f"p{n}"), NOTHING)) for n in range(3)]
        await asyncio.sleep(0)
        ending = asyncio.create_task(asyncio.to_thread(batching.close))
        while not batching.is_closed:
            await asyncio.sleep(0.01)
        with pytest.raises(ClosedError):
            await batching.answer(body("late"), NOTHING)
        counted.go.set()
        await asyncio.wait_for(ending, 60)
        return await asyncio.gather(first, *tasks)

    assert [one.patients for one in asyncio.run(ask())] == [("first",), ("p0",), ("p1",), ("p2",)]


def test_the_end_of_what_never_began() -> None:
    batching = Batching(read, lambda requests, sights: [])
    batching.close()
    batching.close()
    with pytest.raises(ClosedError):
        asyncio.run(batching.answer(b"", NOTHING))


def test_a_loop_that_ended_without_waiting_leaves_the_thread_at_work(scorer: Scorer) -> None:
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def leave() -> None:
        task = await waiting(counted, batching)
        task.cancel()

    asyncio.run(leave())
    counted.go.set()
    assert asyncio.run(batching.answer(body("p1"), NOTHING)).patients == ("p1",)
    batching.close()


def test_one_call_holds_no_more_people_than_one_request_may(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.batching.MOST_PATIENTS", 3)
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)
    two = json.dumps(request(patient("p1"), patient("p2"))).encode()
    sent = [two, body("p3"), body("p4"), two, two]

    async def ask() -> list[Answered]:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(one, NOTHING)) for one in sent]
        await asyncio.sleep(0)
        counted.go.set()
        await first
        return await asyncio.gather(*tasks)

    answers = asyncio.run(ask())
    batching.close()
    assert counted.calls == [1, 2, 2, 1]  # 2 + 1, 1 + 2, 2 people
    assert [one.json for one in answers] == [alone(scorer, one) for one in sent]


def test_bodies_are_taken_up_to_a_size(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(body("p0"))
    monkeypatch.setattr("serving.batching.MOST_BYTES", 2 * size)
    counted = Counted(scorer)
    batching = Batching(read, counted.answer_together)

    async def ask() -> None:
        first = await waiting(counted, batching)
        tasks = [asyncio.create_task(batching.answer(body(f"p{n}"), NOTHING)) for n in range(5)]
        await asyncio.sleep(0)
        counted.go.set()
        await asyncio.gather(first, *tasks)

    asyncio.run(ask())
    batching.close()
    assert counted.calls == [1, 2, 2, 1]
