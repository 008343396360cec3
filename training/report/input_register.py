"""The register of the inputs of a model (45 CFR 92.210): which of its features measure age, sex or
disability or stand in for race, national origin or income, why each is there, and whether this run
could judge what it does. Each feature stands in one row.

The rule asks whoever uses a tool that supports decisions about patients to find such inputs and to
lower the risk of discrimination. It does not forbid them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.errors import InputError
from features.definitions import Feature, feature
from training.report.document import Cell, Marked
from training.report.groups_judged import Groups

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


_ACCESS = frozenset((
    "office_visits", "missed_appointments", "specialty", "emergency_visits", "facility", "provider",
    "prescriber",
))  # fmt: skip
_VISITS = ("telehealth visits", "hospital outpatient visits")
_AFTER_CARE = (
    "rehabilitation stays", "skilled nursing stays", "long-term care stays", "hospice stays",
    "home health episodes", "home health episodes since the last discharge",
    "nursing or rehabilitation discharges", "in a nursing or rehabilitation stay now",
    "where the last stay ended",
)  # fmt: skip
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
         "missed and missing follow-up are what a call can mend; who has no doctor goes to the "
         "emergency room",
         lambda f: f.feed in _ACCESS or f.concept in _VISITS, ("race",), by_access=True),
    Kind("care in nursing homes, at home and in hospice", "proxy: disability, age, income",
         "who needs such care is frail; who gets it hangs on what is covered and on who helps at "
         "home",
         lambda f: f.concept in _AFTER_CARE, ("age", "payer", "race"), by_access=True),
    Kind("reproductive health", "proxy: sex", "part of the diagnoses and drugs on record",
         lambda f: f.sensitive == "reproductive health", ("sex",)),
    Kind("mental health, substance use, HIV", "protected: disability; sensitive",
         "illness that bears on the outcome; masked for those without the right to see it",
         lambda f: f.sensitive is not None),
    Kind("other diagnoses, drugs and results",
         "illness; some of it is disability, which is protected",
         "illness is what the risk is about",
         lambda f: f.family in ("diagnoses", "flags", "drugs", "labs"), named=False),
    Kind("hospital stays and procedures", "illness and its treatment, as far as care was to be had",
         "who was in hospital often comes back",
         lambda f: f.family == "utilisation", ("race",), named=False, by_access=True),
)  # fmt: skip
"""The first kind that holds a feature has it."""


def register(
    names: Sequence[str],
    judged: Sequence[Groups] | None,
    compared: Sequence[Groups] | None,
) -> list[tuple[Cell, ...]]:
    """One row a kind that the features `names` have: kind, features, basis, why, what was done.

    `judged` and `compared`: whom subgroups.csv judges, and whom the equity audit compares, None
    where the run holds neither (`training.report.groups_judged`). Features that are not declared
    any more have a row of their own, and so have those that no kind holds.
    """
    found: dict[str, list[str]] = {kind.name: [] for kind in KINDS}
    unknown, nowhere = [], []
    for name in names:
        try:
            declared = feature(name)
        except InputError:
            unknown.append(name)
            continue
        kind = next((kind for kind in KINDS if kind.holds(declared)), None)
        (nowhere if kind is None else found[kind.name]).append(name)
    rows: list[tuple[Cell, ...]] = [
        (kind.name, _named(found[kind.name], kind), kind.basis, kind.why,
         _done(kind, judged or (), compared or ()))
        for kind in KINDS if found[kind.name]
    ]  # fmt: skip
    if nowhere:
        rows.append((Marked("in no kind", "missing"), ", ".join(nowhere), "not looked at", "",
                     Marked("look at each of them", "missing")))  # fmt: skip
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


def _done(kind: Kind, judged: Sequence[Groups], compared: Sequence[Groups]) -> Cell:
    """What this run did about it: nobody is said to be judged of whom there are too few."""
    by_group = [one for one in judged if _looks_at(kind, one)]
    audited = [one for one in compared if kind.by_access and _looks_at(kind, one)]
    done = [
        f"{what} {', '.join(one.words for one in found if one.judged)}"
        for what, found in (("judged by group of", by_group),
                            ("equity audit of the list by", audited))
        if any(one.judged for one in found)
    ]  # fmt: skip
    few = [
        f"too few {what} by {', '.join(one.grouping for one in found if not one.judged)}"
        for what, found in (("to judge", by_group), ("for the equity audit", audited))
        if not all(one.judged for one in found)
    ]  # fmt: skip
    if done:
        return f"{'; '.join((*done, *few))}, in this run"
    if few:
        return Marked(f"missing: {'; '.join(few)}, in this run", "missing")
    return Marked("missing: this run did not look at it", "missing")


def _looks_at(kind: Kind, groups: Groups) -> bool:
    return any(part.startswith(kind.groupings) for part in groups.grouping.lower().split())
