"""Which kind of encounter a claim was, told by its codes where the source does not tell the kind.

An institutional claim (UB-04) is told by its revenue codes, a professional one (CMS-1500) by its
place of service; where a row has both, by the revenue codes. What a code tells stands beside it
in codelists/revenue_code.csv and place_of_service.csv. Of several kinds on one claim the first of
these counts:

1. skilled_nursing (0022, 019x), rehabilitation_inpatient (0024, 0118 to 0158), hospice (065x, 0115
   to 0155): such a claim has ordinary beds on it too
2. acute_inpatient (any other room and board, intensive and coronary care), before
   psychiatric_inpatient (0114 to 0154, 0204): who lay in an ordinary bed as well was in an acute
   hospital. Long-term hospitals bill as acute ones do, and are told as such.
3. observation (0762), then emergency (045x, 0981, as CMS's ResDAC finds emergency visits): an
   emergency that led to a stay or to observation is billed on one claim, and is what it led to
4. home_health (0023, 055x to 059x)
5. outpatient: any other revenue code that is on the list

Of the places of service 23 is emergency, 02 and 10 telehealth, 11 and clinics office, 19, 22 and
ambulatory centres outpatient. A clinician's claim from a ward, a nursing home or a patient's home
is `other`: the stay has a claim of its own, and a visit there is no second one. Nothing tells the
kind of a claim with no code on the lists, or with place 01 or 99 alone: such a row is rejected.
"""

from __future__ import annotations

from functools import cache

from data.concepts import read_codelist, revenue_stem
from data.contract_check import quoted

BY_REVENUE = "revenue codes"
BY_PLACE = "place of service"
_NOTHING = "none"
_FIRST_OF = (
    "skilled_nursing", "rehabilitation_inpatient", "hospice", "acute_inpatient",
    "psychiatric_inpatient", "observation", "emergency", "home_health",
)  # fmt: skip


@cache
def _revenue_kinds() -> dict[str, list[str]]:
    """What a revenue code tells, "none" for nothing → all codes of four digits that tell it."""
    told = {row["code"]: row["concept"] for row in read_codelist("revenue_code")}
    kinds: dict[str, list[str]] = {}
    for number in range(10_000):
        stem = revenue_stem(f"{number:04}")
        if stem:
            kinds.setdefault(told[stem], []).append(f"{number:04}")
    return kinds


@cache
def _place_kinds() -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for row in read_codelist("place_of_service"):
        if row["concept"] != _NOTHING:
            kinds.setdefault(row["concept"], []).append(row["code"])
    return kinds


def _among(codes: list[str]) -> str:
    return ", ".join(map(quoted, codes))


def kind_told(revenue_codes: str = "revenue_codes", place: str = "place_of_service") -> str:
    """SQL: the kind that the codes of a row tell, NULL where they tell none.

    The arguments are SQL for the two columns of a canonical encounter, in their form.
    """
    kinds = _revenue_kinds()
    codes = f"string_split({revenue_codes}, ' ')"
    whens = [
        f"WHEN list_has_any({codes}, [{_among(kinds[kind])}]) THEN {quoted(kind)}"
        for kind in _FIRST_OF
    ]
    whens.append(f"WHEN list_has_any({codes}, [{_among(kinds[_NOTHING])}]) THEN 'outpatient'")
    whens += [
        f"WHEN {place} IN ({_among(those)}) THEN {quoted(kind)}"
        for kind, those in _place_kinds().items()
    ]
    return f"CASE {' '.join(whens)} END"


def told_by(revenue_codes: str = "revenue_codes") -> str:
    """SQL: which of the two told the kind of a row of which `kind_told` is not NULL."""
    known = _among([code for those in _revenue_kinds().values() for code in those])
    return (
        f"CASE WHEN list_has_any(string_split({revenue_codes}, ' '), [{known}]) "
        f"THEN {quoted(BY_REVENUE)} ELSE {quoted(BY_PLACE)} END"
    )
