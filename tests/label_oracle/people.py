"""Small random patients, made to stumble over the rules: boundaries, overlaps, late versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tests.training.small import manifest, tables

Facts = dict[str, list[dict[str, Any]]]

CODED = {
    "ICD10": {
        # acute, not acute, chemotherapy, cancer, psychiatric, V57 or Z51.89, other CCS 254,
        # infarction, delivery, unknown
        "diagnoses": ("I509", "M1711", "Z5111", "C3490", "F329", "Z5189", "Z44001", "I214", "O80",
                      "X"),
        # potentially planned (category, single code), always planned, all-payer, none of these
        "procedures": ("0SRC0J9", "027034Z", "0TY00Z0", "10D00Z0", "0DJ08ZZ"),
    },
    "ICD9": {
        "diagnoses": ("4280", "71536", "V5811", "1629", "29620", "V5789", "V520", "41071", "650",
                      "X"),
        "procedures": ("8154", "0066", "5569", "741", "4523"),
    },
}  # fmt: skip
HOME_DAY = {"ICD10": date(2022, 3, 1), "ICD9": date(2009, 3, 1)}
"""The day from which the stays of a patient are counted; leap years lie about it."""
KINDS = ("acute_inpatient",) * 6 + (
    "psychiatric_inpatient", "rehabilitation_inpatient", "observation", "skilled_nursing",
    "hospice", "emergency",
)  # fmt: skip
DISPOSITIONS = ("home",) * 6 + (
    "acute_transfer", "psychiatric", "left_against_advice", "died", "hospice", "other", None,
)  # fmt: skip


def often(value: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly the value, so that most patients pass most rules."""
    return st.one_of(st.just(value), st.just(value), st.just(value), other)


@st.composite
def _stay(draw: st.DrawFn, name: str, edition: str, admitted: date) -> Facts:
    """One stay with diagnosis and procedures, and maybe other versions of it."""
    codes = CODED[edition]
    length = draw(st.integers(0, 6))
    discharged = admitted + timedelta(days=length) if draw(st.integers(0, 15)) else None
    known = (discharged or admitted) + timedelta(days=draw(st.integers(0, 3)))
    final: dict[str, Any] = {
        "record_id": name, "patient_id": "p", "kind": draw(st.sampled_from(KINDS)),
        "started_on": admitted, "ended_on": discharged,
        "facility_id": draw(st.sampled_from(("north", "north", "south", "south", None))),
        "disposition": draw(st.sampled_from(DISPOSITIONS)) if discharged else None,
        "admission_type": draw(st.sampled_from((None, "emergency", "elective", "newborn"))),
        "known_on": known,
    }  # fmt: skip
    facts: Facts = {"encounter": [final], "diagnosis": [], "procedure": []}
    version = draw(st.integers(0, 11))
    if version == 0:  # what was said first, and is not true in the end
        facts["encounter"].append(final | {
            "known_on": admitted - timedelta(days=1), "started_on": admitted - timedelta(days=3),
            "ended_on": admitted - timedelta(days=2), "kind": "acute_inpatient",
        })  # fmt: skip
    elif version == 1:  # withdrawn, soon or after the data end
        facts["encounter"].append(final | {
            "known_on": known + timedelta(days=draw(st.sampled_from((1, 400)))), "reversed": True,
        })  # fmt: skip
    elif version == 2:  # changed after the data end
        facts["encounter"].append(final | {
            "known_on": known + timedelta(days=400), "facility_id": "west", "ended_on": known,
        })  # fmt: skip
    principal = draw(st.one_of(st.none(), *[st.just(code) for code in codes["diagnoses"][:2]],
                               st.sampled_from(codes["diagnoses"])))  # fmt: skip
    coded = {"patient_id": "p", "encounter_id": name, "happened_on": admitted}
    if principal is not None:
        facts["diagnosis"].append(coded | {
            "record_id": f"{name}-d", "code_system": f"{edition}CM", "code": principal,
            "position": 1, "known_on": known,
        })  # fmt: skip
        facts["diagnosis"].append(coded | {
            "record_id": f"{name}-e", "code_system": f"{edition}CM",
            "code": draw(st.sampled_from(codes["diagnoses"])), "position": 2, "known_on": known,
        })  # fmt: skip
    for number, code in enumerate(draw(st.lists(st.sampled_from(codes["procedures"]), max_size=2))):
        facts["procedure"].append(coded | {
            "record_id": f"{name}-p{number}", "code_system": f"{edition}PCS", "code": code,
            "known_on": known + timedelta(days=draw(st.sampled_from((0, 20, 400)))),
        })  # fmt: skip
    return facts


@st.composite
def _person(draw: st.DrawFn, home: date) -> Facts:
    """Birth about the 18th, 65th or 80th birthday, death, and spans of coverage with gaps."""
    years = draw(often(80, st.sampled_from((18, 65, 40))))
    born = home.replace(year=home.year - years) + timedelta(days=draw(st.integers(-3, 3)))
    if years == 80 and draw(st.booleans()):
        born = date(born.year // 4 * 4, 2, 29)
    died = draw(often(None, st.integers(0, 70)))
    member = {"record_id": "m", "patient_id": "p", "birth_on": born, "known_on": born}
    members = [member]
    if died is not None:
        day = home + timedelta(days=died)
        members.append(member | {"death_on": day, "known_on": day + timedelta(days=10)})
    start = home - timedelta(days=draw(often(900, st.integers(355, 375))))
    cuts = draw(often([], st.lists(st.integers(-420, 60), min_size=1, max_size=2)))
    gap = draw(st.sampled_from((0, 1, 2, 44, 45, 46, 47)))
    spans: list[dict[str, Any]] = []
    for number, cut in enumerate(sorted(set(cuts))):
        end = home + timedelta(days=cut)
        if start <= end:
            spans.append({"record_id": f"c{number}", "start_on": start, "end_on": end})
            start = end + timedelta(days=gap + 1)
    ends = draw(often(None, st.integers(0, 60)))
    end = None if ends is None else max(home + timedelta(days=ends), start)
    spans.append({"record_id": "c-last", "start_on": start, "end_on": end})
    payer = draw(st.sampled_from(("medicare", "commercial")))
    for span in spans:
        span |= {"patient_id": "p", "known_on": span["start_on"], "payer": payer}
    for span in list(spans):
        if span["end_on"] is not None:  # open until its end was known
            spans.append(span | {"end_on": None})
            span["known_on"] = span["end_on"] + timedelta(days=draw(st.sampled_from((1, 40, 400))))
    return {"member": members, "coverage": spans}


@dataclass(frozen=True)
class Drawn:
    """The facts of one patient, and what the source says of itself."""

    facts: Facts
    data_through: date
    run_out_days: int

    @property
    def tables(self) -> dict[str, pa.Table]:
        return tables(**self.facts)

    @property
    def manifest(self) -> dict[str, Any]:
        return manifest(data_through=self.data_through.isoformat(), run_out_days=self.run_out_days)


@st.composite
def patients_with_stays(draw: st.DrawFn) -> Drawn:
    """Up to five patients with up to six stays each, near to one another."""
    edition = draw(st.sampled_from(("ICD10", "ICD10", "ICD9")))
    home = HOME_DAY[edition]
    steps = st.one_of(st.integers(0, 4), st.integers(0, 36), st.integers(26, 36))
    everyone: Facts = {}
    for patient in range(draw(st.integers(1, 5))):
        facts = draw(_person(home))
        day = home - timedelta(days=3)
        for number in range(draw(st.integers(1, 6))):
            day += timedelta(days=draw(steps))
            for name, rows in draw(_stay(f"s{number}", edition, day)).items():
                facts[name] = [*facts.get(name, []), *rows]
        facts = _until_death(facts)
        for name, rows in facts.items():
            everyone[name] = [*everyone.get(name, []), *(_of(f"p{patient}", row) for row in rows)]
    through = home + timedelta(days=draw(st.integers(30, 200)))
    return Drawn(everyone, through, draw(st.sampled_from((0, 0, 10))))


def _until_death(facts: Facts) -> Facts:
    """The facts without stays that begin after death: such records contradict themselves."""
    deaths = [row["death_on"] for row in facts["member"] if "death_on" in row]
    late = {
        row["record_id"] for row in facts["encounter"] if deaths and row["started_on"] > min(deaths)
    }
    return {
        name: [r for r in rows if r["record_id"] not in late and r.get("encounter_id") not in late]
        for name, rows in facts.items()
    }


def _of(patient_id: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row as one patient's: its ids begin with the patient's."""
    named = {name: f"{patient_id}-{row[name]}" for name in ("record_id", "encounter_id")
             if name in row}  # fmt: skip
    return row | named | {"patient_id": patient_id}


COST_HOME = date(2022, 12, 31)
"""The first as-of date that matters; 29 February 2024 lies in its outcome window."""


@st.composite
def _amount(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """One amount near the end of some month or of an outcome window, and other versions of it."""
    months = draw(st.integers(-7, 17))
    month = COST_HOME.month + months
    first = date(COST_HOME.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    happened = first - timedelta(days=1) + timedelta(days=draw(st.sampled_from((0, 0, 1, 2, 15))))
    known = happened + timedelta(days=draw(st.sampled_from((0, 5, 40))))
    row = {
        "record_id": name, "happened_on": happened, "known_on": known, "covers": "claim",
        "kind": draw(st.sampled_from(("inpatient", "pharmacy", "post_acute", "other"))),
        "allowed_cents": draw(st.sampled_from((100_000, 100_001, 50_000, 50_000, -30_000, 1, 0))),
    }  # fmt: skip
    later = row | {"known_on": known + timedelta(days=draw(st.sampled_from((1, 90, 900))))}
    match draw(st.integers(0, 7)):
        case 0:
            return [row, later | {"reversed": True}]
        case 1:
            return [row, later | {"allowed_cents": 100_001}]
        case _:
            return [row]


@st.composite
def _member(draw: st.DrawFn) -> Facts:
    """Coverage with its gaps and end, and death, near the ends of months."""
    days = st.one_of(
        st.sampled_from((-200, -181, -180, -179, -1, 0, 1, 31, 59, 364, 365, 366)),
        st.integers(-100, 460),
    )
    member = {"record_id": "m", "birth_on": date(1960, 5, 5), "known_on": date(2000, 1, 1)}
    members = [member]
    died = draw(often(None, days))
    if died is not None:
        day = COST_HOME + timedelta(days=died)
        members.append(member | {"death_on": day, "known_on": day + timedelta(days=3)})
    start = COST_HOME - timedelta(days=draw(st.sampled_from((178, 179, 180, 181, 400))))
    spans: list[dict[str, Any]] = []
    for number, cut in enumerate(sorted(draw(st.lists(days, max_size=2, unique=True)))):
        end = COST_HOME + timedelta(days=cut)
        if start <= end:
            spans.append({"record_id": f"c{number}", "start_on": start, "end_on": end})
            start = end + timedelta(days=draw(st.sampled_from((0, 1, 1, 2, 40))))
    if draw(st.booleans()) or not spans:
        spans.append({"record_id": "c-last", "start_on": start, "end_on": None})
    for span in spans:
        ended = span["end_on"]
        span["known_on"] = span["start_on"] if ended is None else ended + timedelta(days=20)
    return {"member": members, "coverage": spans}


@st.composite
def patients_with_costs(draw: st.DrawFn) -> Drawn:
    """Up to five patients with up to eight amounts each, and one whose costs began long before.

    `training` asks about nobody before the costs of a source have been seen for a look-back.
    """
    early = COST_HOME - timedelta(days=800)
    everyone: Facts = {name: [_of("early", row) for row in rows] for name, rows in {
        "member": [{"record_id": "m", "birth_on": date(1960, 5, 5), "known_on": early}],
        "coverage": [{"record_id": "c", "start_on": early, "end_on": early, "known_on": early}],
        "cost": [{"record_id": "a", "happened_on": early, "known_on": early, "covers": "claim",
                  "kind": "inpatient", "allowed_cents": 1}],
    }.items()}  # fmt: skip
    for patient in range(draw(st.integers(1, 5))):
        facts = draw(_member())
        facts["cost"] = [
            row for number in range(draw(st.integers(1, 8))) for row in draw(_amount(f"a{number}"))
        ]
        for name, rows in facts.items():
            everyone[name] = [*everyone.get(name, []), *(_of(f"p{patient}", row) for row in rows)]
    through = COST_HOME + timedelta(days=draw(st.integers(365, 520)))
    return Drawn(everyone, through, draw(st.sampled_from((0, 0, 30))))
