"""From the body of a score request to what it asks, before anything of it is scored."""

from __future__ import annotations

import json
from datetime import date

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from serving.schemas import MOST_ROWS, ScoreRequest, too_many_rows
from serving.sent_rows import SentRows, in_order


def read_request(body: bytes, today: date | None = None) -> SentRows:
    """A body as a request that is asked `today`. Raises RequestValidationError, of which the errors
    are few."""
    # An empty object takes 3 bytes to send and 64 to hold; strings hold few braces.
    most = 2 * MOST_ROWS
    if len(body) > most and body.count(b"{") + body.count(b"[") > most:
        error = too_many_rows()
        raise RequestValidationError([{"type": error.type, "loc": (), "msg": error.message()}])
    read = in_order(body, today)
    if read is not None:
        return read
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": (), "msg": ""}]) from None
    try:
        return SentRows.of(ScoreRequest.model_validate(sent), today)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(found) from None
