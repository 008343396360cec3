"""The events behind one value: which of a patient's events a feature is made of.

Plain Python, one rule a fold, and no value: the engine alone computes those. Whoever keeps the
source rows of the evidence and nothing else computes the same value again, with two exceptions. A
principal diagnosis is a fact of two rows, and its event names the diagnosis's row alone. And what
counts items that are new, started, stopped or not left out by a worse one rests on what was *not*
there: it comes out the same as long as no code names two items of the channel of which only one
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa

from data.sensitive_matters import Sensitive
from features.definitions import feature
from features.definitions.declaration import Channel, Feature
from features.definitions.sensitivity import sensitive_concept
from features.event_words import event_words
from features.evidence_rules import AFTER_RULES, RULES, Asked, Heard, instead
from features.meaning import Meaning, meanings
from features.window import to_date, to_day


@dataclass(frozen=True)
class Evidence:
    """One event behind a value.

    `code` and `value` (NaN: none) are those of the history, so as the source gave them; `concepts`
    are the items that the event counts as, or all that the channel asks it for where items do not
    matter; `counted` is the number that it stands for under the first of them, in the unit of the
    feature before `divide_by`. `is_anchor` marks the event that the others are told after.
    """

    happened_on: date
    known_on: date
    code: str
    value: float
    source_row: str
    concepts: tuple[str, ...]
    counted: float
    is_anchor: bool = False

    @property
    def words(self) -> str:
        """What the event says, once for each of its concepts."""
        said = (event_words(self.code, self.value, concept) for concept in self.concepts)
        return "; ".join(dict.fromkeys(said))

    @property
    def sensitive(self) -> Sensitive | None:
        """What makes the event sensitive, whatever it counts as here (`sensitive_code`)."""
        return sensitive_code(self.code)


def sensitive_code(code: str) -> Sensitive | None:
    """What makes an event code sensitive: the code itself, else the first of its concepts that is.

    A total is not marked (`Feature.sensitive` is None), because it names no condition: whoever
    shows one asks each event of its evidence, and leaves it out or unexplained where one is marked.

    >>> sensitive_code("DX/ICD10CM/B20"), sensitive_code("PRINCIPAL/ICD10CM/F329")
    ('HIV', 'mental health')
    >>> sensitive_code("DX/ICD10CM/I509") is None
    True
    """
    if code.startswith("PRINCIPAL/"):  # its one concept is a number
        code = "DX/" + code.removeprefix("PRINCIPAL/")
    for concept in (code, *(meaning.concept for meaning in meanings([code])[0])):
        why = sensitive_concept(concept)
        if why is not None:
            return why
    return None


def evidence(declared: Feature, events: pa.Table, as_of: date) -> list[Evidence]:
    """The events behind one feature's value at as_of, oldest first.

    `events` are all those of one patient (`Histories.events`). Where the value is 0 or missing
    there may be events too: those that make it so. A percentile rests on the events of the feature
    that it is of. That a feed is not carried is not seen here.
    """
    return Seen(events, as_of).evidence(declared)


class Seen:
    """What was seen of one patient at as_of: asked once for many features."""

    def __init__(self, events: pa.Table, as_of: date) -> None:
        self.as_of = to_day(as_of)
        happened, known, superseded = (
            events.column(name).to_numpy() for name in ("happened_on", "known_on", "superseded_on")
        )
        there = (happened <= self.as_of) & (known <= self.as_of) & (self.as_of < superseded)
        self._rows = events.filter(pa.array(there)).to_pylist()
        codes = sorted({row["code"] for row in self._rows})
        self._meanings = dict(zip(codes, meanings(codes), strict=True))
        self._of_concept: dict[str, list[int]] = {}
        for place, row in enumerate(self._rows):
            for meaning in self._meanings[row["code"]]:
                self._of_concept.setdefault(meaning.concept, []).append(place)

    def __len__(self) -> int:
        """How many events are seen."""
        return len(self._rows)

    def evidence(self, declared: Feature) -> list[Evidence]:
        """The events behind one feature's value (see `evidence`)."""
        if declared.of is not None:
            return self.evidence(feature(declared.of))
        asked = Asked(declared, self.as_of, self.heard(declared.channel))
        if declared.anchor is None:
            return [self._told(heard) for heard in RULES[declared.how](asked)]
        in_window = replace(asked, events=self.heard(declared.anchor)).within
        if not in_window:
            return []
        anchor = in_window[-1]
        after = AFTER_RULES[declared.how](asked, anchor.day)
        if not after and declared.unless is not None:
            after = instead(replace(asked, events=self.heard(declared.unless)), anchor.day)
        told = [(anchor.place, self._told(anchor, is_anchor=True))]
        told += [(h.place, self._told(h)) for h in after if h.place != anchor.place]
        return [made for _, made in sorted(told, key=lambda each: each[0])]

    def heard(self, channel: Channel) -> list[Heard]:
        """The events of a channel, oldest first."""
        prefixes = tuple(code[:-1] for code in channel.codes if code.endswith("*"))
        concepts = {code for code in channel.codes if code in self._of_concept}
        if prefixes:
            concepts |= {concept for concept in self._of_concept if concept.startswith(prefixes)}
        places = sorted({place for concept in concepts for place in self._of_concept[concept]})
        return [self._heard(channel, place, concepts) for place in places]

    def _heard(self, channel: Channel, place: int, concepts: set[str]) -> Heard:
        row = self._rows[place]
        numbers: dict[str, float] = {}
        for meaning in self._meanings[row["code"]]:
            if meaning.concept in concepts:
                numbers.setdefault(meaning.concept, _number(meaning, row["value"]))
        return Heard(place, row["happened_on"], numbers, channel.spans)

    def _told(self, heard: Heard, *, is_anchor: bool = False) -> Evidence:
        row = self._rows[heard.place]
        return Evidence(
            happened_on=to_date(row["happened_on"]),
            known_on=to_date(row["known_on"]),
            code=row["code"],
            value=row["value"],
            source_row=row["source_row"],
            concepts=tuple(heard.numbers),
            counted=heard.value,
            is_anchor=is_anchor,
        )


def _number(meaning: Meaning, value: float) -> float:
    return value * meaning.factor if meaning.value is None else meaning.value
