"""How the service says no: one form of error, field by field, which never repeats what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from data.errors import InputError
from serving.ehr.cds_requests import ALIASES
from serving.ehr.operation_outcome import FHIR_JSON, operation_outcome

if TYPE_CHECKING:
    from starlette.types import Scope


class FieldError(BaseModel):
    """One thing that is wrong with a request. Never repeats what was sent."""

    field: Annotated[str, Field(examples=["encounter.3.kind"])]
    reason: Annotated[str, Field(examples=["is missing"])]


class Problem(BaseModel):
    """An error, in the form of RFC 9457 (application/problem+json)."""

    type: Annotated[str, Field(description="what kind of problem it is, for programs",
                               examples=["urn:firstcall:problem:not-valid"])]  # fmt: skip
    title: Annotated[str, Field(examples=["Unprocessable Content"])]
    status: Annotated[int, Field(examples=[422])]
    detail: Annotated[str, Field(examples=["encounter.3.kind is missing"])]
    instance: Annotated[
        str,
        Field(
            description="names this very answer in the service's log",
            examples=["urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"],
        ),
    ]
    errors: Annotated[
        list[FieldError], Field(description="field by field; empty where no field is to blame")
    ] = []


PROBLEMS: dict[str, tuple[int, str]] = {
    "not-valid": (422, "a field of the request is wrong: `errors` says which, and why"),
    "not-json": (400, "the body is not valid JSON, or the request is not one for this service"),
    "not-our-name": (400, "the request was sent to a host name that is not this service's"),
    "not-signed-in": (401, "no valid session or token came with the request"),
    "not-permitted": (403, "this role, or this token, may not do that"),
    "not-in-panel": (403, "the patient is not in the case manager's own panel"),
    "old-form": (403, "the form of a page is of an earlier sign-in"),
    "not-found": (404, "there is nothing of that name"),
    "too-slow": (408, "the body took too long to arrive"),
    "moved-on": (409, "somebody else was quicker: look again, then decide"),
    "prefetch-needed": (412, "the Patient resource has to be sent along (CDS Hooks prefetch)"),
    "too-large": (413, "the body is too large"),
    "not-json-type": (415, "the body has to come as application/json"),
    "key-reused": (422, "the Idempotency-Key was used for another request"),
    "too-many-requests": (429, "more requests than are allowed: Retry-After says when to go on"),
    "failed": (500, "the service failed; `instance` names the line in its log"),
    "not-ready": (503, "no model is ready, too many requests wait, or nothing can be recorded"),
}
"""Every kind of problem, with its status and what it means: the end of a problem's `type`."""

_KIND_OF_STATUS = {status: kind for kind, (status, _) in reversed(PROBLEMS.items())}


class Refused(HTTPException):
    """A request that is answered with a problem of one of PROBLEMS. `detail` is told as it is."""

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(PROBLEMS[kind][0], detail, dict(headers) if headers else None)
        self.kind = kind


def kind_of(error: HTTPException) -> str:
    """The kind of an error: its own, or the first one of its status."""
    return getattr(error, "kind", None) or _KIND_OF_STATUS.get(error.status_code, "failed")


def problem(
    kind: str, status: int, detail: str, request_id: str, errors: Iterable[FieldError] = ()
) -> Problem:
    """One problem as it is answered."""
    return Problem(
        type=f"urn:firstcall:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request_id}",
        errors=list(errors),
    )


Form = Callable[["Scope", Problem, Mapping[str, str] | None], Response]
"""From what was asked, what is wrong, and headers that go with it, to the answer."""


def form_at(scope: Scope, said: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem in the form of the address that was asked: an EHR reads errors in FHIR's."""
    if scope["path"].startswith("/fhir/"):
        told = operation_outcome(said.status, said.detail)
        return JSONResponse(told, said.status, headers, FHIR_JSON)
    return JSONResponse(said.model_dump(), said.status, headers, "application/problem+json")


_PLAIN_NAME = re.compile(r"[a-z][a-z_]{0,39}")
_OWN_NAMES = ALIASES | {"idempotency-key"}
"""Names in requests that are not plain, and ours all the same."""
_OWN_TYPES = {
    "day", "day_range", "text", "text_empty", "text_long", "text_unprintable", "number",
    "number_finite", "not_before", "on_year_end", "no_rows", "many_rows", "many_patients",
    "two_versions", "many_fields", "feed", "action",
    "id", "user", "utc", "encounter", "fhir_server", "accepted",
}  # fmt: skip
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field here",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "string_type": "must be a text",
    "string_pattern_mismatch": "has not the form that /openapi.json gives it",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "datetime_type": "must be a date and time",
    "datetime_parsing": "must be a date and time",
    "datetime_from_date_parsing": "must be a date and time",
    "datetime_object_invalid": "must be a date and time",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "is not valid JSON",
}
_BOUNDS = {
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be one of {expected}",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
}
"""Reasons that hold a bound: ours, and never what was sent."""


def _field(location: tuple[int | str, ...]) -> str:
    """The path to a field in dots; a name that is none of ours is not repeated."""
    parts = [
        str(p) if isinstance(p, int) or p in _OWN_NAMES or _PLAIN_NAME.fullmatch(p) else "(unknown)"
        for p in location
        if p not in ("body", "query", "path")
    ]
    return ".".join(parts) or "(request)"


def _reason(error: Mapping[str, Any]) -> str:
    """What is wrong, by its kind: a sentence of ours, with bounds of ours."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in ("too_long", "too_short") and context["field_type"] == "Value":
        kind = f"string_{kind}"  # of a secret, whose characters count as entries
    if kind in _OWN_TYPES:
        return str(error["msg"])
    if kind in ("too_short", "string_too_short") and context["min_length"] == 1:
        return "must not be empty"
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    return _REASONS.get(kind, "is not valid")


def not_fitting(error: InputError) -> RequestValidationError:
    """ "reason: is needed for closed." as what is wrong with a field."""
    name, _, said = str(error).partition(": ")
    about = {"type": "action", "loc": (name,), "msg": said.rstrip(".")}
    return RequestValidationError([about])


def field_errors(found: Iterable[Mapping[str, Any]], most: int = 20) -> list[FieldError]:
    """What a validation found, field by field, without any value that was sent."""
    return [
        FieldError(field=_field(tuple(error["loc"])), reason=_reason(error))
        for error in list(found)[:most]
    ]
