"""Units of laboratory results, however a laboratory writes them.

UCUM tells mg/dL from MG/DL; laboratories do not. Two spellings are one unit here where `plain_unit`
makes the same of them. Nothing is converted: what a unit is worth is told beside each test.
"""

from __future__ import annotations

import re
from functools import cache

_SAME = str.maketrans(
    {"µ": "u", "μ": "u", "²": "2", "³": "3", "⁹": "9", " ": "", "_": "", "×": "x"}
)
_REWRITTEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(spelt), plain)
    for spelt, plain in (
        (r"\{|\}|\[|\]", ""),
        (r"mc(?=g|mol|l\b)", "u"),
        (r"mm3|mm\^3|mm\*3|cumm|cu\.mm", "ul"),
        (r"litre|liter", "l"),
        (r"^(cells|cell|#)/", "/"),
        # 10^3, 10*3, x10e3, 10**3, x10(3), 10 exp 3
        (r"^x?10(?:\^|\*\*?|e\+?0?|exp)?\(?([369]|12)\)?(?=/)", r"10*\1"),
        (r"^(k|thou|thous|thousand|thousands|th)(?=/)", "10*3"),
        (r"^(m|mil|mill|million|millions)(?=/ul)", "10*6"),
        (r"^(gm|gms|gram|grams)(?=/|%)", "g"),
        (r"^(m?g)/100ml$|^(m?g)%$", r"\1\2/dl"),
        (r"m\^2|m\*2|sqm|sq\.m\.?", "m2"),
        (r"^ml/min(?:/|\(|per)?1\.73(?:\.?m2)?\)?$", "ml/min/1.73m2"),
        (r"^(percent|pct|%(ofh|totalh|ofth|h)\S*|%oftotal\S*)$", "%"),
        (r"^(inr|ratio|inrratio)$", "1"),
    )
)
_KNOWN = frozenset(
    (
        "%", "1", "g/dl", "g/l", "mg/dl", "mg/l", "ug/dl", "ug/l", "ug/ml", "ng/dl", "ng/l",
        "ng/ml", "pg/ml", "pg/dl", "mmol/l", "umol/l", "nmol/l", "pmol/l", "mmol/mol", "meq/l",
        "/ul", "10*3/ul", "10*6/ul", "10*9/l", "10*12/l", "fl", "pg", "ml/min", "ml/min/1.73m2",
        "u/l", "iu/l", "miu/l", "miu/ml", "uiu/ml", "u/ml", "s", "sec", "seconds", "mmhg", "mm/h",
        "mm/hr", "mg/g", "ug/mg", "mg/mmol", "mosm/kg", "ph", "/hpf", "/lpf",
    )
)  # fmt: skip


@cache
def plain_unit(unit: str) -> str:
    """The one form of a unit that all its spellings share; "" for no unit.

    >>> plain_unit("mEq/L"), plain_unit("K/uL"), plain_unit("x10E3/µL"), plain_unit("10*3/mm3")
    ('meq/l', '10*3/ul', '10*3/ul', '10*3/ul')
    >>> plain_unit("mL/min/{1.73_m2}"), plain_unit("mL/min/1.73 m^2")
    ('ml/min/1.73m2', 'ml/min/1.73m2')
    """
    text = unit.casefold().translate(_SAME)
    for spelt, plain in _REWRITTEN:
        text = spelt.sub(plain, text)
    return text


def is_unit(unit: str | None) -> bool:
    """Whether anything stands there as a unit; of None, blanks and empty braces nothing does.

    >>> is_unit("furlong"), is_unit("{}"), is_unit(None)
    (True, False, False)
    """
    return unit is not None and plain_unit(unit) != ""


def is_lab_unit(unit: str) -> bool:
    """Whether this is a spelling of a unit that laboratories are known to use.

    >>> is_lab_unit("thou/mcL"), is_lab_unit("furlong")
    (True, False)
    """
    return plain_unit(unit) in _KNOWN
