"""The equity of the list by group, in the words of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.pages.words import say
from serving.reached_alike import FEW, NOBODY, NOBODY_ELSE, NOT_TOLD
from serving.store.nights import Run

_WHY_NONE = {
    NOT_TOLD: "team.few", FEW: "team.no_ratio", NOBODY: "team.nobody_ill",
    NOBODY_ELSE: "team.nobody_else",
}  # fmt: skip
"""In which words a group without a ratio stands; a night of before did not say why."""


@dataclass(frozen=True)
class Group:
    """One group: who may be called, who is on the list, who of both has need, and how often the ill
    of this group are on the list beside those of all others."""

    group: str
    people: str
    listed: str
    with_need: str
    with_need_listed: str
    ratio: str


@dataclass(frozen=True)
class Attribute:
    """The groups of one attribute, in their order."""

    name: str
    rows: list[Group] = field(default_factory=list)


def equity_of(run: Run) -> dict[str, Any]:
    """`equity`, an `Attribute` each, `need` in words (None where illness is not known) and the
    `caveat`, as `serving.list_equity` told them; nothing of a run that told none."""
    told = run.manifest.get("equity", {})
    found: dict[str, Attribute] = {}
    for row in told.get("rows", []):
        name = row["attribute"]
        found.setdefault(name, Attribute(name)).rows.append(_group(row))
    return {
        "equity": [one for one in found.values() if len(one.rows) > 1],
        "need": told.get("need"), "caveat": told.get("caveat", ""),
    }  # fmt: skip


def _group(row: Mapping[str, Any]) -> Group:
    counts = ("people", "listed", "with_need", "with_need_listed")
    told = {name: _count(row[name]) for name in counts}
    return Group(group=row["group"], ratio=_ratio(row), **told)


def _count(told: int | None) -> str:
    return say("team.few") if told is None else f"{told:,}"


def _ratio(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return say(_WHY_NONE.get(str(row.get("why_no_ratio")), "team.no_ratio"))
    told = {name: f"{row[name]:.2f}" for name in ("ratio", "ratio_low", "ratio_high")}
    if row["ratio_low"] <= 1 <= row["ratio_high"]:
        return say("team.ratio_alike", **told)
    return say("team.ratio_more" if row["ratio"] > 1 else "team.ratio_less", **told)
