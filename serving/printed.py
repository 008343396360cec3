"""What a night and its list say on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from data.errors import InputError
from data.home import Home
from data.terminal import say, table
from serving.cost_words import WHAT_IT_IS, cost_of_row, window_in_words
from serving.horizons import days_left, horizons_of_run
from serving.known_scores import in_words, made_for_others, told
from serving.masking import masked
from serving.nightly import NightReport
from serving.randomised import DRAWN_IN, DRAWN_OUT
from serving.sight import Sight
from serving.store import Store
from serving.worklist import TIERS


def print_night(report: NightReport) -> None:
    """Print what became of everybody known on the day, in counts, and what to mind."""
    table(
        f"The night of {report.as_of}", ("", "people"),
        [
            ("known on that day", report.population),
            ("scored", report.scored),
            *((f"with a risk of {task}", n) for task, n in report.with_risk.items()),
            *((f"no risk of {task}: {why}", n)
              for task, reasons in report.without_risk.items() for why, n in reasons.items()),
            *((f"not on the list: {why}", n) for why, n in report.left_out.items()),
            *((f"{task}: {tier} tier", tiers.get(tier, 0))
              for task, tiers in report.tiers.items() for tier in TIERS),
            ("on the list", report.listed),
            *((f"on the list: {queue}", n) for queue, n in report.queues.items()),
            ("on the list: outreach after a discharge is due", report.due),
            ("of these overdue", report.overdue),
            ("on the list: high-cost risk rises", report.rising),
            *((f"since the list before: {what}", n) for what, n in report.changed.items()),
            ("places kept for the recently discharged", report.capacity.kept),
            ("of these not needed by them, free for others", report.kept_unused),
            *_of_the_draw(report),
        ],
        right=(1,),
    )  # fmt: skip
    if report.thresholds:
        table(
            "Where the tiers begin, what they ask of the team, and what they are expected to find",
            ("", "from a risk of", "may be called", "on the list", "of 100 expected"),
            [(f"{task}: {tier}", f"{told[tier]['from']:.1%}", _told(told[tier]["people"]),
              _told(told[tier]["listed"]), _of_100(told[tier]["expected"]))
             for task, told in report.thresholds.items() for tier in TIERS],
            right=(1, 2, 3, 4),
        )  # fmt: skip
        say("  A readmission: from a risk as on the day of discharge, expected in the days left.")
        say(*(f"  {task}: decided by {told['owner']}." for task, told in report.thresholds.items()))
    say(*(f"  Mind: {warning}." for warning in report.warnings), "")


def print_calls(as_of: date, listed: int, recorded: Mapping[str, int]) -> None:
    """Print in a line what invented case managers did about one list, by kind of action."""
    by_kind = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in sorted(recorded.items()))
    said = by_kind or "nothing was recorded"
    say(f"The list of {as_of}: {listed} people. Invented case managers called: {said}.")


def _told(people: int | None) -> str:
    return "not told" if people is None else f"{people:,}"


def _of_100(expected: float | None) -> str:
    return "–" if expected is None else f"{100 * expected:.1f}"


def _of_the_draw(report: NightReport) -> list[tuple[str, int]]:
    if report.capacity.drawn == 0:
        return []
    return [
        ("places given by a draw", report.capacity.drawn),
        ("drawn for them", report.drawn.get(DRAWN_IN, 0)),
        ("not drawn, and the comparison group", report.drawn.get(DRAWN_OUT, 0)),
    ]


def print_worklist(home: Home, top: int, manager: int | None = None) -> None:
    """Print the first `top` entries of the published list, or of those of one case manager.

    Raises InputError where no list was published or nobody is on it.
    """
    store = Store.of_home(home)
    try:
        run = store.published()
        if run is None:
            raise InputError("There is no list yet: run `firstcall nightly --as-of DAY` first.")
        stored = store.worklist(run.run_id, top=top, manager=manager)
        entries = [masked(row, Sight()) for row in stored]  # whoever prints has shown no right
    finally:
        store.close()
    if not entries:
        raise InputError(
            f"Nobody is on the list of {run.as_of}"
            + (f" for case manager {manager}." if manager else ".")
        )
    horizons = horizons_of_run(run.manifest)
    costs = [cost_of_row(entry, horizons, run.as_of) for entry in entries]
    asked = {e["high_cost_asked_on"] for e in entries} - {None} or {run.as_of}
    window = window_in_words(horizons["high-cost"], max(asked), run.as_of)
    table(
        f"Whom to call first: the list of {run.as_of}",
        ("", "patient", "tier", "discharged", "readmission", "high cost", "why"),
        [(e["rank"], e["patient_id"], e["tier"], _short_day(e["discharged_on"]),
          readmission_told(e, horizons), _percent(e["high_cost_risk"]),
          "\n".join([*e["why"], *(f"Mind: {w}" for w in e["warnings"]),
                     *([] if cost is None else [cost]),
                     f"Known scores: {in_words(told(e, e['known_scores']))}"]))
         for e, cost in zip(entries, costs, strict=True)],
        right=(0, 3, 4, 5),
    )  # fmt: skip
    say(
        "readmission: chance of an unplanned return on the days that are left of the "
        f"{horizons['readmission']} after the discharge, and as if all of them were left, by which "
        "tier and order go: nobody drops because days pass; "
        f"high cost: chance of being among the costliest in {window}{_above(run.manifest)}.",
        *([WHAT_IT_IS] if any(costs) else []),
        "known scores: those that clinicians use, which were made for other outcomes: "
        f"{'; '.join(made_for_others())}.",
        *(f"Of the whole list: {warning}." for warning in run.manifest.get("warnings", ())),
        "A score orders outreach; it never denies care.",
    )


def _above(manifest: Mapping[str, Any]) -> str:
    """The amount above which a year is costly, "" where the run did not keep it."""
    cents = manifest.get("models", {}).get("high-cost", {}).get("threshold_cents")
    return "" if cents is None else f" (above ${cents / 100:,.0f})"


def _short_day(day: date | None) -> str:
    return "" if day is None else f"{day:%d %b}".lstrip("0")


def readmission_told(entry: Mapping[str, Any], horizons: Mapping[str, int]) -> str:
    """The readmission risk, the days that it is about, and what it is over all days."""
    risk, all_days = entry["readmission_risk"], entry["readmission_all_days_risk"]
    left = days_left(entry, horizons)
    if left is None:
        return _percent(risk)
    said = f"{_percent(risk)}\nin {left} {'day' if left == 1 else 'days'}"
    whole = horizons["readmission"]
    if all_days is None or left == whole:
        return said
    return f"{said}\n({_percent(all_days)} in {whole})"


def _percent(risk: float | None) -> str:
    return "–" if risk is None or risk != risk else f"{risk:.0%}"
