"""What an export notes of its histories beside the rows, and what of that an import believes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, get_args

from data.errors import InputError, RefusalError
from data.feeds import CARRIES, DERIVED
from data.sources import Origin
from data.tables import LONGEST_TEXT
from features.events import translation_fingerprint
from features.history import Histories
from features.meds.dataset import read_json

HISTORIES_FILE = Path("metadata") / "histories.json"
MOST_SHARDS = 512
"""One file is open for each of them while rows are sorted apart."""

_ORIGINS = (None, *get_args(Origin))
_COVERS = (None, "claim", "year")


@dataclass(frozen=True)
class Noted:
    """metadata/histories.json of an export; the names are those of the histories' manifest.

    `generation` is the intake that the exported histories were made of.
    """

    carries: tuple[str, ...]
    data_through: date | None
    shards: int
    generation: str | None
    source: str | None
    origin: str | None
    cost_covers: str | None


def to_note(histories: Histories) -> dict[str, Any]:
    """What an export writes into metadata/histories.json."""
    through = histories.data_through
    kept = ("generation", "source", "origin", "cost_covers")
    return {
        "made_by": translation_fingerprint(),
        "carries": list(histories.carries),
        "data_through": through.isoformat() if through else None,
        "shards": histories.shards,
        **{key: histories.manifest.get(key) for key in kept},
    }


def noted(folder: Path) -> Noted | None:
    """What the export in `folder` noted; None where it lies there without its note.

    Raises InputError where the note does not say what an export writes, RefusalError where
    another version of firstcall wrote it.
    """
    path = folder / HISTORIES_FILE
    if not path.is_file():
        return None
    try:
        told = read_json(folder, path)
        made_by = told["made_by"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is damaged; export the histories again.") from error
    if made_by != translation_fingerprint():
        raise RefusalError(
            f"{folder} was exported by another version of firstcall, whose events mean other "
            "things: export it again with this one."
        )
    try:
        return _believed(told)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged; export the histories again.") from error


def _believed(told: Mapping[str, Any]) -> Noted:
    """The note, field by field; raises ValueError, TypeError or KeyError where one is wrong."""
    carries, through, shards = told["carries"], told["data_through"], told["shards"]
    if not isinstance(carries, list) or not set(carries) <= {*CARRIES, *DERIVED}:
        raise ValueError("carries")
    if type(shards) is not int or not 1 <= shards <= MOST_SHARDS:
        raise ValueError("shards")
    if told.get("origin") not in _ORIGINS or told.get("cost_covers") not in _COVERS:
        raise ValueError("origin or cost_covers")
    return Noted(
        carries=tuple(sorted(set(carries))),
        data_through=None if through is None else date.fromisoformat(through),
        shards=shards,
        generation=_word(told.get("generation")),
        source=_word(told.get("source")),
        origin=told.get("origin"),
        cost_covers=told.get("cost_covers"),
    )


def _word(told: Any) -> str | None:
    if told is None or (isinstance(told, str) and told.isprintable() and len(told) <= LONGEST_TEXT):
        return told
    raise ValueError("not a word")
