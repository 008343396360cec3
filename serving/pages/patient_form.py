"""The one form of a patient's page: what each kind of action takes from it, and what is said where
that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError

from serving.pages.recording_forms import Wanted, wanted
from serving.pages.words import WORDS, say
from serving.schemas import LONGEST_NOTE

_TAKES: Mapping[str, tuple[str, ...]] = {
    "contacted": ("note",), "no_answer": ("note",), "enrolled": ("note",), "declined": ("note",),
    "deferred": ("until", "note"), "do_not_contact": ("note",), "closed": ("reason", "note"),
    "override": ("tier", "reason", "note"), "note": ("note",), "undo": (),
}  # fmt: skip
_NEEDS = {"deferred": ("until",), "closed": ("reason",), "override": ("reason", "tier"),
          "note": ("note",)}  # fmt: skip
"""The fields without which each of these cannot be recorded."""
_OWNER = {"until": "deferred", "override_reason": "override", "closed_reason": "closed"}
"""The kind that each of these fields of the form is written for. The tier is none of them: one of
them is chosen as soon as the page is open."""
TYPED = ("kind", "note", "tier", *_OWNER)
"""What the page shows again where nothing was recorded."""
_BUTTON = {"note": "record.note_alone", "deferred": "record.send_deferred",
           "override": "record.send_override", "closed": "record.send_closed",
           "do_not_contact": "record.send_do_not_contact"}  # fmt: skip


@dataclass(frozen=True)
class Wrong:
    """Why nothing was recorded, in words, and the field of the form where that is mended."""

    words: str
    field: str = "note"


def asked_by(form: Mapping[str, str], entry_id: str) -> Wanted:
    """What the form of a patient's page asks for. The fields of other kinds are not sent along; but
    what somebody wrote there is not dropped unsaid. Raises Refused where no page made such a form,
    RequestValidationError where a field is wrong, is missing, or is written for another kind."""
    kind = form.get("kind", "")
    own = {**form, "reason": form.get(f"{kind}_reason", "")}
    asked = wanted(own, entry_id, _TAKES, _TAKES.get(kind, ()))
    for name in _NEEDS.get(kind, ()):
        if getattr(asked.body, name) is None:
            raise RequestValidationError([{"type": "missing", "loc": (name,)}])
    for name, owner in _OWNER.items():
        if kind not in (owner, "undo") and form.get(name, "").strip():
            raise RequestValidationError([{"type": "astray", "loc": (name,)}])
    return asked


def typed_in(form: Mapping[str, str], is_stopped: bool = False) -> dict[str, str]:
    """What somebody wrote, to be shown again: nothing of it is lost. While nobody may contact the
    patient (`is_stopped`) the form has the note alone, so that a reason stands there."""
    typed = {name: form.get(name, "") for name in TYPED}
    if is_stopped:
        written = [typed[name] for name in ("note", "override_reason", "closed_reason")]
        typed["note"] = "\n".join(one for one in written if one)
    return typed


def wrong_of(error: RequestValidationError, form: Mapping[str, str]) -> Wrong:
    """What is wrong with the form. Raises the error itself where that is nothing that somebody
    could have written."""
    found = error.errors()[0]
    name, kind = str(found["loc"][-1]), form.get("kind", "")
    if found["type"] == "astray":
        told = {"where": WORDS[f"record.{_OWNER[name]}"],
                "button": WORDS[_BUTTON.get(kind, f"record.{kind}")]}  # fmt: skip
        return Wrong(say("wrong.astray_until" if name == "until" else "wrong.astray", **told), name)
    field = f"{kind}_reason" if name == "reason" else name
    if found["type"] == "text_long":
        long = say("wrong.long", field=WORDS[f"field.{name}"], most=f"{LONGEST_NOTE:,}")
        return Wrong(long, field)
    if found["type"] == "text_unprintable":
        return Wrong(say("wrong.unprintable", field=WORDS[f"field.{name}"]), field)
    if name == "reason":
        return Wrong(say(f"wrong.reason_{kind}"), field)
    if name in ("until", "note", "tier"):
        return Wrong(say(f"wrong.{name}"), field)
    raise error
