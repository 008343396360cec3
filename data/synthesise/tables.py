"""From what happened to the canonical tables: every version of every fact, as it came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from data.tables import (
    ADMISSION_TYPES,
    COST_KINDS,
    DISPOSITIONS,
    ENCOUNTER_KINDS,
    TABLES,
)  # fmt: skip

from . import lateness
from .randomness import uniform_of
from .state import (
    C_CENTS,
    C_CODE,
    C_DISPOSITION,
    C_END,
    C_FACILITY,
    C_KIND,
    C_MASK,
    C_MEMBER,
    C_SEQ,
    C_START,
    C_TYPE,
    FILL_CENTS,
    FILL_DAY,
    FILL_DAYS,
    FILL_DRUG,
    FILL_MEMBER,
    FILL_SEQ,
    LAB_CONTACT,
    LAB_DAY,
    LAB_MEMBER,
    LAB_SEQ,
    LAB_TEST,
    LAB_VALUE,
)  # fmt: skip
from .stays import ACUTE, EMERGENCY, OBSERVATION, OFFICE_VISIT, OUTPATIENT, PSYCHIATRIC
from .text import choose, dates, identifiers, where
from .vocabulary import (
    CONDITION_COUNT,
    CONDITIONS,
    DRUGS,
    EMERGENCY_CODES,
    LABS,
    NEED_COUNT,
    NEEDS,
    OFFICE_CODES,
    REASONS,
)  # fmt: skip

NOTHING = -(2**40)
DOCTOR = 60  # purpose of uniform_of: which of a facility's clinicians it was
SCHEMAS = {
    name: pa.schema([f for f in table.schema if f.name != "source_row"])
    for name, table in TABLES.items()
}
_CODES = (
    [r.code for r in REASONS] + list(EMERGENCY_CODES) + list(OFFICE_CODES)
    + [c.code for c in CONDITIONS] + [n[1] for n in NEEDS]
)  # fmt: skip
_AT_EMERGENCY = len(REASONS)
_AT_OFFICE = _AT_EMERGENCY + len(EMERGENCY_CODES)
_AT_CONDITION = _AT_OFFICE + len(OFFICE_CODES)
_AT_NEED = _AT_CONDITION + CONDITION_COUNT
_PROCEDURES = sorted({r.procedure for r in REASONS if r.procedure})
_PROCEDURE_OF = np.array([_PROCEDURES.index(r.procedure) if r.procedure else -1 for r in REASONS])
_COST_KIND_OF = np.array(
    [COST_KINDS.index(
        "inpatient" if kind in ("acute_inpatient", "psychiatric_inpatient")
        else "post_acute" if kind in ("rehabilitation_inpatient", "skilled_nursing",
                                      "long_term_care", "home_health", "hospice")
        else "professional" if kind in ("office", "telehealth")
        else "outpatient"
    ) for kind in ENCOUNTER_KINDS]
)  # fmt: skip

_PLACE_OF = {"office": "11"}
_REVENUE_OF = {
    "acute_inpatient": "0120", "psychiatric_inpatient": "0124",
    "rehabilitation_inpatient": "0024 0128", "skilled_nursing": "0022 0120",
    "observation": "0762", "emergency": "0450", "outpatient": "0510", "home_health": "0551",
    "hospice": "0651",
}  # fmt: skip
"""Codes that a claim of each kind carries, place of service where it is a clinician's own."""

Columns = dict[str, Any]


def _by_kind(told: dict[str, str], kind: np.ndarray, there: np.ndarray) -> pa.Array:
    """The code of each row's kind; empty where a kind has none, or where it is not `there` yet."""
    codes = sorted(set(told.values()))
    at = np.array([codes.index(told[k]) if k in told else -1 for k in ENCOUNTER_KINDS])
    return choose(codes, np.where(there, at[kind], -1))


def _stack(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def canonical(name: str, columns: Columns) -> pa.Table:
    """The columns in the order and types of canonical table ``name``."""
    schema = SCHEMAS[name]
    arrays = []
    for f in schema:
        column = columns[f.name]
        if isinstance(column, np.ndarray):
            column = pa.array(column)
        arrays.append(column.cast(f.type) if column.type != f.type else column)
    return pa.Table.from_arrays(arrays, schema=schema)


def patient_ids(member: np.ndarray) -> pa.Array:
    """P0000001 for member 0, and so on."""
    return identifiers("P", (member + 1, 7))


def encounter_ids(member: np.ndarray, seq: np.ndarray) -> pa.Array:
    """The record_id of each contact."""
    return identifiers("E", (member + 1, 7), "-", (seq, 5))


class Contacts:
    """Visits and stays of one chunk, and when the claim of each is known, reversed, adjusted."""

    def __init__(self, seed: int, rows: np.ndarray):
        self.seed = seed
        self.rows = rows
        self.member, self.seq = rows[:, C_MEMBER], rows[:, C_SEQ]
        self.kind, self.end = rows[:, C_KIND], rows[:, C_END]
        self.is_stay = (self.kind == ACUTE) | (self.kind == PSYCHIATRIC)
        self.claim = self.end + lateness.claim_lag(seed, self.member, self.seq)
        small = np.isin(self.kind, (OFFICE_VISIT, OUTPATIENT, EMERGENCY))
        self.turned, self.adjusted, self.later, self.factor = lateness.claim_fate(
            seed, self.member, self.seq, self.claim, small
        )

    def encounters(self, last: int, specialty: pa.Array) -> pa.Table:
        """Versions: open at admission, closed at discharge, final with the claim."""
        r, n = self.rows, np.arange(len(self.rows))
        feed = np.isin(self.kind, (ACUTE, PSYCHIATRIC, EMERGENCY, OBSERVATION))
        lasting = feed & (self.end > r[:, C_START])
        parts = [
            {"at": n[lasting], "known": r[lasting, C_START], "stage": np.zeros(lasting.sum(), int)},
            {"at": n[feed], "known": self.end[feed], "stage": np.ones(feed.sum(), int)},
            {"at": n, "known": self.claim, "stage": np.full(len(n), 2)},
            {"at": n[self.turned], "known": self.later[self.turned],
             "stage": np.full(self.turned.sum(), 3)},
        ]  # fmt: skip
        v = _stack(parts)
        # an emergency visit's claim adds nothing to what the feed said
        v = {k: a[~((v["stage"] == 2) & (self.kind[v["at"]] == EMERGENCY))] for k, a in v.items()}
        kept = lateness.twice(
            self.seed, 1, self.member[v["at"]], self.seq[v["at"]], v["known"], last
        )
        at, known, stage = v["at"][kept], v["known"][kept], v["stage"][kept]
        x = r[at]
        open_stay = stage == 0
        stay = self.is_stay[at]
        # an emergency visit is told once, codes and all
        billed = (stage >= 2) | (self.kind[at] == EMERGENCY)
        drg = np.where(stay & (stage >= 2), x[:, C_CODE], -1)
        doctor = (uniform_of(self.seed, DOCTOR, x[:, C_MEMBER], x[:, C_SEQ]) * 40).astype(int)
        return canonical("encounter", {
            "record_id": encounter_ids(x[:, C_MEMBER], x[:, C_SEQ]),
            "patient_id": patient_ids(x[:, C_MEMBER]),
            "kind": choose(ENCOUNTER_KINDS, x[:, C_KIND]),
            "started_on": dates(x[:, C_START], NOTHING),
            "ended_on": dates(np.where(open_stay, NOTHING, x[:, C_END]), NOTHING),
            "facility_id": identifiers("H", (x[:, C_FACILITY], 3)),
            "provider_id": identifiers("D", (x[:, C_FACILITY], 3), (doctor, 2)),
            "specialty": specialty.take(pa.array(at)),
            "admission_type": choose(ADMISSION_TYPES, x[:, C_TYPE]),
            "disposition": choose(DISPOSITIONS, np.where(open_stay, -1, x[:, C_DISPOSITION])),
            "drg": choose([reason.drg for reason in REASONS], drg),
            "place_of_service": _by_kind(_PLACE_OF, x[:, C_KIND], billed),
            "revenue_codes": _by_kind(_REVENUE_OF, x[:, C_KIND], billed),
            "known_on": dates(known, NOTHING),
            "reversed": stage == 3,
        })  # fmt: skip

    def diagnoses(self, last: int) -> pa.Table:
        """Admission and working principal diagnosis of a stay early, all others by the claim."""
        r, n = self.rows, np.arange(len(self.rows))
        stay, kind, code = self.is_stay, self.kind, r[:, C_CODE]
        principal = np.full(len(r), -1)
        principal[stay] = code[stay]
        seen = np.isin(kind, (EMERGENCY, OBSERVATION))
        principal[seen] = _AT_EMERGENCY + code[seen]
        office = kind == OFFICE_VISIT
        chronic = r[:, C_MASK] & ((1 << CONDITION_COUNT) - 1)
        plain = office & ((chronic == 0) | (r[:, C_SEQ] % 5 == 0))
        principal[plain] = _AT_OFFICE + code[plain] % len(OFFICE_CODES)
        named = principal >= 0
        # part: 0 the admission diagnosis, 1 the principal one, 2 … conditions and needs
        parts = [
            {"at": n[stay], "part": np.zeros(stay.sum(), int), "code": self._suspected()[stay],
             "position": np.full(stay.sum(), -1), "happened": r[stay, C_START],
             "known": r[stay, C_START]},
            {"at": n[named], "part": np.ones(named.sum(), int), "code": principal[named],
             "position": np.ones(named.sum(), int), "happened": self.end[named],
             "known": np.where(stay | seen, self.end, self.claim)[named]},
        ]  # fmt: skip
        place = named.astype(int)
        bits = [(c, _AT_CONDITION + c) for c in range(CONDITION_COUNT)]
        bits += [(32 + need, _AT_NEED + need) for need in range(NEED_COUNT)]
        for bit, text in bits:
            on = (r[:, C_MASK] >> bit) & 1 == 1
            on &= ~(named & (_FIRST_SAME[np.maximum(principal, 0)] == text))
            place = place + on
            parts.append({
                "at": n[on], "part": np.full(on.sum(), 2 + bit), "code": np.full(on.sum(), text),
                "position": place[on].copy(), "happened": self.end[on], "known": self.claim[on],
            })  # fmt: skip
        v = _stack(parts)
        v["back"] = np.zeros(len(v["at"]), bool)
        again = np.flatnonzero(self.turned[v["at"]])
        gone = {name: column[again] for name, column in v.items()}
        gone["known"] = self.later[gone["at"]]
        gone["back"] = np.ones(len(again), bool)
        v = _stack([v, gone])
        key = self.seq[v["at"]] * 64 + v["part"]
        kept = lateness.twice(self.seed, 2, self.member[v["at"]], key, v["known"], last)
        v = {name: column[kept] for name, column in v.items()}
        member, seq = self.member[v["at"]], self.seq[v["at"]]
        ids = identifiers("E", (member + 1, 7), "-", (seq, 5), "-D", (v["part"], 2))
        admission = identifiers("E", (member + 1, 7), "-", (seq, 5), "-adm")
        return canonical("diagnosis", {
            "record_id": where(v["part"] == 0, admission, ids),
            "patient_id": patient_ids(member),
            "encounter_id": encounter_ids(member, seq),
            "happened_on": dates(v["happened"], NOTHING),
            "code_system": choose(["ICD10CM"], np.zeros(len(member), int)),
            "code": choose(_CODES, v["code"]),
            "position": pa.array(v["position"], mask=v["position"] < 0),
            "known_on": dates(v["known"], NOTHING),
            "reversed": v["back"],
        })  # fmt: skip

    def _suspected(self) -> np.ndarray:
        """The admission diagnosis: mostly the later principal one, else a symptom."""
        u = uniform_of(self.seed, 61, self.member, self.seq)
        symptom = _AT_EMERGENCY + (u * 1000).astype(int) % len(EMERGENCY_CODES)
        code = self.rows[:, C_CODE]
        return np.where((u < 0.7) | (self.rows[:, C_TYPE] == 2), code, symptom)

    def procedures(self, last: int) -> pa.Table:
        """The main procedure of a stay, known with the claim."""
        r = self.rows
        code = np.full(len(r), -1)
        code[self.is_stay] = _PROCEDURE_OF[r[self.is_stay, C_CODE]]
        done = np.flatnonzero(code >= 0)
        kept = done[lateness.twice(
            self.seed, 3, self.member[done], self.seq[done], self.claim[done], last
        )]  # fmt: skip
        member, seq = self.member[kept], self.seq[kept]
        day = np.minimum(r[kept, C_START] + 1, self.end[kept])
        return canonical("procedure", {
            "record_id": identifiers("E", (member + 1, 7), "-", (seq, 5), "-P1"),
            "patient_id": patient_ids(member),
            "encounter_id": encounter_ids(member, seq),
            "happened_on": dates(day, NOTHING),
            "code_system": choose(["ICD10PCS"], np.zeros(len(kept), int)),
            "code": choose(_PROCEDURES, code[kept]),
            "known_on": dates(self.claim[kept], NOTHING),
            "reversed": np.zeros(len(kept), bool),
        })  # fmt: skip


_FIRST_SAME = np.full(len(_CODES), -1)
for _i, _code in enumerate(_CODES[:_AT_CONDITION]):
    if _code in _CODES[_AT_CONDITION:]:
        _FIRST_SAME[_i] = _AT_CONDITION + _CODES[_AT_CONDITION:].index(_code)


def costs(contacts: Contacts, fills: np.ndarray, last: int) -> tuple[pa.Table, np.ndarray]:
    """Allowed amounts of contacts and fills; beside it (member, day, final cents) of each."""
    c = contacts
    seed = c.seed
    member = np.concatenate([c.member, fills[:, FILL_MEMBER]])
    seq = np.concatenate([c.seq, fills[:, FILL_SEQ]])
    day = np.concatenate([c.end, fills[:, FILL_DAY]])
    known_fill, returned, returned_on = lateness.fill_fate(
        seed, fills[:, FILL_MEMBER], fills[:, FILL_SEQ], fills[:, FILL_DAY]
    )
    known = np.concatenate([c.claim, known_fill])
    turned = np.concatenate([c.turned, returned])
    adjusted = np.concatenate([c.adjusted, np.zeros(len(fills), bool)])
    later = np.concatenate([c.later, returned_on])
    cents = np.concatenate([c.rows[:, C_CENTS], fills[:, FILL_CENTS]])
    factor = np.concatenate([c.factor, np.ones(len(fills))])
    new = np.floor(cents * factor).astype(np.int64)
    kind = np.concatenate(
        [_COST_KIND_OF[c.kind], np.full(len(fills), COST_KINDS.index("pharmacy"))]
    )
    final = np.where(turned, 0, np.where(adjusted, new, cents))

    n = np.arange(len(member))
    changed = turned | adjusted
    at = np.concatenate([n, n[changed]])
    v_known = np.concatenate([known, later[changed]])
    v_cents = np.concatenate([cents, np.where(adjusted, new, cents)[changed]])
    v_back = np.concatenate([np.zeros(len(n), bool), turned[changed]])
    kept = lateness.twice(seed, 4, member[at], seq[at], v_known, last)
    at, v_known, v_cents, v_back = at[kept], v_known[kept], v_cents[kept], v_back[kept]
    share = 0.78 + 0.2 * uniform_of(seed, lateness.PAID, member[at], seq[at])
    from_contact = at < len(c.member)
    encounter = where(from_contact, encounter_ids(member[at], seq[at]))
    table = canonical("cost", {
        "record_id": identifiers("C", (member[at] + 1, 7), "-", (seq[at], 5)),
        "patient_id": patient_ids(member[at]),
        "encounter_id": encounter,
        "happened_on": dates(day[at], NOTHING),
        "kind": choose(COST_KINDS, kind[at]),
        "covers": choose(["claim"], np.zeros(len(at), int)),
        "allowed_cents": v_cents,
        "paid_cents": np.floor(v_cents * share).astype(np.int64),
        "known_on": dates(v_known, NOTHING),
        "reversed": v_back,
    })  # fmt: skip
    return table, np.column_stack([member, day, final])


def drug_fills(seed: int, fills: np.ndarray, prescriber: np.ndarray, last: int) -> pa.Table:
    """Each fill, and its return to stock where nobody fetched it; prescribers as five digits."""
    known, returned, returned_on = lateness.fill_fate(
        seed, fills[:, FILL_MEMBER], fills[:, FILL_SEQ], fills[:, FILL_DAY]
    )
    n = np.arange(len(fills))
    at = np.concatenate([n, n[returned]])
    v_known = np.concatenate([known, returned_on[returned]])
    v_back = np.concatenate([np.zeros(len(n), bool), np.ones(int(returned.sum()), bool)])
    kept = lateness.twice(seed, 5, fills[at, FILL_MEMBER], fills[at, FILL_SEQ], v_known, last)
    x = fills[at[kept]]
    return canonical("drug_fill", {
        "record_id": identifiers("F", (x[:, FILL_MEMBER] + 1, 7), "-", (x[:, FILL_SEQ], 5)),
        "patient_id": patient_ids(x[:, FILL_MEMBER]),
        "happened_on": dates(x[:, FILL_DAY], NOTHING),
        "code_system": choose(["ATC"], np.zeros(len(x), int)),
        "code": choose([d.code for d in DRUGS], x[:, FILL_DRUG]),
        "days_supply": x[:, FILL_DAYS],
        "quantity": x[:, FILL_DAYS].astype(float),
        "prescriber_id": identifiers("D", (prescriber[at[kept]], 5)),
        "known_on": dates(v_known[kept], NOTHING),
        "reversed": v_back[kept],
    })  # fmt: skip


def lab_results(seed: int, labs: np.ndarray, last: int) -> pa.Table:
    """Each result, and its correction where the first was wrong."""
    known, corrected, corrected_on = lateness.lab_fate(
        seed, labs[:, LAB_MEMBER], labs[:, LAB_SEQ], labs[:, LAB_DAY]
    )
    n = np.arange(len(labs))
    at = np.concatenate([n, n[corrected]])
    v_known = np.concatenate([known, corrected_on[corrected]])
    value = labs[:, LAB_VALUE] / 1000.0
    wrong = np.where(corrected, value * 1.2, value)
    v_value = np.concatenate([wrong, value[corrected]])
    kept = lateness.twice(seed, 6, labs[at, LAB_MEMBER], labs[at, LAB_SEQ], v_known, last)
    x = labs[at[kept]]
    contact = np.maximum(x[:, LAB_CONTACT], 0)
    return canonical("lab_result", {
        "record_id": identifiers("L", (x[:, LAB_MEMBER] + 1, 7), "-", (x[:, LAB_SEQ], 5)),
        "patient_id": patient_ids(x[:, LAB_MEMBER]),
        "encounter_id": encounter_ids(x[:, LAB_MEMBER], contact),
        "happened_on": dates(x[:, LAB_DAY], NOTHING),
        "loinc": choose([lab.loinc for lab in LABS], x[:, LAB_TEST]),
        "value": np.round(v_value[kept], 2),
        "unit": choose([lab.unit for lab in LABS], x[:, LAB_TEST]),
        "known_on": dates(v_known[kept], NOTHING),
        "reversed": np.zeros(len(x), bool),
    })  # fmt: skip
