"""How the list that is shown was ordered, and what each threshold asks and finds, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.models.strangers import REAL
from serving.pages.words import count, in_100, say
from serving.store.nights import Run
from serving.worklist import TIERS, part_of_places


@dataclass(frozen=True)
class Threshold:
    """One tier of one risk in the list that is shown; what is not known is told as such."""

    task: str
    tier: str
    begins: str
    owner: str
    people: str
    expected: str
    listed: str


def thresholds_of(run: Run) -> list[Threshold]:
    """The tiers of each risk; of a run that did not tell what came of them only where they begin,
    and none of one that did not tell that."""
    told = run.manifest.get("tiers", {})
    found: list[Threshold] = []
    for task, about in run.manifest.get("models", {}).items():
        here = told.get(task, {})
        begins = about.get("tiers", {}) | {"low": 0.0}
        found += [
            Threshold(
                task, tier, _begins(begins[tier]), here.get("owner", say("model.not_told")),
                _people(here.get(tier, {}).get("people")), _risk(here.get(tier, {})),
                _people(here.get(tier, {}).get("listed")),
            )
            for tier in TIERS
            if tier in begins and len(begins) == len(TIERS)
        ]  # fmt: skip
    return found


def _begins(risk: float) -> str:
    return in_100(risk) if risk else say("model.below")


def _people(told: int | None) -> str:
    return say("model.not_told") if told is None else f"{told:,}"


def _risk(told: Mapping[str, Any]) -> str:
    if told.get("expected") is not None:
        return in_100(told["expected"])
    return say("model.nobody" if told.get("people") == 0 else "model.not_told")


def is_rounded(run: Run) -> bool:
    """Whether counts of people are told as those of real ones are: not where they are few, and
    rounded."""
    return run.manifest.get("data", {}).get("origin") == REAL


def order_of(run: Run) -> list[str]:
    """What the places went by, the first thing first, as it held for this run; what it did not tell
    of itself is left out."""
    manifest = run.manifest
    has_admissions = "encounter" in manifest.get("data", {}).get("carries", ["encounter"])
    said = [say("model.order_may")]
    if not has_admissions:
        said.append(say("model.order_no_feed"))
    elif "kept_for_discharged" in manifest:
        said.append(_kept(manifest))
    said.append(say("model.order_tier"))
    if has_admissions:
        said += _outreach(manifest.get("outreach", {}))
    said.append(say("model.order_risk"))
    said.append(say("model.order_panels"))
    if "worked_on" in manifest:  # so does a run that tells of itself whether a draw was made
        said.append(_drawn(manifest))
    return said


def _kept(manifest: Mapping[str, Any]) -> str:
    places = manifest.get("capacity", {}).get("places", 0)
    kept = part_of_places(places, manifest["kept_for_discharged"])
    return count("model.order_kept", kept, places=f"{places:,}") if kept else say("model.none_kept")


def _outreach(told: Mapping[str, Any]) -> list[str]:
    if "within" not in told:
        return []
    said = [say("model.order_due", within=told["within"])]
    after = told.get("missed_after_days")
    if after is not None:
        said.append(count("model.order_missed", after))
    return said


def _drawn(manifest: Mapping[str, Any]) -> str:
    share = manifest.get("randomised", {}).get("share", 0)
    return say("model.order_drawn", share=f"{share:.0%}") if share else say("model.order_no_draw")
