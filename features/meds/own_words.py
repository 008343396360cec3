"""What a user says that the codes of a foreign MEDS dataset mean, in a CSV file."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from data import codes as lists
from data.errors import InputError
from data.tables import COST_KINDS, ENCOUNTER_KINDS, TABLES
from features.events import STAYS
from features.meds.vocabularies import Understood


@dataclass(frozen=True)
class OwnWords:
    """What a user says of codes: `exact` by code, `prefixes` by how a code begins."""

    exact: dict[str, Understood]
    prefixes: tuple[tuple[str, Understood], ...]
    """The longest first."""

    def understand(self, code: str) -> Understood | None:
        """What the user says of a code, None where nothing is said of it."""
        found = self.exact.get(code)
        if found is not None:
            return found
        for begin, meant in self.prefixes:
            if code.startswith(begin):
                return _filled(meant, code[len(begin) :])
        return None


def _filled(meant: Understood, rest: str) -> Understood | None:
    """`meant` with `rest` in the place of the * that its event code may end in."""
    if not meant.event_code.endswith("*"):
        return meant
    checked = _checked(meant.event_code[:-1] + rest)
    return None if checked is None else replace(meant, event_code=checked)


NO_WORDS = OwnWords({}, ())


def read_words(path: Path) -> OwnWords:
    """Reads a user's CSV: `code` (theirs), `event_code` (ours), and `value` (a number that every
    such event has; empty, or without the column, the row's numeric_value).

    A code that ends in * speaks for all that begin so; where its event code ends in * too, the
    rest of the code stands in its place: NDC//* and RX/NDC/* say besides that numeric_value is
    the days of supply, as it is of every RX event.

    Raises InputError for a missing file or column, a code that stands there twice, an event code
    that histories do not have, or a value that is no number; the line is named.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; give a CSV file with the columns code, event_code.")
    exact: dict[str, Understood] = {}
    prefixes: dict[str, Understood] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"code", "event_code"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path} needs the columns code and event_code, and may have value.")
        for row in reader:
            line = f"{path}, line {reader.line_num}"
            code, event_code = (row["code"] or "").strip(), (row["event_code"] or "").strip()
            into, key = (prefixes, code[:-1]) if code.endswith("*") else (exact, code)
            if not code or key in into:
                raise InputError(f"{line}: the code is empty, or stands there twice.")
            open_ended = code.endswith("*") and event_code.endswith("*")
            into[key] = _said(event_code, open_ended, (row.get("value") or "").strip(), line)
    longest_first = sorted(prefixes.items(), key=lambda pair: (-len(pair[0]), pair[0]))
    return OwnWords(exact, tuple(longest_first))


def _said(event_code: str, open_ended: bool, value: str, line: str) -> Understood:
    checked = _checked(f"{event_code[:-1]}1" if open_ended else event_code)
    if checked is None:
        raise InputError(f"{line}: {event_code!r} is no event code, such as DX/ICD10CM/I509.")
    try:
        number = float(value) if value else None
    except ValueError:
        number = math.inf
    if number is not None and math.isinf(number):
        raise InputError(f"{line}: the value {value!r} is no number.")
    takes_unit = checked.startswith("LAB/") and checked.count("/") == 1
    return Understood(event_code if open_ended else checked, number, takes_unit)


@cache
def _finite_codes() -> frozenset[str]:
    return frozenset(
        (
            "PERSON/born", "PERSON/female", "PERSON/area_index",
            "STAY/emergent", "STAY/disposition", "PRINCIPAL",
            *(f"ENC/{kind}/started" for kind in ENCOUNTER_KINDS),
            *(f"ENC/{kind}/{what}" for kind in STAYS for what in ("open", "ended")),
            *(f"{family}/{kind}" for family in ("COST", "COSTYEAR") for kind in COST_KINDS),
            *(f"SCREEN/{need}" for need in lists.SOCIAL_NEEDS[1:]),
        )
    )  # fmt: skip


_OPEN_FAMILIES = ("COVER", "PRODUCT", "FACILITY", "PROVIDER", "SPECIALTY", "PRESCRIBER", "LAB",
                  "OUTREACH")  # fmt: skip
_CODED_FAMILIES = {
    "DX": "diagnosis",
    "PRINCIPAL": "diagnosis",
    "PX": "procedure",
    "RX": "drug_fill",
}


def _checked(event_code: str) -> str | None:
    """The event code in the form that histories have it, None where there is none such."""
    family, _, rest = event_code.partition("/")
    if event_code in _finite_codes() or (family in _OPEN_FAMILIES and rest):
        return event_code
    system, _, code = rest.partition("/")
    table = _CODED_FAMILIES.get(family)
    if table and code and system in TABLES[table].column("code_system").choices:
        return f"{family}/{system}/{lists.normalise(code)}"
    return None
