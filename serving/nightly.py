"""The batch run: score everybody of interest as of a day, make the list, publish it whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from data.errors import RefusalError
from data.home import Home
from data.intake import Taken, current
from data.progress import stage
from data.small_cells import Counts
from features.history import Histories
from features.writing import current_histories
from serving.list_equity import charlson_of, list_equity
from serving.list_settings import WorklistSettings
from serving.managed import MANAGED, managed
from serving.models.strangers import REAL, refuse_strangers
from serving.night_list import NightList, list_of_night
from serving.panel_traits import panel_traits
from serving.population import DIED, NOT_COVERED, NOT_KNOWN, population
from serving.scoring import TASKS, TOLD_TIERS, Models, Scored, score
from serving.settings import ServiceSettings, read_settings
from serving.stale_data import STALE_AFTER_DAYS
from serving.store import Store
from serving.store.people import PUBLISHED
from serving.tier_yield import tiers_of_night
from serving.worklist import Capacity, Worklist

_NOT_SCORED = (DIED, NOT_COVERED, NOT_KNOWN)


@dataclass(frozen=True)
class NightReport:
    """What one night did, in counts of people.

    `population` is everybody known as of the day; `scored` has at least one risk; `with_risk`
    and `without_risk` are by task, the latter by reason; `tiers` by task and tier; `queues` are
    those on the list by queue; `kept_unused` are the places kept for the recently discharged that
    they did not need; `left_out` is by reason; `drawn` are those whom the draw of the last places
    reached, by what it said ("randomised in", "randomised out"). Of those on the list, outreach
    after a discharge is `due` for so many, and is `overdue` as the day after begins; the high-cost
    risk of so many is `rising`. `changed` counts who is new, changed or gone since the list before.
    `thresholds` is what `serving.tier_yield` says.
    """

    run_id: str
    as_of: date
    population: int
    scored: int
    with_risk: Mapping[str, int]
    without_risk: Mapping[str, Mapping[str, int]]
    tiers: Mapping[str, Mapping[str, int]]
    listed: int
    queues: Mapping[str, int]
    capacity: Capacity
    kept_unused: int
    left_out: Mapping[str, int]
    models: Mapping[str, str]
    warnings: tuple[str, ...]
    drawn: Mapping[str, int] = field(default_factory=dict)
    due: int = 0
    overdue: int = 0
    rising: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run_night(
    home: Home,
    as_of: date,
    capacity: Capacity | None = None,
    stale_after_days: int = STALE_AFTER_DAYS,
    other_origin: bool = False,
) -> NightReport:
    """Scores as of the end of `as_of` and publishes the list in one transaction.

    Raises InputError where nothing was taken in or there is no model, RefusalError where a model
    does not fit, where the data end more than `stale_after_days` before `as_of`, where nobody
    is to be scored, where another night is running, and where real people would be scored by a
    model trained on invented or public synthetic data, unless `other_origin` allows that. What
    was published before stays in each of these cases.
    """
    settings = read_settings(home)
    wanted = settings.worklist
    capacity = capacity or Capacity(
        kept_for_discharged=wanted.kept_for_discharged, of_panels=wanted.panels
    )
    store = Store.of_home(home)
    try:
        with store.night():
            taken = current(home)
            models = Models.load(home).of_site(wanted.tiers)
            _refuse_stale(taken, as_of, stale_after_days)
            refuse_strangers(models, str(taken.manifest["origin"]), other_origin)
            histories = current_histories(home)
            if histories.manifest["generation"] != taken.generation:
                raise RefusalError("Files were taken in while the night began: run it again.")
            run_id = store.start(as_of)
            try:
                return _night(histories, store, run_id, taken, models, as_of, capacity, settings)
            except Exception:
                store.abandon(run_id)
                raise
    finally:
        store.close()


def _refuse_stale(taken: Taken, as_of: date, after_days: int) -> None:
    through = date.fromisoformat(str(taken.manifest["data_through"]))
    if as_of > through + timedelta(days=after_days):
        raise RefusalError(
            f"The data end on {through}, more than {after_days} days before {as_of}: take in "
            "newer files, or ask for an earlier day."
        )


def _night(
    histories: Histories,
    store: Store,
    run_id: str,
    taken: Taken,
    models: Models,
    as_of: date,
    capacity: Capacity,
    settings: ServiceSettings,
) -> NightReport:
    worked_on = _worked_on(as_of, str(taken.manifest["origin"]), settings.zone)
    with stage("Finding whom to score"):
        carries = list(taken.manifest["carries"])
        people = population(taken.tables, carries, as_of)
        people = people[people["known"]].reset_index(drop=True)
        if people["left_out"].isin(_NOT_SCORED).all():
            raise RefusalError(
                f"Nobody is known to be alive and covered on {as_of}: ask for a day that the "
                "data cover."
            )
    with stage("Scoring"):
        scored = score(people, histories, models, as_of)
    costly = models.by_task.get("high-cost")
    version = None if costly is None else costly.version
    asked = _asked_by_the_list(scored.scores, taken, histories, capacity, as_of)
    made = list_of_night(asked, store, settings, capacity, as_of, version, worked_on)
    listed = made.listed
    with stage("Finding the reasons"):
        reasons = scored.reasons(_explained(scored, listed))
    scores = scored.scores.copy()
    why = listed.left_out.set_index("patient_id")["reason"]
    scores["left_out"] = scores["patient_id"].map(why).astype(object)
    counts, places = Counts(str(taken.manifest["origin"])), listed.entries["patient_id"]
    with stage("Counting whom the list reaches"):
        thresholds = tiers_of_night(scores, places, models.by_task, counts)
        equity = list_equity(
            scores, places, people["birth_on"].to_numpy().astype("datetime64[D]"),
            charlson_of(scored.known_asked, len(scores)), taken.tables, as_of, counts,
        )  # fmt: skip
    warnings = models.warnings(histories.carries, as_of)
    if "encounter" not in carries:
        warnings.append("without a feed of admissions nobody counts as recently discharged")
    if "coverage" not in carries:
        warnings.append("without a feed of coverage everybody known counts as covered")
    before = store.published()
    if before is not None and before.as_of > as_of:
        warnings.append(f"this list takes the place of a newer one, of {before.as_of}")
    if capacity.drawn:
        days = [run.as_of for run in store.runs() if run.status in PUBLISHED]
        if (newest := max(days, default=as_of)) > as_of:
            warnings.append(
                f"the places drawn here say nothing of what calls do, because a list of {newest} "
                "was published before (`firstcall impact` tells what to do if its --as-of was "
                "mistyped)"
            )
    with stage("Publishing the list"):
        store.publish(
            run_id, scores, reasons, made.changes.entries,
            _manifest(taken, models, as_of, capacity, warnings, settings.worklist, worked_on)
            | {
                "tiers": thresholds, "equity": equity, "enrolled": _by_panel(made.enrolled),
                "unlisted": dict(made.unlisted),
            },
            scored.known,
            listed.allocations, made.changes.gone,
        )  # fmt: skip
    report = _report(run_id, as_of, capacity, scored, made, models, warnings)
    return replace(report, thresholds=thresholds)


def _worked_on(as_of: date, origin: str, zone: ZoneInfo) -> date:
    """The day on which the list is called by: the one after the day that it is of, and of real
    people today where that is later, since data may lag behind. Invented people live in the days
    of their data."""
    after = as_of + timedelta(days=1)
    return max(after, datetime.now(zone).date()) if origin == REAL else after


def _asked_by_the_list(
    scores: pd.DataFrame, taken: Taken, histories: Histories, capacity: Capacity, as_of: date
) -> pd.DataFrame:
    """Scores with whom care management has already left out, and what panels ask of people."""
    told = panel_traits(scores, capacity.panels, taken.tables, histories, as_of)
    may = np.flatnonzero(told["left_out"].eq("") & told["discharged_on"].isna())
    is_managed = np.zeros(len(told), dtype=bool)
    is_managed[may] = managed(histories, told["patient_id"].iloc[may].tolist(), as_of)
    return told.assign(left_out=told["left_out"].mask(is_managed, MANAGED))


def _explained(scored: Scored, listed: Worklist) -> dict[str, np.ndarray]:
    """Whose reasons are told each night: who is on the list or in one of TOLD_TIERS, because
    reasons cost more than scores. Of the others the store holds none; POST /score explains anyone.
    """
    on_list = scored.scores["patient_id"].isin(listed.entries["patient_id"]).to_numpy()
    return {
        task: on_list | scored.scores[f"{task.replace('-', '_')}_tier"].isin(TOLD_TIERS).to_numpy()
        for task in TASKS
    }


def _manifest(
    taken: Taken,
    models: Models,
    as_of: date,
    capacity: Capacity,
    warnings: list[str],
    settings: WorklistSettings,
    worked_on: date,
) -> dict[str, Any]:
    """What the run was made of. No clock: the same night has the same manifest."""
    try:
        code = version("firstcall")
    except PackageNotFoundError:
        code = "not installed"
    by_draw = {"share": capacity.randomised_share, "salt": capacity.salt}
    return {
        "as_of": as_of.isoformat(),
        "code": code,
        "data": {"generation": taken.generation}
        | {name: taken.manifest[name] for name in ("source", "origin", "data_through", "carries")},
        "models": {
            task: {
                "version": model.version,
                "fingerprint": model.metadata["fingerprint"],
                "origin": model.metadata["origin"],
                "tiers": {"high": model.limits.high, "moderate": model.limits.moderate},
                "horizon_days": model.metadata["horizon_days"],
                "threshold_cents": model.metadata["threshold_cents"],
            }
            for task, model in models.by_task.items()
        },
        "capacity": capacity.told,
        "panels": [
            {"number": panel.number, "name": panel.name, "slots": panel.slots}
            for panel in capacity.panels
        ],
        "worked_on": worked_on.isoformat(),
        "outreach": {
            "within": settings.outreach.within,
            "missed_after_days": settings.outreach.missed_after_days,
        },
        "kept_for_discharged": capacity.kept_for_discharged,
        "warnings": warnings,
    } | ({"randomised": by_draw} if capacity.drawn else {})


def _by_panel(counted: Mapping[int, int]) -> dict[str, int]:
    """A count a panel, as JSON names them: by number."""
    return {str(number): counted[number] for number in sorted(counted)}


def _counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, the most frequent first; missing ones are not counted."""
    found = values.dropna().value_counts()
    return {str(k): int(n) for k, n in sorted(found.items(), key=lambda x: (-x[1], str(x[0])))}


def _report(
    run_id: str,
    as_of: date,
    capacity: Capacity,
    scored: Scored,
    made: NightList,
    models: Models,
    warnings: list[str],
) -> NightReport:
    scores, listed, entries = scored.scores, made.listed, made.changes.entries
    of_task = {task: task.replace("-", "_") for task in TASKS}
    has = {task: scores[f"{name}_risk"].notna() for task, name in of_task.items()}
    return NightReport(
        run_id=run_id,
        as_of=as_of,
        population=len(scores),
        scored=int((has["readmission"] | has["high-cost"]).sum()),
        with_risk={task: int(flags.sum()) for task, flags in has.items()},
        without_risk={t: _counts(scores[f"{n}_null_reason"]) for t, n in of_task.items()},
        tiers={t: _counts(scores[f"{n}_tier"]) for t, n in of_task.items()},
        listed=len(listed.entries),
        queues=_counts(listed.entries["queue"]),
        capacity=capacity,
        kept_unused=listed.kept_unused,
        left_out=listed.left_out_counts,
        models=models.versions,
        warnings=tuple(warnings),
        drawn=_counts(listed.allocations["allocation"]),
        due=int(entries["due_at"].notna().sum()),
        overdue=made.overdue,
        rising=int(entries["rose_from"].notna().sum()),
        changed=_counts(entries["change"]) | made.gone,
    )
