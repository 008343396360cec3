"""How the service says no: one form of error, field by field, which never repeats what was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """One thing that is wrong with a request. Never repeats what was sent."""

    field: Annotated[str, Field(examples=["encounter.3.kind"])]
    reason: Annotated[str, Field(examples=["is missing"])]


class Problem(BaseModel):
    """An error (after RFC 9457)."""

    title: str
    status: int
    errors: list[FieldError]


_PLAIN_NAME = re.compile(r"[a-z][a-z_]{0,39}")
_OWN_TYPES = {
    "day", "day_range", "text", "text_empty", "text_long", "text_unprintable", "number",
    "number_finite", "not_before", "on_year_end", "no_rows", "many_rows", "many_patients",
    "two_versions", "many_fields", "feed",
}  # fmt: skip
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field here",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "is not valid JSON",
    "too_long": "has too many entries",
}


def _field(location: tuple[int | str, ...]) -> str:
    """The path to a field in dots; a name that is none of ours is not repeated."""
    parts = [str(p) for p in location if p not in ("body", "query", "path")]
    return ".".join(
        p if p.isascii() and (p.isdigit() or _PLAIN_NAME.fullmatch(p)) else "(unknown)"
        for p in parts
    ) or "(request)"  # fmt: skip


def field_errors(found: Iterable[Mapping[str, Any]], most: int = 20) -> list[FieldError]:
    """What a validation found, field by field, without any value that was sent."""
    errors = []
    for error in list(found)[:most]:
        kind, context = str(error["type"]), error.get("ctx") or {}
        if kind in _OWN_TYPES:
            reason = str(error["msg"])
        elif kind == "literal_error":
            reason = f"must be one of {context['expected']}"
        elif kind in ("greater_than_equal", "less_than_equal"):
            side = "least" if kind == "greater_than_equal" else "most"
            reason = f"must be at {side} {context['ge' if side == 'least' else 'le']:g}"
        else:
            reason = _REASONS.get(kind, "is not valid")
        errors.append(FieldError(field=_field(tuple(error["loc"])), reason=reason))
    return errors
