"""Where a page may lead to after it was asked: an address of this service, and no other."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

HOME = "/"
_PLAIN = re.compile(r"/(?!/)[!-\[\]-~]{0,500}", re.ASCII)  # no blank, no backslash
_NOT_BACK_TO = ("/sign-in", "/sign-out", "/static/")


def own_path(asked: str | None) -> str:
    r"""The path and query that were asked for where they are of this service, else the first page.

    >>> [own_path(one) for one in ("/model", "/?tier=high", "//elsewhere.org/", "/\\elsewhere.org")]
    ['/model', '/?tier=high', '/', '/']
    >>> [own_path(one) for one in ("https://elsewhere.org/", "/sign-out", None)]
    ['/', '/', '/']
    """
    if asked is None or not _PLAIN.fullmatch(asked) or asked.startswith(_NOT_BACK_TO):
        return HOME
    return asked


def path_of(address: str | None, host: str | None) -> str:
    """The path of an address (a Referer) where it is of this host, else the first page."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return HOME
    if not host or parts.netloc != host:
        return HOME
    return own_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def without(path: str, *names: str) -> str:
    """A path without some parameters of its query.

    >>> without("/?tier=high&at=x&recorded=y", "at", "recorded")
    '/?tier=high'
    """
    plain, _, query = path.partition("?")
    kept = [one for one in parse_qsl(query, keep_blank_values=True) if one[0] not in names]
    return f"{plain}?{urlencode(kept)}" if kept else plain


def with_query(path: str, **more: str) -> str:
    """A path with further parameters of the query."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode(more)}" if more else path


def patient_path(patient_id: str, back: str = HOME) -> str:
    """Where a patient's page is; `back` is the list from which one comes.

    >>> patient_path("P 1"), patient_path("P1", "/?tier=high")
    ('/patients/P%201', '/patients/P1?back=%2F%3Ftier%3Dhigh')
    """
    path = f"/patients/{quote(patient_id, safe='')}"
    return path if back == HOME else with_query(path, back=back)
