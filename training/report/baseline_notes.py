"""What has to be said beside every comparison with the scores that people use without a model."""

from __future__ import annotations

from collections.abc import Iterable

from features.hospital_score import HOSPITAL_2016
from features.lace import ITEMS as LACE
from training.evaluation.baselines import made_for, whole_name
from training.report.document import Words

_WITHOUT = " without "
_ITEMS = {
    family: {item.letter.upper(): item.words for item in items}
    for family, items in (("LACE", LACE), ("HOSPITAL", HOSPITAL_2016.items))
}


def notes_on(scores: Iterable[str], outcome: str = "ours") -> list[Words]:
    """For which outcomes these scores were made, and what the parts of scores lack; `outcome` is
    what they are judged by here. Nothing where no baseline was made for another one.

    >>> notes_on(["LACE without A"])[1].text
    'A part of a published score is not that score: LACE stands here without admission type, which \
the source tells of too few rows.'
    """
    names = list(scores)
    notes = []
    if said := made_for(names, outcome):
        notes.append(Words(f"{_capital('; '.join(said))}.", note=True))
    lacking: dict[str, list[str]] = {}
    for name in names:
        if _WITHOUT in name:
            lacking.setdefault(_lacking(name), []).append(whole_name(name))
    if lacking:
        parts = "; ".join(f"{' and '.join(of)} stand{'s' if len(of) == 1 else ''} here without "
                          f"{what}" for what, of in lacking.items())  # fmt: skip
        notes.append(Words(
            f"A part of a published score is not that score: {parts}, which the source tells of "
            "too few rows.", note=True,
        ))  # fmt: skip
    return notes


def _lacking(name: str) -> str:
    """What a part of a score lacks, its letters in words."""
    whole = whole_name(name)
    items = next((told for family, told in _ITEMS.items() if whole.startswith(family)), {})
    return ", ".join(items.get(part, part) for part in name.partition(_WITHOUT)[2].split(", "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
