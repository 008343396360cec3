"""The canonical tables: every column declared once, with its type, unit, meaning and constraint.

Every row is one *version* of one fact. Rows with the same ``record_id`` are versions of the
same fact; the version visible on a date is the one with the latest ``known_on`` not after it.
A version with ``reversed`` set withdraws the fact from its ``known_on`` onwards.

A ``record_id`` is unique within its table over all patients: all versions of a fact are about the
same person. Intake rejects a row whose ``record_id`` another patient already holds, so whoever
numbers the encounters of each patient from 1 puts the patient's id in front of the number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from data.social_needs import SOCIAL_NEEDS

ColumnType = Literal["text", "date", "integer", "cents", "number", "flag", "choice"]

_ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "date": pa.date32(),
    "integer": pa.int64(),
    "cents": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "choice": pa.string(),
}


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    ``choices`` lists what a ``choice`` column may hold; ``minimum`` and ``maximum`` bound a
    numeric column, both included. A ``lower_case`` text is kept in lower case, however it came.
    ``code_system`` names the system of the codes that a text column holds, which are kept in its
    form (`data.code_forms`); ``several``: more than one code, blanks between.
    A column that is not ``required`` may be empty (missing is missing, never zero). A ``younger``
    column is one that no feature and no rule needs: tables written before it was declared are
    whole without it.
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    unit: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    lower_case: bool = False
    code_system: str | None = None
    several: bool = False
    younger: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        return _ARROW[self.type]


@dataclass(frozen=True)
class NotBefore:
    """A row rule: ``column``, where both are given, is not earlier than ``other``."""

    column: str
    other: str


@dataclass(frozen=True)
class OnYearEnd:
    """A row rule: where ``other`` is ``value``, ``column`` is a 31 December."""

    column: str
    other: str
    value: str


@dataclass(frozen=True)
class Table:
    """One canonical table. ``row`` says what one row is; ``(record_id, known_on)`` is its key."""

    name: str
    row: str
    happened: str
    columns: tuple[Column, ...]
    rules: tuple[NotBefore | OnYearEnd, ...] = field(default=())

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, c.arrow_type) for c in self.columns])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """The column called ``name``. Raises KeyError, naming the table, where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")


KEY = ("record_id", "known_on")
LONGEST_TEXT = 256
"""Characters that a text column may hold at most."""
ENCOUNTER_KINDS = (
    "acute_inpatient", "psychiatric_inpatient", "rehabilitation_inpatient", "skilled_nursing",
    "long_term_care", "observation", "emergency", "outpatient", "office", "home_health",
    "hospice", "telehealth", "other", "missed_appointment",
)  # fmt: skip
ADMISSION_TYPES = ("emergency", "urgent", "elective", "newborn", "trauma")
DISPOSITIONS = (
    "home", "home_health", "skilled_nursing", "rehabilitation", "acute_transfer", "psychiatric",
    "long_term_care", "hospice", "left_against_advice", "died", "other",
)  # fmt: skip
SCREENING_ANSWERS = ("need", "no_need", "declined")
OUTREACH_STEPS = ("contacted", "no_answer", "enrolled", "declined", "closed")
COST_KINDS = ("inpatient", "outpatient", "professional", "pharmacy", "post_acute", "other")


def _identity(fact: str) -> tuple[Column, ...]:
    return (
        Column("record_id", "text", f"identity of {fact}; its versions share it", required=True),
        Column("patient_id", "text", "the person whom the fact is about", required=True),
    )


_PROVENANCE = (
    Column("known_on", "date", "day on which this version could first be seen", required=True),
    Column("reversed", "flag", "this version withdraws the fact", required=True),
    Column(
        "source_row",
        "text",
        "file, digest of its bytes and line that the row came from: member.csv@1a2b3c4d:2",
        required=True,
    ),
)

MEMBER = Table(
    "member",
    "what was known of one person from known_on onwards",
    "birth_on",
    (
        *_identity("the person's record"),
        Column("birth_on", "date", "day of birth", required=True),
        Column("sex", "choice", "administrative sex", choices=("female", "male", "other")),
        Column("race", "text", "race or ethnicity as the source words it; audit only, no feature"),
        Column("region", "text", "state, county or practice region"),
        Column("area_index", "integer", "area deprivation, 1 least to 100 most deprived",
               unit="percentile", minimum=1, maximum=100),
        Column("death_on", "date", "day of death"),
        *_PROVENANCE,
    ),
    (
        NotBefore("death_on", "birth_on"),
        NotBefore("known_on", "birth_on"),
        NotBefore("known_on", "death_on"),
    ),
)  # fmt: skip

COVERAGE = Table(
    "coverage",
    "one span in which one person was covered",
    "start_on",
    (
        *_identity("the span"),
        Column("start_on", "date", "first day covered", required=True),
        Column("end_on", "date", "last day covered; empty while the span is open"),
        Column("payer", "choice", "who bears the cost",
               choices=("medicare", "medicaid", "commercial", "other")),
        Column("product", "text", "the payer's product, such as fee for service or HMO"),
        *_PROVENANCE,
    ),
    (NotBefore("end_on", "start_on"),),
)  # fmt: skip

ENCOUNTER = Table(
    "encounter",
    "one stay, visit or missed appointment; record_id is the encounter's id",
    "started_on",
    (
        *_identity("the encounter"),
        Column("kind", "choice", "setting of care; a missed appointment, booked and neither kept "
               "nor cancelled, is no care", required=True, choices=ENCOUNTER_KINDS),
        Column("started_on", "date", "day of admission, visit or appointment", required=True),
        Column("ended_on", "date", "day of discharge; empty while the stay is open"),
        Column("facility_id", "text", "hospital or other facility"),
        Column("provider_id", "text", "attending or rendering clinician"),
        Column("specialty", "text", "the clinician's specialty, such as cardiology; primary care "
               "for general, family and internal medicine", lower_case=True),
        Column("admission_type", "choice", "priority of admission (UB-04 field 14)",
               choices=ADMISSION_TYPES),
        Column("disposition", "choice", "where the patient went (UB-04 field 17)",
               choices=DISPOSITIONS),
        Column("drg", "text", "Medicare severity diagnosis-related group (MS-DRG), three digits",
               code_system="MSDRG"),
        Column("place_of_service", "text", "place of service of a professional claim (CMS), two "
               "digits", code_system="POS", younger=True),
        Column("revenue_codes", "text", "revenue codes of an institutional claim (UB-04 field 42), "
               "four digits each, blanks between", code_system="REVENUE", several=True,
               younger=True),
        *_PROVENANCE,
    ),
    (
        NotBefore("ended_on", "started_on"),
        NotBefore("known_on", "started_on"),
        NotBefore("known_on", "ended_on"),
    ),
)  # fmt: skip

_HAPPENED = Column("happened_on", "date", "day on which it occurred", required=True)
_ENCOUNTER_ID = Column("encounter_id", "text", "record_id of the encounter that it belongs to")
_NOT_KNOWN_BEFORE = (NotBefore("known_on", "happened_on"),)

DIAGNOSIS = Table(
    "diagnosis",
    "one coded diagnosis of one person on one day",
    "happened_on",
    (
        *_identity("the diagnosis"),
        _ENCOUNTER_ID,
        _HAPPENED,
        Column("code_system", "choice", "CCW is a yearly chronic-condition flag of CMS",
               required=True, choices=("ICD9CM", "ICD10CM", "CCW")),
        Column("code", "text", "upper case, without dot or blanks", required=True),
        Column("position", "integer", "1 is the principal diagnosis", minimum=1),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)  # fmt: skip

PROCEDURE = Table(
    "procedure",
    "one coded procedure of one person on one day",
    "happened_on",
    (
        *_identity("the procedure"),
        _ENCOUNTER_ID,
        _HAPPENED,
        Column("code_system", "choice", "the code's system", required=True,
               choices=("ICD9PCS", "ICD10PCS", "HCPCS")),
        Column("code", "text", "upper case, without dot or blanks", required=True),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)  # fmt: skip

DRUG_FILL = Table(
    "drug_fill",
    "one dispensed prescription",
    "happened_on",
    (
        *_identity("the fill"),
        _HAPPENED,
        Column("code_system", "choice", "the code's system", required=True,
               choices=("NDC", "ATC", "RXNORM")),
        Column("code", "text", "upper case, without dashes or blanks", required=True),
        Column("days_supply", "integer", "days that the fill lasts", unit="days",
               minimum=0, maximum=400),
        Column("quantity", "number", "units dispensed", minimum=0),
        Column("prescriber_id", "text", "clinician who prescribed it"),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)  # fmt: skip

LAB_RESULT = Table(
    "lab_result",
    "one laboratory result; happened_on is the day of collection",
    "happened_on",
    (
        *_identity("the result"),
        _ENCOUNTER_ID,
        _HAPPENED,
        Column("loinc", "text", "LOINC code of the test", required=True, code_system="LOINC"),
        Column("value", "number", "result in `unit`", required=True),
        Column("unit", "text", "UCUM unit of the value"),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)

COST = Table(
    "cost",
    "one allowed amount; negative amounts are adjustments",
    "happened_on",
    (
        *_identity("the amount"),
        _ENCOUNTER_ID,
        _HAPPENED,
        Column("kind", "choice", "kind of service", required=True, choices=COST_KINDS),
        Column("covers", "choice", "one claim, or the total of the calendar year that ends on "
               "happened_on", required=True, choices=("claim", "year")),
        Column("allowed_cents", "cents", "allowed amount", required=True, unit="US cents"),
        Column("paid_cents", "cents", "amount that the payer paid", unit="US cents"),
        *_PROVENANCE,
    ),
    (*_NOT_KNOWN_BEFORE, OnYearEnd("happened_on", "covers", "year")),
)  # fmt: skip

SCREENING = Table(
    "screening",
    "one answer of one person to a question about one social need",
    "happened_on",
    (
        *_identity("the answer"),
        _HAPPENED,
        Column("need", "choice", "what was asked about", required=True,
               choices=tuple(need for need in SOCIAL_NEEDS if need != "none")),
        Column("answer", "choice", "a need, no need, or an answer declined", required=True,
               choices=SCREENING_ANSWERS),
        Column("instrument", "text", "questionnaire, such as AHC HRSN or PRAPARE"),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)  # fmt: skip

OUTREACH = Table(
    "outreach",
    "one step of care management with one person",
    "happened_on",
    (
        *_identity("the step"),
        _HAPPENED,
        Column("step", "choice", "what happened: reached, not reached, enrolled in a programme, "
               "declined it, or left it", required=True, choices=OUTREACH_STEPS),
        Column("programme", "text", "the programme that the step belongs to"),
        *_PROVENANCE,
    ),
    _NOT_KNOWN_BEFORE,
)  # fmt: skip

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        MEMBER, COVERAGE, ENCOUNTER, DIAGNOSIS, PROCEDURE, DRUG_FILL, LAB_RESULT, COST,
        SCREENING, OUTREACH,
    )
}  # fmt: skip
