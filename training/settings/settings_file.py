"""Settings as files that people copy and change: TOML, each line with what it means.

Whatever a file does not say is as the declaration has it; whatever no declaration has, or a value
that it does not allow, is refused with the file, the setting and what is allowed there.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from data.errors import InputError

KIND = "kind"
"""The setting that says which declaration the others belong to."""

_MOST_BYTES = 1_000_000
_LONGEST_SHOWN = 40
_LONGEST_REASON = 120
_TOO_MUCH = "a number is too long, or an array too deep, for a setting"

_Settings = TypeVar("_Settings")


def read_settings(path: Path, kinds: Mapping[str, type[_Settings]]) -> _Settings:
    """The settings that a file holds, of the declaration that its `kind` names among `kinds`.

    Raises InputError where the file is not there, is larger than 1 MB, is no TOML, or says what
    cannot be, such as "mine.toml: fit.rouns is no setting; did you mean fit.rounds." or
    "mine.toml: horizon_days: Input should be greater than or equal to 1, not 0."
    """
    try:
        told = tomllib.loads(_text_of(path))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is no TOML file: {str(error)[:_LONGEST_REASON]}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {_TOO_MUCH}.") from error
    kind = told.pop(KIND, None)
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(f"{path}: {KIND} has to be one of {', '.join(kinds)}, not {cut(kind)}.")
    told = _filled(told, kinds[kind])
    try:
        return TypeAdapter(kinds[kind]).validate_json(json.dumps(told, default=str), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{path}: {_said(first, kinds[kind])}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {_TOO_MUCH}.") from error


def _text_of(path: Path) -> str:
    """The text of a regular file of at most 1 MB."""
    try:
        if not path.is_file():  # a pipe would never end
            raise InputError(f"{path}: there is no such file of settings.")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: the file of settings cannot be read.") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path} is larger than 1 MB, and no file of settings.")
    return content.decode()


def cut(value: Any) -> str:
    """A value as an error shows it: 40 characters of it at most, on one line."""
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _filled(told: Mapping[str, Any], declared: type) -> dict[str, Any]:
    """What a file says, and in each of its tables what it leaves out there."""
    tables = {
        entry.name: asdict(entry.default)
        for entry in fields(declared)
        if is_dataclass(entry.default) and not isinstance(entry.default, type)
    }
    return {
        name: tables[name] | said if name in tables and isinstance(said, dict) else said
        for name, said in told.items()
    }


def as_toml(settings: Any, kind: str) -> str:
    """The settings as a file that `read_settings` reads back to the same, each with its meaning.

    A setting that is not set (None) stands as a comment.
    """
    about = [f"# {line}" for line in (type(settings).__doc__ or "").strip().splitlines()]
    lines = [*about, f'{KIND} = "{kind}"']
    lines += [line for entry in _plain(settings) for line in _told(*entry)]
    for entry in fields(settings):
        inner = getattr(settings, entry.name)
        if is_dataclass(inner):
            meaning = (type(inner).__doc__ or "").strip().splitlines()[0]
            lines += ["", f"[{entry.name}]  # {meaning}"]
            lines += [line for one in _plain(inner) for line in _told(*one)]
    return "\n".join(lines) + "\n"


def _plain(settings: Any) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if not is_dataclass(value):
            yield entry.name, value, entry.metadata


def _told(name: str, value: Any, about: Mapping[str, Any]) -> list[str]:
    words = (about.get("meaning", ""), about.get("unit", ""), about.get("anchor", ""))
    meaning = "; ".join(word for word in words if word)
    if value is None:
        return [f"# {name} =  # {meaning}"]
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return [f"{name} = {text}" + (f"  # {meaning}" if meaning else "")]


def _said(wrong: Mapping[str, Any], declared: type) -> str:
    whole = ".".join(str(part) for part in wrong["loc"])
    name = whole if whole.isprintable() and len(whole) <= _LONGEST_SHOWN else cut(whole)
    if wrong["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        near = difflib.get_close_matches(name, list(_names(declared)), n=1)
        return f"{name} is no setting" + (f"; did you mean {near[0]}" if near else "")
    if wrong["type"].startswith("missing"):
        return f"{name} has to be given"
    if wrong["type"] == "value_error":  # a sentence of our own
        return ": ".join(filter(None, (name, wrong["msg"].removeprefix("Value error, "))))
    return f"{name}: {wrong['msg']}, not {cut(wrong['input'])}"


def _names(declared: type, before: str = "") -> Iterator[str]:
    for entry in fields(declared):
        inner = entry.default
        if is_dataclass(inner):
            yield from _names(type(inner), f"{before}{entry.name}.")
        yield f"{before}{entry.name}"
