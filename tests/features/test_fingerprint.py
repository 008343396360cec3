"""The fingerprint of columns changes with whatever decides their numbers, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from data import codes
from features import as_of, events, meaning
from features.as_of import fingerprint
from features.definitions import feature
from features.units import LAB_TESTS

_NAMES = ["age", "female"]


def test_names_and_their_order_are_in_it() -> None:
    before = fingerprint(_NAMES)
    assert before == fingerprint(list(_NAMES))
    assert before != fingerprint(_NAMES[::-1])
    assert before != fingerprint(["age"])


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"words": "aged {value}"}, True),
        ({"measure": "years"}, True),
        ({"predictor": False}, True),
        ({"divide_by": 2.0}, False),
        ({"limits": (0.0, 9.0)}, False),
        ({"weights": (("DX/1", 1.0),)}, False),
    ],
)
def test_words_are_not_in_it_and_numbers_are(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], same: bool
) -> None:
    before = fingerprint(_NAMES)
    another = replace(feature("age"), **changed)  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(as_of, "feature", lambda name: another if name == "age" else feature(name))
    assert (fingerprint(_NAMES) == before) == same


_ANOTHER_FACTOR = replace(LAB_TESTS[2], factors={"umol/L": 1 / 88})
_ANOTHER_LOINC = replace(LAB_TESTS[0], loincs=("718-7",))


@pytest.mark.parametrize(
    ("where", "what", "another"),
    [
        (as_of, "KERNEL_VERSION", -1),
        (events, "EVENTS_VERSION", -1),
        (events, "STAYS", events.STAYS - {"hospice"}),
        (events, "EMERGENT", events.EMERGENT - {"trauma"}),
        (events, "NOT_EMERGENT", events.NOT_EMERGENT - {"newborn"}),
        (events, "FEMALE", {"female": 1.0, "male": 0.0, "other": 0.5}),
        (events, "ANSWERS", {"need": 1.0}),
        (events, "DISPOSITIONS", events.DISPOSITIONS[::-1]),
        (events, "ACUTE", "observation"),
        (events, "MISSED", "other"),
        (events, "READ", events.READ | {"cost": events.READ["cost"][:-1]}),
        (meaning, "MEANING_VERSION", -1),
        (meaning, "LAB_TESTS", (*LAB_TESTS[:2], _ANOTHER_FACTOR, *LAB_TESTS[3:])),
        (meaning, "LAB_TESTS", (_ANOTHER_LOINC, *LAB_TESTS[1:])),
        (meaning, "LAB_TESTS", (replace(LAB_TESTS[0], unit="g/L"), *LAB_TESTS[1:])),
        (codes, "CHARLSON_GROUPS", codes.CHARLSON_GROUPS[::-1]),
        (codes, "LACE_ITEMS", codes.LACE_ITEMS[::-1]),
        (codes, "SOCIAL_NEEDS", codes.SOCIAL_NEEDS[::-1]),
        (codes, "code_lists_fingerprint", lambda: "another"),
    ],
)
def test_each_value_that_decides_numbers_is_in_it(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, what: str, another: object
) -> None:
    before, of_events = fingerprint(["age"]), events.translation_fingerprint()
    monkeypatch.setattr(where, what, another)
    assert fingerprint(["age"]) != before
    assert (events.translation_fingerprint() != of_events) == (where is events)
    monkeypatch.undo()
    assert fingerprint(["age"]) == before
