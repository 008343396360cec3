"""My list: whom to call first, and why; what was done is recorded from here."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from serving.access.roles import Principal
from serving.api.actions import EntryId
from serving.api.problems import Refused
from serving.api.state import Service
from serving.api.worklist import Asked, EntryName, Order, Places, places
from serving.horizons import horizons_of_run
from serving.pages.layout import page
from serving.pages.listed_rows import Row, moment, row_of
from serving.pages.named_elsewhere import named_elsewhere
from serving.pages.own_paths import own_path, with_query
from serving.pages.own_zone import zone_of
from serving.pages.page_route import form_of, router
from serving.pages.recorded_before import to_take_back
from serving.pages.recording_forms import just_recorded, record_once, wanted
from serving.pages.rules import PAGE_RULES
from serving.pages.words import say, sentence
from serving.store import actions, panel_moves
from serving.store.nights import Run
from serving.store.standings import STATUSES, TO_BE_CALLED

my_list = router()

ON_A_PAGE = 50
_MOVED_LATELY = timedelta(days=7)
"""So long a row says that its patient was moved here."""
_KINDS = ("contacted", "no_answer", "undo")
_ACTIONS = PAGE_RULES["POST", "/list/{entry_id}/actions"]
_STATUSES: dict[str, tuple[str, ...]] = {
    "to call": TO_BE_CALLED, "recorded": tuple(one for one in STATUSES if one != "open"),
    "any": ("any",),
}  # fmt: skip
_SORTED = {"rank": "rank", "readmission risk": "readmission_risk", "high cost risk":
           "high_cost_risk", "discharge": "discharged_on"}  # fmt: skip

Shown = Literal["to call", "recorded", "any"]
Sorted = Literal["rank", "readmission risk", "high cost risk", "discharge"]
ActionId = Annotated[str | None, Query(max_length=32, pattern="^[0-9a-f]{32}$")]


@my_list.get("/")
def whole(
    request: Request,
    manager: Annotated[str, Query(pattern="^([1-9][0-9]{0,3})?$")] = "",
    tier: Literal["", "high", "moderate", "low"] = "",
    queue: Literal["", "recently discharged", "high cost"] = "",
    status: Shown = "to call",
    sort: Sorted = "rank",
    find: Annotated[str, Query(max_length=100)] = "",
    due: Literal["", "overdue"] = "",
    after: EntryName | None = None,
    at: EntryName | None = None,
    recorded: ActionId = None,
    anew: Literal["", "1"] = "",
) -> Response:
    """The list of one's own panel; a supervisor's of all, or of the panel that is asked for."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    asked = Asked(
        ON_A_PAGE, after, int(manager) if manager else None, tier or None, queue or None,
        _STATUSES[status], _order(sort), find.strip(), due == "overdue",
    )  # fmt: skip
    chosen = {"manager": manager, "tier": tier, "queue": queue, "status": status, "sort": sort,
              "find": find.strip(), "due": due}  # fmt: skip
    usual = {"status": "to call", "sort": "rank"}
    kept = {name: held for name, held in chosen.items() if held and usual.get(name) != held}
    told = {
        "chosen": chosen,
        "is_narrowed": bool({"tier", "queue", "status", "find", "due"} & set(kept)),
        "statuses": tuple(_STATUSES), "sorts": tuple(_SORTED),
        "first_page": with_query("/", **kept),
        "back": with_query("/", **kept, **({"after": after} if after else {})), "after": after,
        "most": ON_A_PAGE, "anew": bool(anew),
        "is_one_panel": bool(manager) or principal.role == "case_manager",
        "may_record": _ACTIONS.permits(principal),
        "done": just_recorded(service, principal, at, recorded),
    }  # fmt: skip
    try:
        run = service.published(principal)
        found = places(service, principal, asked)
    except Refused as refused:
        if refused.kind == "moved-on" and after is not None:  # the list is not that of `after`
            done = {"at": at, "recorded": recorded} if at and recorded else {}
            return RedirectResponse(with_query("/", **kept, **done, anew="1"), 303)
        if refused.kind != "not-found" or after is not None:
            raise
        silent = "silent" if service.settings.silent else "none"
        return page(request, "no_list.html", principal=principal, why=silent, **told)
    told |= _of_run(service, principal, run, found, kept)
    shown = [row.patient_id for row in told["rows"]]
    told["elsewhere"] = None if after else named_elsewhere(
        service, principal, run, chosen["find"], shown)  # fmt: skip
    told["nobody"] = _nobody(found, bool(told["is_narrowed"]))
    return page(request, "my_list.html", principal=principal, **told)


def _order(asked: Sorted) -> Order:
    order: Any = _SORTED[asked]
    return order


def _nobody(found: Places, is_narrowed: bool) -> str:
    """Why a page shows nobody: the end of its words."""
    if found.total:
        return "end"
    if is_narrowed:
        return "narrow"
    return "called" if found.listed else "listed"


def _of_run(
    service: Service, principal: Principal, run: Run, all_of_it: Places, kept: dict[str, str]
) -> dict[str, Any]:
    now, zone, found = datetime.now(UTC), zone_of(service, principal), all_of_it.page
    calls_at = service.moment_of(run)
    horizons = horizons_of_run(run.manifest)
    with service.database.reading() as connection:
        patients = [one.patient_id for one in found.patients]
        taken = actions.of_patients(connection, patients)
        moved = panel_moves.came_by(connection, patients, now - _MOVED_LATELY)
    rows = []
    for one in found.patients:
        about, stands = taken.get(one.patient_id, []), one.standing
        undoes = to_take_back(principal.name, stands, about)
        rows.append(row_of(one, found.as_of, horizons, zone, now, undoes, calls_at, about))
    return {
        "run": found, "rows": rows, "warnings": found.warnings, "total": all_of_it.total,
        "passed": all_of_it.passed, "overdue": all_of_it.overdue,
        "first": next((r.entry_id for r in rows if _may_be_first(r)), None),
        "moved": {
            patient: say("list.moved", panel=one.came_from, who=one.who,
                         when=moment(one.at, zone, now))
            for patient, one in moved.items()
        },
        "has_due": any(row.due for row in rows),
        "has_status": any(row.status_counts for row in rows),
        "gone": [(one.patient_id, sentence(one.why)) for one in found.gone],
        "as_if": calls_at.astimezone(zone) if calls_at < now - timedelta(days=1) else None,
        "key": secrets.token_hex(16), "zone": zone.key,
        "further": with_query("/", **kept, after=found.next_after) if found.next_after else None,
    }  # fmt: skip


def _may_be_first(row: Row) -> bool:
    """Whoever was tried today, or was put down below his place, lets others go first."""
    return row.is_open and not row.tried_today and not row.put_down


@my_list.post("/list/{entry_id}/actions")
def record(request: Request, entry_id: EntryId) -> Response:
    """Records what was done, or takes it back, once however often the form is sent; then leads
    back to the page that it was sent from, which says so."""
    form = form_of(request)
    made = record_once(request, entry_id, wanted(form, entry_id, _KINDS))
    return RedirectResponse(with_query(own_path(form.get("back")), at=entry_id, recorded=made), 303)
