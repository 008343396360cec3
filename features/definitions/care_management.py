"""Care management: who was called, and who was taken into a programme or declined it.

None of these is a predictor: the question is the risk under usual practice, and a model that
learnt from calls would take the people whom somebody chose to call, and what the calls did for
them, for the course of their illness. They stand in the history to mark the rows that were
treated, for whoever evaluates, and to tell a caller what was tried before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.window import Window


def _steps(name: str, code: str, noun: tuple[str, str]) -> Counted:
    return Counted("care_management", Channel(name, (f"OUTREACH/{code}",)), noun, "outreach",
                   "outreach", predictor=False)  # fmt: skip


_ANY = _steps("outreach", "*", ("step of care management", "steps of care management"))
_REACHED = _steps("outreach_contacted", "contacted",
                  ("contact by care management", "contacts by care management"))  # fmt: skip
_NO_ANSWER = _steps(
    "outreach_no_answer", "no_answer",
    ("attempt of care management without an answer",
     "attempts of care management without an answer"),
)  # fmt: skip
_ENROLLED = _steps("outreach_enrolled", "enrolled",
                   ("enrolment in care management", "enrolments in care management"))  # fmt: skip
_DECLINED = _steps("outreach_declined", "declined",
                   ("refusal of care management", "refusals of care management"))  # fmt: skip
_CLOSED = _steps("outreach_closed", "closed",
                 ("end of care management", "ends of care management"))  # fmt: skip


def _ever(what: Counted, words: str, zero: str, days: Iterable[int]) -> list[Feature]:
    return [
        _one(what, f"any_{w}", words=f"{words} {Window(w).words}",
             zero=f"{zero} {Window(w).words}", how="any", window=Window(w),
             last_event=f"{what.channel.name}_days_since")
        for w in days
    ]  # fmt: skip


def _one(what: Counted, suffix: str, **declared: Any) -> Feature:
    return Feature(
        name=f"{what.channel.name}_{suffix}", family=what.family, concept=what.concept,
        unit="yes or no", source="outreach", feed="outreach", channel=what.channel,
        predictor=False, **declared,
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *_ANY.counts((90, 365)), *_ANY.days_since(),
    *_REACHED.counts((90, 365)), *_REACHED.days_since(),
    *_NO_ANSWER.counts((90,)), *_NO_ANSWER.days_since(),
    *_ever(_ENROLLED, "enrolled in care management",
           "not enrolled in care management", (365,)), *_ENROLLED.days_since(),
    *_ever(_DECLINED, "declined care management",
           "has not declined care management", (365,)), *_DECLINED.days_since(),
    *_CLOSED.days_since(),
    _one(_CLOSED, "since_enrolment", words="left care management since enrolling",
         zero="has not left care management since enrolling", how="after", window=Window(730),
         anchor=_ENROLLED.channel, last_event="outreach_closed_days_since"),
)  # fmt: skip
