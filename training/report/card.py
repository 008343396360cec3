"""The card of a model: what whoever uses it, answers for it or audits it asks first, versioned with
the model's files.

It is made of a run folder's files and of the task's `[card]` settings alone, and knows no clock:
the same files and settings give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.model_json import CARD
from training.report.document import (
    Block,
    Cell,
    Document,
    Heading,
    Marked,
    Points,
    Section,
    Table,
    Words,
    as_markdown,
    as_page,
)
from training.report.figure_words import per_cent, table_of, words_for
from training.report.glossary import GLOSSARY
from training.report.groups_judged import by_group, compared
from training.report.input_register import of_race, register
from training.report.known_tables import EQUITY, SUBGROUPS, blocks_of
from training.report.limits import limits_of
from training.report.model_facts import facts_of, feeds_of
from training.report.recalibrated import roles
from training.report.result import calibration, capacities, companion_blocks, score_blocks
from training.report.run_folder import RunFolder
from training.report.run_report import FILE as REPORT
from training.report.run_report import attrition, definition_in_words, remarks
from training.report.source_attributes import attributes
from training.report.summary import verdict
from training.report.tripod import items
from training.settings.card_settings import CardSettings, is_of_another, missing_from

FILES = (CARD, "card.html")
_OWN = frozenset((*FILES, REPORT))
_NOT_CHECKED = (
    "† Not checked against the original text: the wording follows published transcriptions."
)
_PLACES = {
    "people": "see “Data and people”", "performance": "see “How good it is”",
    "subgroups": "see “Groups of people”", "equity": "see “Equity”",
    "inputs": "see “Protected and proxy inputs”", "limits": "see “Known limits”",
    "summary": f"see {REPORT} of this run, “In short”",
    "backtests": f"see {REPORT} of this run, “Earlier dates”",
}  # fmt: skip
"""Where the rest of the card and the report tell of something."""


def write_card(folder: Path, card: CardSettings, registered: str = "") -> tuple[Path, Path]:
    """Write card.md and card.html into the run folder `folder` and give their paths. `registered`
    is the number of the registered version where it is known.

    Raises InputError where the folder holds no model or no evaluation, or a file cannot be read.
    """
    document = card_of(RunFolder.open(folder), card, registered)
    paths = (folder / FILES[0], folder / FILES[1])
    for path, text in zip(paths, (as_markdown(document), as_page(document)), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def card_of(run: RunFolder, card: CardSettings, registered: str = "") -> Document:
    """The card of the model of a run."""
    model = run.model
    about: list[Cell] = [
        str(model["label"]),
        f"Model version {run.version}" + (f", registered as version {registered}" if registered
                                          else "") + f"; task {model['task']}.",
    ]  # fmt: skip
    missing = missing_from(card, run.version)
    if missing:
        about.append(Marked(
            f"{len(missing)} things that no training can know are missing: they stand below, and "
            "are given in the [card] part of the task's settings file; `firstcall card` writes "
            "this card again with them.", "missing",
        ))  # fmt: skip
    said = _given_by(run, card)
    sections: list[tuple[str, str, list[Block]]] = [
        ("use", "What it is for, and what not", [
            _given_table(said, {
                "intended_use": "intended use", "intended_users": "intended users",
                "decision_role": "role in decisions", "misuse": "not to be used for",
            }),
        ]),
        ("answerable", "Who answers for it, and where it was validated", [
            _given_table(said, {
                "developer": "developer", "contact": "contact", "funding": "funding",
                "validated_at": "validated at", "validated_by": "validated by",
                "validation_results": "results there", "signed_off_by": "signed off by",
                "signed_off_on": "signed off on", "update_schedule": "update schedule",
            }),
            Words("A new site validates a model on its own people, runs it silently first, and "
                  "keeps the sign-off of a named clinician with it.", note=True),
        ]),
        ("output", "What it says", _output(run)),
        ("people", "Data and people", _people(run)),
        ("performance", "How good it is", _performance(run)),
        ("subgroups", SUBGROUPS.title, blocks_of(run, SUBGROUPS) or [_absent(SUBGROUPS.files[0])]),
        ("equity", "Equity", _equity(run)),
        ("inputs", "Protected and proxy inputs", _inputs(run)),
        ("limits", "Known limits", [Points((*limits_of(run), said("known_limits")))]),
        ("attributes", "Source attributes (45 CFR 170.315(b)(11)(iv)(B), HTI-1)†",
         _attributes(run, said)),
        ("tripod", "TRIPOD+AI†", _tripod(run, said)),
        ("remarks", "Remarks of the training", remarks(run)),
        ("glossary", "How to read it", [
            Table("", ("figure", "what it means"), tuple(GLOSSARY)),
        ]),
        ("files", "The files of this version", _files(run)),
    ]  # fmt: skip
    return Document(
        f"Model card: {model['task']}", tuple(about),
        tuple(Section(name, title, tuple(blocks)) for name, title, blocks in sections if blocks),
    )  # fmt: skip


def given(card: CardSettings, name: str, version: str) -> Cell:
    """A setting on the card of model `version`, or how to give it; what was found out of another
    model is missing of this one."""
    value = getattr(card, name)
    if value is None:
        return Marked(f"missing: give card.{name} in the task's settings file", "missing")
    if not is_of_another(card, name, version):
        return str(value)
    of = card.of_version
    whose = (
        f"of version {of}, not of this one" if of else "of no version that card.of_version names"
    )
    return Marked(f"missing: given {whose} ({value})", "missing")


def _given_by(run: RunFolder, card: CardSettings) -> Callable[[str], Cell]:
    return lambda name: given(card, name, run.version)


def _given_table(said: Callable[[str], Cell], rows: Mapping[str, str]) -> Table:
    told = tuple((what, said(name)) for name, what in rows.items())
    return Table("", ("what", "said"), told)


def _see(run: RunFolder, name: str) -> Cell:
    """Where something is told, or that this run does not tell it."""
    needed = {"subgroups": SUBGROUPS.files[0], "equity": EQUITY.files[0],
              "backtests": "backtests.csv"}.get(name)  # fmt: skip
    if needed is not None and run.find(needed) is None:
        return Marked(f"missing: this run holds no {needed}", "missing")
    return _PLACES[name]


def _absent(name: str) -> Points:
    return Points((Marked(f"missing: this run holds no {name}", "missing"),))


def _output(run: RunFolder) -> list[Block]:
    model, facts = run.model, facts_of(run)
    tiers = model["tiers"]
    rows: list[tuple[Cell, ...]] = [
        ("predicted", facts["predicted"]), ("output", facts["output"]),
        ("tiers", f"high from a risk of {per_cent(tiers['high'])}, moderate from "
                  f"{per_cent(tiers['moderate'])}"),
        ("inputs", f"{len(model['features'])} features, computed as in definitions "
                   f"{model['fingerprint'][:16]}; they listen to: {feeds_of(run)}"),
        ("constraints", facts["constraints"]),
        ("kind of model", facts["fit"]),
    ]  # fmt: skip
    return [*definition_in_words(run), Table("", ("what", "said"), tuple(rows))]


def _people(run: RunFolder) -> list[Block]:
    facts = facts_of(run)
    blocks: list[Block] = [
        Points((facts["source"], facts["dates"], facts["eligible"], facts["learned"])),
        *attrition(run),
    ]
    if counts := roles(run):
        blocks.append(table_of(
            "Who was learned from, and who tested", counts, run.counts,
            labels={"first_as_of": "first day asked", "last_as_of": "last day asked"},
        ))  # fmt: skip
    return blocks


def _performance(run: RunFolder) -> list[Block]:
    return [
        *score_blocks(run, "Ranking, beside the scores that people use without a model"),
        *calibration(run)[1:],
        Heading("What calling from the top finds"),
        *capacities(run),
        *companion_blocks(run),
        Heading("Verdict of the gate"),
        *(verdict(run) or [_absent("gate.json")]),
    ]


def _equity(run: RunFolder) -> list[Block]:
    found = run.told(EQUITY.files[0])
    if not isinstance(found, dict):
        return [_absent(EQUITY.files[0])]
    findings = tuple(words_for(one) if not isinstance(one, dict) else _pairs(one)
                     for one in found.get("findings") or ())  # fmt: skip
    return [Words(EQUITY.why),
            Points(findings or ("The audit found nothing to report.",))]  # fmt: skip


def _pairs(record: Mapping[str, Any]) -> str:
    """A finding in figures: its words where it has some, else each figure with its name."""
    if isinstance(record.get("words"), str):
        return record["words"]
    return "; ".join(f"{key.replace('_', ' ')}: {words_for(value)}" for key, value in record.items()
                     if not isinstance(value, dict | list))  # fmt: skip


def _inputs(run: RunFolder) -> list[Block]:
    names = run.model["features"]
    forbidden = of_race(names)
    first: Cell = f"None of the {len(names)} inputs is race, ethnicity or language."
    if forbidden:
        first = Marked(f"Inputs that must not be: {', '.join(forbidden)}", "bad")
    return [
        Words(
            "45 CFR 92.210 asks whoever uses a tool like this to know its inputs that measure "
            "race, colour, national origin, sex, age or disability, and to lower the risk of "
            "discrimination by them. Proxies are told as well, and each input stands in one row. "
            "“Judged” says that figures were told apart by these groups, and not that they are "
            "alike."
        ),
        Points((first,)),
        Table(
            "", ("input", "features", "measures or stands in for", "why it is there",
                 "what was done"),
            tuple(register(names, by_group(run), compared(run))),
        ),
    ]  # fmt: skip


def _attributes(run: RunFolder, said: Callable[[str], Cell]) -> list[Block]:
    found = attributes(said, lambda n: _see(run, n), facts_of(run))
    return [
        Words(
            "The rule binds developers of certified health IT. A rule proposed on 29 December 2025 "
            f"(HTI-5) may remove these attributes†. {_NOT_CHECKED}", note=True,
        ),
        *(
            Table(category, ("(iv)(B)", "attribute", "said"), tuple(
                (one.place, one.name, one.answer) for one in found if one.category == category
            ))
            for category in dict.fromkeys(one.category for one in found)
        ),
    ]  # fmt: skip


def _tripod(run: RunFolder, said: Callable[[str], Cell]) -> list[Block]:
    found = items(said, lambda n: _see(run, n), facts_of(run))
    return [
        Words(
            "Items of TRIPOD+AI (Collins and others, BMJ 2024;385:e078378), and what is said of "
            f"each here or where. {_NOT_CHECKED}", note=True,
        ),
        Table("", ("item", "about", "said"),
              tuple((one.number, one.name, one.answer) for one in found)),
    ]  # fmt: skip


def _files(run: RunFolder) -> list[Block]:
    """The model's files and the tables of the run with their sums; pictures show the same."""
    found = [path for folder in (run.path / "model", run.path) for path in sorted(folder.iterdir())
             if path.is_file() and path.name not in _OWN]  # fmt: skip
    rows = tuple(
        (path.relative_to(run.path).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in found
    )
    return [
        Words(f"The version {run.version} is the beginning of a sum over the model's text and its "
              "description: any change of either gives another version."),
        Table("", ("file", "sha256"), rows),
    ]  # fmt: skip
