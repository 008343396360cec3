"""The source attributes of a predictive decision support intervention (45 CFR
170.315(b)(11)(iv)(B), ONC's rule HTI-1), and what a run or its card tells of each.

The rule binds developers of certified health IT, who have to show these 31 attributes to users.
† The wording follows lists that developers published under it, not the regulation itself. A rule
that was proposed on 29 December 2025 (HTI-5) would remove them; whether it has become final was not
looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from training.report.document import Cell

_ROMAN = ("i", "ii", "iii", "iv", "v")


class Attribute(NamedTuple):
    """``category``: one of nine; ``place``: its place within (iv)(B); ``name`` in short."""

    category: str
    place: str
    name: str
    answer: Cell


def attributes(
    given: Callable[[str], Cell], see: Callable[[str], Cell], facts: Mapping[str, Cell]
) -> list[Attribute]:
    """All 31, in order; for `given`, `see` and `facts` see `training.report.tripod.items`."""
    told: list[tuple[str, tuple[tuple[str, Cell], ...]]] = [
        ("Details and output", (
            ("developer, name and contact", _both(given("developer"), given("contact"))),
            ("funding of the technical implementation", given("funding")),
            ("value that is the output", facts["output"]),
            ("kind of output", "a prediction"),
        )),
        ("Purpose", (
            ("intended use", given("intended_use")),
            ("intended patients", facts["intended_people"]),
            ("intended users", given("intended_users")),
            ("intended role in decisions", given("decision_role")),
        )),
        ("Cautioned out-of-scope use", (
            ("tasks, situations, people that it is not for", given("misuse")),
            ("known risks, wrong settings and uses, limits", see("limits")),
        )),
        ("Development details and input features", (
            ("inclusion and exclusion in the training data", see("people")),
            ("demographic and social inputs", facts["demographic"]),
            ("how well these people are represented", facts["represented"]),
            ("relevance of the training data to where it is used", given("relevance")),
        )),
        ("Fairness in development", (
            ("how the output was made fair", facts["fairness"]),
            ("how bias was managed, reduced or removed", facts["bias"]),
        )),
        ("External validation", (
            ("data, setting, place of external validation", given("validated_at")),
            ("party that tested it", given("validated_by")),
            ("who the people were", given("validation_people")),
            ("process of external validation", given("validation_process")),
        )),
        ("Quantitative measures of performance", (
            ("validity in test data of the same source", see("performance")),
            ("fairness in test data of the same source", facts["by_group"]),
            ("validity in data of another source", given("validation_results")),
            ("fairness in data of another source", given("validation_fairness")),
            ("evaluation of its use on outcomes", given("outcome_evaluation")),
        )),
        ("Ongoing maintenance", (
            ("how and how often validity is watched", given("validity_monitoring")),
            ("validity in local data", given("local_validity")),
            ("how and how often fairness is watched", given("fairness_monitoring")),
            ("fairness in local data", given("local_fairness")),
        )),
        ("Update and continued validation schedule", (
            ("how and how often it is updated", given("update_schedule")),
            ("how often it is corrected where risks are found", given("correction_schedule")),
        )),
    ]  # fmt: skip
    return [
        Attribute(category, f"({place})({_ROMAN[number]})", name, answer)
        for place, (category, listed) in enumerate(told, start=1)
        for number, (name, answer) in enumerate(listed)
    ]


def _both(first: Cell, second: Cell) -> Cell:
    """Two settings of one attribute; what is missing of either stands out."""
    missing = [one for one in (first, second) if not isinstance(one, str)]
    return missing[0] if missing else f"{first}; {second}"
