"""The register of protected and proxy inputs of a model (45 CFR 92.210): which of its features
measure age, sex or disability or stand in for race, national origin or income, why each is there,
and whether this run looked at what it does.

The rule asks whoever uses a tool that supports decisions about patients to find such inputs and to
lower the risk of discrimination. It does not forbid them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from features.definitions import Feature, feature
from training.report.document import Cell, Marked

NEVER = ("race", "ethnicity", "ethnic", "religion", "nationality", "language")
"""No feature's name or concept has one of these words."""


@dataclass(frozen=True)
class Kind:
    """Inputs of one kind. ``basis``: what they measure or stand in for; ``groupings``: how words
    begin by which subgroups.csv calls a grouping that looks at it; ``named``: whether all of what
    they tell of is listed; ``by_access``: whether it is access to care by which they stand in for
    race, which is what the equity audit looks at."""

    name: str
    basis: str
    why: str
    holds: Callable[[Feature], bool]
    groupings: tuple[str, ...] = ()
    named: bool = True
    by_access: bool = False


_ACCESS = frozenset(("office_visits", "missed_appointments", "specialty"))
KINDS: tuple[Kind, ...] = (
    Kind("age", "protected: age", "risk rises with age whatever the care",
         lambda f: f.concept == "age", ("age",)),
    Kind("sex", "protected: sex", "conditions and their course differ by sex",
         lambda f: f.concept == "sex", ("sex",)),
    Kind("deprivation of the area", "proxy: race, national origin, income",
         "where people live bears on what they return to",
         lambda f: f.concept == "deprivation of the area", ("area", "depriv", "race"),
         by_access=True),
    Kind("social needs", "proxy: income, disability, national origin",
         "needs that a call can act on: housing, transport, food, support",
         lambda f: f.family == "social", ("social", "need", "race"), by_access=True),
    Kind("payer and product", "proxy: income, age, disability",
         "what is covered decides what care is had after a stay",
         lambda f: f.feed in ("payer", "product"), ("payer", "product", "race"), by_access=True),
    Kind("time covered", "proxy: income, employment",
         "what happened while nobody was covered is not in the data",
         lambda f: f.family == "person" and f.concept == "coverage", ("payer", "product")),
    Kind("past cost", "proxy: race, income, by access to care (Obermeyer 2019)",
         "cost tells of illness, and of the care that was to be had",
         lambda f: f.family == "cost", ("race",), by_access=True),
    Kind("visits that hang on access", "proxy: income, disability, national origin",
         "missed and missing follow-up are what a call can mend",
         lambda f: f.feed in _ACCESS, ("race",), by_access=True),
    Kind("reproductive health", "proxy: sex", "part of the diagnoses and drugs on record",
         lambda f: f.sensitive == "reproductive health", ("sex",)),
    Kind("mental health, substance use, HIV", "protected: disability; sensitive",
         "illness that bears on the outcome; masked for those without the right to see it",
         lambda f: f.sensitive is not None),
    Kind("other diagnoses, drugs and results",
         "illness; some of it is disability, which is protected",
         "illness is what the risk is about",
         lambda f: f.family in ("diagnoses", "flags", "drugs", "labs"), named=False),
)  # fmt: skip
"""The first kind that holds a feature has it."""


def register(
    names: Sequence[str], subgroups: Sequence[Mapping[str, Any]] | None, *, equity: bool
) -> list[tuple[Cell, ...]]:
    """One row a kind that the features `names` have: kind, features, basis, why, what was done.

    `subgroups` are the rows of subgroups.csv, None where there is none; `equity`: whether the run
    holds an equity audit. Features that are not declared any more have a row of their own.
    """
    looked_at = {str(row.get("grouping", "")).lower() for row in subgroups or ()}
    found: dict[str, list[str]] = {kind.name: [] for kind in KINDS}
    unknown = []
    for name in names:
        try:
            declared = feature(name)
        except InputError:
            unknown.append(name)
            continue
        kind = next((kind for kind in KINDS if kind.holds(declared)), None)
        if kind is not None:
            found[kind.name].append(name)
    rows: list[tuple[Cell, ...]] = [
        (kind.name, _named(found[kind.name], kind), kind.basis, kind.why,
         _done(kind, looked_at, equity=equity))
        for kind in KINDS if found[kind.name]
    ]  # fmt: skip
    if unknown:
        rows.append((Marked("not declared any more", "bad"), ", ".join(unknown), "not known",
                     "", Marked("look at each of them", "missing")))  # fmt: skip
    return rows


def of_race(names: Sequence[str]) -> list[str]:
    """The features that would be race, ethnicity, religion, nationality or language: none."""
    found = []
    for name in names:
        try:
            words = f"{name} {feature(name).concept}"
        except InputError:
            words = name
        parts = words.lower().replace("_", " ").split()
        if {*parts} & {*NEVER}:
            found.append(name)
    return found


def _named(names: Sequence[str], kind: Kind) -> str:
    """What the features tell of, each with how many of them do; or only how many there are."""
    if not kind.named:
        return f"{len(names)} features"
    concepts = Counter(feature(name).concept for name in names)
    return ", ".join(c if n == 1 else f"{c} ({n})" for c, n in concepts.items())


def _done(kind: Kind, looked_at: set[str], *, equity: bool) -> Cell:
    by = sorted(g for g in looked_at if any(part.startswith(kind.groupings) for part in g.split()))
    done = [f"judged by group of {', '.join(by)}"] if by else []
    if equity and kind.by_access:
        done.append("equity audit of the list")
    if done:
        return f"{'; '.join(done)}, in this run"
    return Marked("missing: this run did not look at it", "missing")
