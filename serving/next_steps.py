"""What to consider about a reason: one short suggestion a concept, from a table that a site may
change.

A suggestion is what an experienced nurse case manager would think of. It is worded as one, and
never says what caused or will prevent anything: nobody measured that. The table of the site,
FIRSTCALL_HOME/next_steps.toml, is laid over the one of `serving.next_step_table`:

    [next_steps]
    "missed appointments" = "Consider asking about transport and calling the day before a visit."
    "INR" = false  # nothing is suggested here
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from data.errors import InputError
from serving.next_step_table import TABLE

if TYPE_CHECKING:
    from data.home import Home

FILE = "next_steps.toml"
LONGEST = 120
BEGINS = "Consider "
_CAUSAL = re.compile(
    r"\b(because|causes?|caused|causing|due to|owing to|thanks to|leads? to|led to|results? in"
    r"|resulting|as a result|so that|therefore|thus|hence|consequently|prevents?|prevented"
    r"|preventing|reduces?|reduced|reducing|lowers?|lowering|decreases?|increases?|improves?"
    r"|avoids?|avoiding|stops?|ensures?|guarantees?|will|must|shall|has to|have to)\b",
    re.IGNORECASE,
)
"""Words of cause, of promise and of order."""


def _read(table: str) -> dict[str, str]:
    found: dict[str, str] = {}
    concept = ""
    for line in table.splitlines():
        if line.startswith("    "):
            found[concept] = line.strip()
        elif not line.startswith("#"):
            concept = line.strip()
    return found


SHIPPED: Mapping[str, str] = MappingProxyType(_read(TABLE))


@cache
def actionable_concepts() -> frozenset[str]:
    """The concepts of which some feature is marked as one that could be acted on."""
    from features.definitions import FEATURES

    return frozenset(feature.concept for feature in FEATURES if feature.actionable)


@dataclass(frozen=True)
class NextSteps:
    """The table in use: a suggestion by concept."""

    by_concept: Mapping[str, str]

    @classmethod
    def of(cls, home: Home) -> NextSteps:
        """The shipped table, with that of the home laid over it where there is one.

        Raises InputError with the first thing that is wrong with the home's: "next_steps.toml:
        'mised appointments' is no concept that could be acted on; did you mean missed
        appointments?"
        """
        file = home.root / FILE
        if not file.exists():
            return cls(SHIPPED)
        try:
            told = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{FILE} cannot be read as TOML: {error}.") from None
        return cls(laid_over(told))

    def next_step(self, concept: str) -> str | None:
        """The suggestion to a concept, None where there is none."""
        return self.by_concept.get(concept)


def laid_over(told: Mapping[str, Any]) -> Mapping[str, str]:
    """The shipped table under what a file holds. Raises InputError (see `NextSteps.of`)."""
    others = sorted(set(told) - {"next_steps"})
    table = told.get("next_steps", {})
    if others or not isinstance(table, Mapping):
        what = f"{others[0]!r} is unknown" if others else "next_steps is no table"
        raise InputError(f'{FILE}: {what}; under [next_steps], write "concept" = "suggestion".')
    found = dict(SHIPPED)
    for concept, words in table.items():
        _must_be_known(concept)
        if words is False:
            found.pop(concept, None)
        else:
            found[concept] = suggestion(concept, words)
    return MappingProxyType(found)


def _must_be_known(concept: str) -> None:
    known = actionable_concepts()
    if concept in known:
        return
    near = get_close_matches(concept, sorted(known), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`firstcall features list` tells them."
    raise InputError(f"{FILE}: {concept!r} is no concept that could be acted on; {hint}")


def suggestion(concept: str, words: object) -> str:
    """The words of a suggestion, if they are one.

    Raises InputError where they are no short text, do not begin with "Consider", or hold a word of
    cause, promise or order:

    >>> suggestion("INR", "Consider a visit, because it will reduce the risk.")
    Traceback (most recent call last):
    data.errors.InputError: next_steps.toml: the suggestion to 'INR' says 'because': \
suggest, and do not say what causes or prevents something.
    """
    place = f"{FILE}: the suggestion to {concept!r}"
    if not isinstance(words, str):
        raise InputError(f"{place} must be a text, or false for none.")
    if not words.isprintable() or len(words) > LONGEST:
        raise InputError(f"{place} must be one line of at most {LONGEST} characters.")
    if not words.startswith(BEGINS) or len(words.split()) < 3:
        raise InputError(f'{place} must begin with "{BEGINS.strip()}" and say what.')
    causal = _CAUSAL.search(words)
    if causal is not None:
        raise InputError(
            f"{place} says {causal[0]!r}: suggest, and do not say what causes or prevents "
            "something."
        )
    return words
