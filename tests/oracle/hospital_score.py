"""HOSPITAL a second time: one stay of one patient, one item after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from data import codes
from tests.oracle.seen import NOTHING, Row, Seen, everything_seen, standing

_CANCER_MEDICINE = (
    "oncology", "hematology/oncology", "hematology-oncology", "hematology oncology",
    "hematology and oncology", "hematology & oncology", "medical oncology", "radiation oncology",
    "surgical oncology", "gynecological oncology", "gynecological/oncology",
    "gynecologic oncology",
)  # fmt: skip


def hospital_items(
    tables: Mapping[str, Iterable[Row]],
    carries: Collection[str],
    patient_id: str,
    as_of: date,
    form: str,
    admitted_on: date | None = None,
) -> dict[str, float]:
    """The points of h, o, s, p (not in "simplified"), it, a, l of a form: "2013", "2016" or
    "simplified"."""
    letters = [x for x in ("h", "o", "s", "p", "it", "a", "l") if (x, form) != ("p", "simplified")]
    nothing = dict.fromkeys(letters, NOTHING)
    if "encounter" not in carries:
        return nothing
    seen = everything_seen(tables, carries, patient_id, as_of)
    stays = [(s.day - timedelta(days=int(s.value)), s) for s in seen
             if s.code == "ENC/acute_inpatient/ended"]  # fmt: skip
    if admitted_on is not None:
        stays = [(began, s) for began, s in stays if began >= admitted_on]
        admitted = admitted_on
    elif stays:
        admitted = stays[-1][0]
    else:
        return nothing
    year = admitted - timedelta(days=365)
    before = sum(s.code == "ENC/acute_inpatient/started" and year <= s.day < admitted
                 for s in seen)  # fmt: skip
    some = 1 if form == "2013" else 2
    told: dict[str, float] = {**nothing, "a": 5 if before > 5 else 2 if before >= some else 0}
    cancer: bool | None = None
    if "diagnosis" in carries:
        last_day = stays[-1][1].day if stays else as_of
        cancer = any(_is_cancer(s.code) for s in seen if year <= s.day <= last_day)
    oncology: bool | None = None
    if stays:
        began_last, last = stays[-1]
        out = last.day
        told["l"] = 2 if (out - admitted).days >= 5 else 0
        told["it"] = _emergent(seen, stays, admitted, admitted_on, carries)
        for letter, test, below in (("h", "haemoglobin", 12), ("s", "sodium", 135)):
            values = [value for s in seen if admitted <= s.day <= out
                      for concept, value in s.concepts if concept == f"LAB/{test}"]  # fmt: skip
            told[letter] = _below(values[-1], below) if values else NOTHING
        if form != "simplified" and "icd_procedures" in carries:
            told["p"] = any(s.code.startswith(("PX/ICD9PCS/", "PX/ICD10PCS/"))
                            and admitted <= s.day <= out for s in seen)  # fmt: skip
        if "specialty" in carries:
            oncology = _of_cancer_medicine(tables, patient_id, as_of, began_last, last)
    if form == "simplified":
        known = [told_so for told_so in (oncology, cancer) if told_so is not None]
        oncology = True if any(known) else False if len(known) == 2 else None
    told["o"] = NOTHING if oncology is None else 2 * oncology
    return {letter: float(told[letter]) for letter in letters}


def _is_cancer(code: str) -> bool:
    family, _, rest = code.partition("/")
    system, _, text = rest.partition("/")
    if family != "DX" or system == "CCW":
        return False
    groups = codes.group_names(int(codes.charlson_groups(system, [text])[0]), codes.CHARLSON_GROUPS)
    return "cancer" in groups or "metastatic" in groups


def _below(value: float, limit: float) -> float:
    return NOTHING if value != value else float(value < limit)


def _emergent(
    seen: list[Seen],
    stays: list[tuple[date, Seen]],
    admitted: date,
    admitted_on: date | None,
    carries: Collection[str],
) -> float:
    """Of the stay that began on the day of admission: the first to end of an episode's, the last
    of those that end on the day of the last one otherwise."""
    if "admission_type" not in carries:
        return NOTHING
    out = stays[-1][1].day
    if admitted_on is not None:
        first = [s.day for began, s in stays if began == admitted]
        if not first:
            return NOTHING
        out = first[0]
    types = [s.value for s in seen if s.code == "STAY/emergent" and s.day == out]
    return types[-1] if types else NOTHING


def _of_cancer_medicine(
    tables: Mapping[str, Iterable[Row]],
    patient_id: str,
    as_of: date,
    began: date,
    last: Seen,
) -> bool | None:
    """Whether the stay's own row names cancer medicine, asked of the rows themselves; None where
    it names nothing, or where another encounter of the day came and went with it."""
    rows = list(tables["encounter"])
    there = standing("encounter", rows, patient_id, as_of)

    def until(row: Row) -> date:
        later = [r["known_on"] for r in rows if r["record_id"] == row["record_id"]
                 and r["patient_id"] == patient_id and r["known_on"] > row["known_on"]]  # fmt: skip
        return min(later, default=date.max)

    stays = [r for r in there if r["kind"] == "acute_inpatient" and r["started_on"] == began
             and (r["ended_on"], r["known_on"], r["source_row"])
             == (last.day, last.known, last.source_row)]  # fmt: skip
    lasting = {until(stay) for stay in stays}
    if len(lasting) != 1:
        return None
    beside = [r for r in there if r["started_on"] == began and r["known_on"] == last.known
              and r["kind"] != "missed_appointment" and until(r) in lasting]  # fmt: skip
    if len(beside) != 1 or beside[0]["specialty"] is None:
        return None
    return beside[0]["specialty"].startswith(_CANCER_MEDICINE)
