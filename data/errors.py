"""What ends a command: one sentence for the user, and an exit code."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb


class FirstcallError(Exception):
    """Says in one sentence what was wrong, where, and what to do. Never holds patient data."""

    exit_code = 1


class InputError(FirstcallError):
    """Files, columns, options or settings that the user can mend."""

    exit_code = 2


class RefusalError(FirstcallError):
    """firstcall could go on, but must not: the answer would be wrong or unsafe."""

    exit_code = 3


def where(error: BaseException) -> str:
    """Type of an error and the line that raised it, without its text, which may name a patient."""
    frames = extract_tb(error.__traceback__)
    at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"
