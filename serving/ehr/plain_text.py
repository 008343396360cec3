"""Words for a FHIR string and for a card: what comes from data never becomes markup there."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 300
_JOINS = "\u200d"  # in emoji of several parts
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+!|~&$=])")
_AT_START = re.compile(r"^([-.]|\d{1,9}(?=[.)]))")
_ADDRESS = re.compile(r"(?i)(www(?=\.)|:(?=//))")


def plain(text: str, most: int = MOST_CHARACTERS) -> str:
    """One line of printable characters: control characters, marks that turn the direction of
    writing and halves of pairs are left out, blanks are one blank each; cut at `most`.

    >>> plain("3 visits,\\n the last \\u202eon 12 March")
    '3 visits, the last on 12 March'
    """
    kept = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c == _JOINS or unicodedata.category(c) not in ("Cf", "Cs", "Cn", "Co")
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def without_addresses(text: str) -> str:
    """The same with a blank in each address, because readers of Markdown make links of addresses
    whether or not their characters are escaped.

    >>> without_addresses("see www.example.org or ask a@example.org")
    'see www .example.org or ask a @ example.org'
    """
    return _ADDRESS.sub(r"\1 ", text).replace("@", " @ ")


def markdown(text: str, most: int = MOST_CHARACTERS) -> str:
    """The same as GitHub-flavoured Markdown that reads as these very words: no emphasis, link,
    image, list, table, HTML or character reference can arise from them.

    >>> markdown("<b>3</b> visits *soon*")
    '\\\\<b\\\\>3\\\\</b\\\\> visits \\\\*soon\\\\*'
    """
    said = _MARKUP.sub(r"\\\1", without_addresses(plain(text, most)).strip())
    begun = _AT_START.match(said)
    if begun is None:
        return said
    if begun[1].isdigit():
        return f"{begun[1]}\\{said[begun.end() :]}"
    return "\\" + said
