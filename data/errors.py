"""What ends a command: one sentence for the user, and an exit code."""

from __future__ import annotations


class FirstcallError(Exception):
    """Says in one sentence what was wrong, where, and what to do. Never holds patient data."""

    exit_code = 1


class InputError(FirstcallError):
    """Files, columns, options or settings that the user can mend."""

    exit_code = 2


class RefusalError(FirstcallError):
    """firstcall could go on, but must not: the answer would be wrong or unsafe."""

    exit_code = 3
