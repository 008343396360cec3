"""Which patient of ours a call is about, from what the client sent along.

Where the site has an identifier system, that is the only way: the id of the Patient resource may be
that of another patient of ours. What was sent for another patient than the one in context is
refused, because a card about the wrong patient is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from serving.ehr.cds_services import ENCOUNTER, PATIENT
from serving.ehr.identifiers import is_patient_id

if TYPE_CHECKING:
    from serving.ehr.cds_requests import HookRequest


class PrefetchError(Exception):
    """What was sent along does not do: HTTP `status` and one sentence, with nothing of the data."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


def patient_asked(request: HookRequest, patient_system: str | None, today: date) -> str | None:
    """Our id of the patient of a call, None where the site's identifier is not among the patient's.

    Identifiers that are old or whose period is over on `today` do not count, and where two are left
    it is nobody. Raises PrefetchError: 412 where the Patient is needed and was not sent (CDS Hooks
    2.0, prefetch), 400 where something was sent for another patient.
    """
    sent = _resource(request.prefetch.get(PATIENT), "Patient")
    if (
        sent is not None
        and sent.get("id", request.context.patient_id) != request.context.patient_id
    ):
        raise PrefetchError(400, "The prefetched Patient is not the patient in context.")
    _of_the_patient(request)
    if patient_system is None:
        return request.context.patient_id
    if sent is None:
        raise PrefetchError(
            412, f"The Patient is needed: prefetch {PATIENT}, as the discovery document asks."
        )
    values = _values(sent.get("identifier"), patient_system, today)
    return values.pop() if len(values) == 1 else None


def _of_the_patient(request: HookRequest) -> None:
    encounter = _resource(request.prefetch.get(ENCOUNTER), "Encounter")
    if encounter is None:
        return
    subject = encounter.get("subject")
    told = subject.get("reference") if isinstance(subject, Mapping) else None
    if not isinstance(told, str) or "Patient/" not in told:
        return  # contained, by identifier, or not said
    if told.split("/_history/")[0].rpartition("/")[2] != request.context.patient_id:
        raise PrefetchError(400, "The prefetched Encounter is not of the patient in context.")


def _resource(sent: object, kind: str) -> Mapping[str, Any] | None:
    """A resource of this kind, None where there is none: null, or an OperationOutcome that says
    what went wrong at the client."""
    if isinstance(sent, Mapping) and sent.get("resourceType") == kind:
        return sent
    return None


def _values(identifiers: object, system: str, today: date) -> set[str]:
    found: set[str] = set()
    for one in identifiers if isinstance(identifiers, list) else ():
        if not isinstance(one, Mapping) or one.get("system") != system or one.get("use") == "old":
            continue
        value = one.get("value")
        if isinstance(value, str) and is_patient_id(value) and not _is_over(one, today):
            found.add(value)
    return found


def _is_over(identifier: Mapping[str, Any], today: date) -> bool:
    period = identifier.get("period")
    end = period.get("end") if isinstance(period, Mapping) else None
    if not isinstance(end, str):
        return False
    try:
        return datetime.fromisoformat(end).date() < today
    except ValueError:
        return end < today.isoformat()[: len(end)]  # a year, or a year and a month
