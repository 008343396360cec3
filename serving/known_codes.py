"""Whether a code is in a code list, remembered: requests and patients name the same few again."""

from __future__ import annotations

from collections.abc import Collection

from data.codes import recognised

Coded = tuple[str, str]
"""A code, with its system before it."""

_remembered: dict[Coded, bool] = {}
_MOST_REMEMBERED = 1 << 16


def known_codes(coded: Collection[Coded]) -> dict[Coded, bool]:
    """Whether each code is in a list of its system. Those that nobody asked about before are looked
    up together."""
    told = {one: _remembered.get(one) for one in coded}
    new: dict[str, list[str]] = {}
    for (system, code), is_known in told.items():
        if is_known is None:
            new.setdefault(system, []).append(code)
    found = {
        (system, code): is_known
        for system, codes in new.items()
        for code, is_known in zip(codes, recognised(system, codes).tolist(), strict=True)
    }
    if len(_remembered) + len(found) > _MOST_REMEMBERED:
        _remembered.clear()
    if len(found) <= _MOST_REMEMBERED:
        _remembered.update(found)
    return {one: found[one] if is_known is None else is_known for one, is_known in told.items()}
