"""The one form in which each code system's codes are compared, kept and counted.

Codes come with dots and without, in any case, with blanks and dashes, with zeros lost on the way
through a spreadsheet. `in_form` says it for Python and `code_form` for SQL; a test holds the two
together. What a form cannot mend for certain it leaves, and the code is counted as unknown.

- every system: upper case, without dots, dashes, blanks and tabs
- ICD9CM, ICD9PCS: a dot tells how many digits stood before it, so zeros in front come back:
  38.9 is 0389, and of procedures 3.31 is 0331. Without the dot nothing tells: 389 stays 389.
- NDC: dashes tell the labeler (5 places), the product (4) and the package (2); each part gets its
  zeros, as CMS bills it in 11 digits: 0002-3214-01 is 00002321401. Ten digits without dashes may
  be any of three codes, and stay as they are.
- LOINC: number, dash, check digit, without zeros in front: 7187 is 718-7
- REVENUE four digits, MSDRG three, POS two: 450 is 0450; a fraction .0 is a spreadsheet's
- RXNORM: a number without zeros in front

Numbers of the last two lines and NDC may carry that fraction, which is left out; any other dot in
them stays, so that an amount of 4.50 never becomes the revenue code of an emergency room.
"""

from __future__ import annotations

import re

_IGNORED = str.maketrans("", "", ". -\t")
_NOT_DOTS = str.maketrans("", "", " -\t")
_FRACTION = re.compile(r"([0-9]+)(?:\.0*)?")
_NDC_PARTS = re.compile(r"([0-9]{1,5})-([0-9]{1,4})(?:-([0-9]{1,2}))?")
_LOINC_PARTS = re.compile(r"([0-9]+)-?([0-9])")  # zeros apart: "0*" before it is quadratic here
ICD9_BEFORE_DOT = {"ICD9CM": 3, "ICD9PCS": 2}
"""System → digits before the dot (of diagnoses that begin with a digit)."""
NUMBER_WIDTHS = {"MSDRG": 3, "POS": 2, "REVENUE": 4, "RXNORM": 1}
"""System of plain numbers → digits that a code has at least."""
LIST_SEPARATORS = "[ ,;|]+"
"""What stands between the revenue codes of one claim, as a pattern."""


def normalise(code: str) -> str:
    """A code in the form that every system shares: upper case, without dots, dashes and blanks.

    >>> normalise(" e11.9 ")
    'E119'
    """
    return code.translate(_IGNORED).upper()


def in_form(system: str, code: str) -> str:
    """A code in the one form of its system; for a system that has no rule of its own `normalise`.

    >>> in_form("ICD9CM", "38.9"), in_form("NDC", "0002-3214-01"), in_form("REVENUE", "450")
    ('0389', '00002321401', '0450')
    """
    text = code.strip(" \t")
    if system in ICD9_BEFORE_DOT:
        before, dot, after = text.partition(".")
        if dot and _digits(before) and _digits(after):
            return before.zfill(ICD9_BEFORE_DOT[system]) + after
    elif system == "LOINC":
        parts = _LOINC_PARTS.fullmatch(text)
        return f"{parts[1].lstrip('0') or '0'}-{parts[2]}" if parts else text.upper()
    elif system in NUMBER_WIDTHS:
        text = text.translate(_NOT_DOTS).upper()
        number = _FRACTION.fullmatch(text)
        if number:
            return number[1].lstrip("0").zfill(NUMBER_WIDTHS[system])
        return text if text.strip(".") else ""
    elif system == "NDC":
        if number := _FRACTION.fullmatch(text):
            return number[1]
        if parts := _NDC_PARTS.fullmatch(text):
            package = parts[3].zfill(2) if parts[3] else ""
            return parts[1].zfill(5) + parts[2].zfill(4) + package
    return normalise(text)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def codes_in_form(system: str, codes: str) -> str:
    """Several codes of one system in one text: each in its form, once, in order, blanks between.

    >>> codes_in_form("REVENUE", "450,0120;450")
    '0120 0450'
    """
    parts = (in_form(system, part) for part in re.split(LIST_SEPARATORS, codes.strip(" \t")))
    return " ".join(sorted({part for part in parts if part}))


def code_form(text: str, system: str | None = None) -> str:
    """SQL: `in_form` of the code `text`, NULL where nothing is left of it.

    `text` and `system` are SQL expressions; without a system it is `normalise`.
    """
    plain = f"nullif(upper(regexp_replace({text}, '[. \\-\\t]', '', 'g')), '')"
    if system is None:
        return plain
    bare = f"trim({text}, ' ' || chr(9))"
    before_dot = f"split_part({bare}, '.', 1)"
    number = f"upper(regexp_replace({text}, '[ \\-\\t]', '', 'g'))"
    without_zeros = f"ltrim(split_part({number}, '.', 1), '0')"
    fraction = _FRACTION.pattern
    whens = [
        f"WHEN {system} = '{name}' AND contains({text}, '.') "
        f"AND regexp_full_match({bare}, '[0-9]+\\.[0-9]+') THEN "
        f"{_padded(before_dot, width)} || split_part({bare}, '.', 2)"
        for name, width in ICD9_BEFORE_DOT.items()
    ]
    whens += [
        f"WHEN {system} = '{name}' THEN CASE WHEN regexp_full_match({number}, '{fraction}') THEN "
        f"{_padded(without_zeros, width)} "
        f"WHEN ltrim({number}, '.') <> '' THEN {number} END"
        for name, width in NUMBER_WIDTHS.items()
    ]
    parts = [f"regexp_extract({bare}, '{_NDC_PARTS.pattern}', {part})" for part in (1, 2, 3)]
    whens += [
        f"WHEN {system} = 'NDC' AND contains({text}, '-') "
        f"AND regexp_full_match({bare}, '{_NDC_PARTS.pattern}') THEN "
        f"{_padded(parts[0], 5)} || {_padded(parts[1], 4)} || "
        f"CASE WHEN {parts[2]} = '' THEN '' ELSE {_padded(parts[2], 2)} END",
        f"WHEN {system} = 'NDC' AND contains({text}, '.') "
        f"AND regexp_full_match({bare}, '{fraction}') THEN {before_dot}",
        f"WHEN {system} = 'LOINC' THEN CASE WHEN regexp_full_match({bare}, "
        f"'{_LOINC_PARTS.pattern}') THEN regexp_replace({bare}, '^0*{_LOINC_PARTS.pattern}$', "
        f"'\\1-\\2') ELSE nullif(upper({bare}), '') END",
    ]
    return f"CASE {' '.join(whens)} ELSE {plain} END"


def _padded(text: str, width: int) -> str:
    """SQL: zeros in front, and never cut as lpad would."""
    return f"lpad({text}, greatest({width}, length({text}))::INTEGER, '0')"


def codes_form(text: str, system: str) -> str:
    """SQL: `codes_in_form` of `text`, NULL where nothing is left of it."""
    form = code_form("x", system)
    parts = f"regexp_split_to_array(trim({text}, ' ' || chr(9)), '{LIST_SEPARATORS}')"
    each = f"list_filter(list_transform({parts}, lambda x: {form}), lambda x: x IS NOT NULL)"
    return f"nullif(array_to_string(list_sort(list_distinct({each})), ' '), '')"
