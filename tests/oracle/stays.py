"""The parts of the scores that clinicians know, a second time: one stay of one patient."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from data import codes
from tests.oracle.seen import NOTHING, Row, everything_seen


def stay_score(
    tables: Mapping[str, Iterable[Row]],
    carries: Collection[str],
    patient_id: str,
    as_of: date,
    admitted_on: date | None = None,
) -> dict[str, float]:
    """The parts of LACE of the last discharged acute stay, and the admissions before it.

    With `admitted_on`, of the episode admitted on that day.
    """
    seen = everything_seen(tables, carries, patient_id, as_of)
    ended = [(s.day - timedelta(days=int(s.value)), s.day) for s in seen
             if s.code == "ENC/acute_inpatient/ended"]  # fmt: skip
    if admitted_on is None:
        if not ended:
            return dict.fromkeys(("l", "a", "c", "e", "prior_admissions"), NOTHING)
        admitted, first_out = ended[-1]
        days = (first_out - admitted).days
    else:
        admitted = admitted_on
        stays = [(began, out) for began, out in ended if began >= admitted]
        days = (stays[-1][1] - admitted).days if stays else None
        first_out = next((out for began, out in stays if began == admitted), None)
    types = [s.value for s in seen if s.code == "STAY/emergent" and s.day == first_out]

    def before(code: str, days: int) -> int:
        return sum(
            s.code == code and admitted - timedelta(days=days) <= s.day < admitted for s in seen
        )

    year = admitted - timedelta(days=365)
    out = as_of if days is None else admitted + timedelta(days=days)
    items = {concept.removeprefix("LACE/") for s in seen if year <= s.day <= out
             for concept, _ in s.concepts if concept.startswith("LACE/")}  # fmt: skip
    for worse, milder in (("diabetes_end_organ", "diabetes"), ("metastatic", "tumour"),
                          ("severe_liver_or_renal", "mild_liver_or_renal")):  # fmt: skip
        if worse in items:
            items.discard(milder)
    comorbidity = sum(codes.LACE_POINTS[item] for item in items)
    return {
        "l": NOTHING if days is None else _length_points(days),
        "a": 3 * types[-1] if types else NOTHING,
        "c": comorbidity if comorbidity < 4 else 5,
        "e": min(4, before("ENC/emergency/started", 180)),
        "prior_admissions": before("ENC/acute_inpatient/started", 365),
    }


def _length_points(days: int) -> int:
    for at_least, points in ((14, 7), (7, 5), (4, 4)):
        if days >= at_least:
            return points
    return days
