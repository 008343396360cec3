"""How a FHIR client is told what went wrong: OperationOutcome (FHIR R4)."""

from __future__ import annotations

from typing import Any, Literal

FHIR_JSON = "application/fhir+json"
"""The content type of every FHIR answer, errors too."""

_CODES = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported",
    406: "not-supported", 409: "conflict", 412: "required", 413: "too-long",
    415: "not-supported", 422: "processing", 429: "throttled", 503: "transient", 504: "timeout",
}  # fmt: skip


class FhirError(Exception):
    """A FHIR request that is refused: with this status, code of the issue type, and sentence,
    which holds nothing that was sent."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence

    @property
    def outcome(self) -> dict[str, Any]:
        return operation_outcome(self.status, self.sentence, self.code)


def operation_outcome(status: int, sentence: str, code: str | None = None) -> dict[str, Any]:
    """One error of an HTTP status, told in one sentence.

    >>> operation_outcome(404, "There is no such resource.")["issue"][0]["code"]
    'not-found'
    """
    code = code or _CODES.get(status, "exception" if status >= 500 else "processing")
    return {"resourceType": "OperationOutcome", "issue": [issue("error", code, sentence)]}


def issue(
    severity: Literal["error", "warning", "information"], code: str, sentence: str
) -> dict[str, Any]:
    """One issue of an OperationOutcome."""
    return {"severity": severity, "code": code, "details": {"text": sentence}}
