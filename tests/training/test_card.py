"""The card of a model: what is known is told, what is not is shown as missing, all as text."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from data.errors import InputError
from features.definitions import FEATURES
from serving.model import RiskModel
from tests.training.pages import Page, patients_of, run_folder, stands_alone, words_in
from tests.training.run_tables import write_tables
from training.report.card import write_card
from training.report.document import Document, Points, Section, Table, Words, as_markdown
from training.report.input_register import KINDS, of_race, register
from training.report.source_attributes import attributes
from training.report.tripod import items
from training.settings.card_settings import CardSettings, missing_from
from training.settings.setting_types import Strict
from training.settings.settings_file import as_toml, read_settings

HOSTILE = "a</td><script>alert(1)</script> [x](javascript:y) **b** | `c` <img src=z> ![q](w) &lt;"
WHOLE = CardSettings(**{
    entry.name: f"told of {entry.name}" for entry in fields(CardSettings)
    if entry.name not in ("signed_off_on", "of_version")
}, signed_off_on="2026-03-31", of_version="0123456789abcdef")  # fmt: skip


@pytest.fixture
def folder(small_home, tmp_path) -> Path:
    return run_folder(small_home, "readmission", tmp_path / "run")


def written(
    folder: Path, card: CardSettings | None = None, registered: str = ""
) -> tuple[str, str]:
    """The texts of card.md and card.html; what `card` was given of is this very model."""
    of = RiskModel.load(folder / "model").version
    card = replace(card or CardSettings(), of_version=of)
    md, page = write_card(folder, card, registered)
    return md.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")


def rendered(markdown: str) -> Page:
    """The Markdown as a renderer shows it that lets HTML through."""
    return Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def plain(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


def test_the_card_stands_alone_and_names_no_patient(small_home, folder):
    write_tables(folder)
    markdown, text = written(folder)
    stands_alone(Page(text))
    for told in (markdown, text):
        assert not re.search("https?://", told)
        assert words_in(told) & patients_of(small_home) == set()


def test_both_forms_of_the_card_tell_the_same(folder):
    write_tables(folder)
    markdown, text = written(folder, WHOLE)
    cells = {plain(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", text, flags=re.S)}
    assert len(cells) > 150
    told = plain(rendered(markdown).words)
    for cell in cells:
        assert plain(Page(cell).words) in told


def test_the_card_names_the_version_of_its_model_and_the_sums_of_its_files(folder):
    markdown, text = written(folder, registered="17")
    model = RiskModel.load(folder / "model")
    for told in (markdown, text):
        assert f"Model version {model.version}, registered as version 17" in told
    for name in ("model/model.json", "model/model.txt", "evaluation.json", "attrition.csv"):
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert f"{name} {found}" in Page(text).words
    assert "card.html" not in text, "a card cannot hold its own sum"


def test_what_is_not_given_is_shown_as_missing_and_how_to_give_it(folder):
    _, text = written(folder)
    words = plain(Page(text).words)
    missing = missing_from(CardSettings(), "")
    assert "signed_off_by" in missing
    assert "intended_use" not in missing
    for name in missing:
        assert f"missing: give card.{name} in the task's settings file" in words
    assert f"{len(missing)} things that no training can know are missing" in words
    assert "missing: this run holds no subgroups.csv" in words
    assert "missing: this run holds no equity.json" in words
    assert "missing: this run did not look at it" in words


def test_what_is_given_is_told_and_nothing_is_missing_then(folder):
    write_tables(folder)
    _, text = written(folder, WHOLE)
    words = plain(Page(text).words)
    for entry in fields(WHOLE):
        if entry.name != "of_version":
            assert str(getattr(WHOLE, entry.name)) in words
    assert "missing: give" not in words
    assert "missing: this run holds" not in words


def test_every_setting_of_a_card_can_be_given_in_a_file_and_read_back(tmp_path):
    @dataclass(frozen=True)
    class Some(Strict):
        card: CardSettings = field(default=CardSettings())

    path = tmp_path / "mine.toml"
    for card in (CardSettings(), WHOLE):
        path.write_text(as_toml(Some(card), "some"))
        assert read_settings(path, {"some": Some}) == Some(card)
    path.write_text('kind = "some"\n[card]\nsigned_off_on = 2026-03-31\n')
    assert read_settings(path, {"some": Some}).card.signed_off_on == "2026-03-31"
    for wrong, said in (
        (
            'signed_off_on = "31 March"',
            r"card.signed_off_on: a day is needed, written like 2026-03",
        ),
        ('contact = "=1+1"', "1 to 600 printable characters are needed"),
        (f'contact = "{"a" * 601}"', "1 to 600 printable characters are needed"),
        ('contact = "a\\u202eb"', "1 to 600 printable characters are needed"),
        ('signed_by = "me"', "card.signed_by is no setting"),
    ):
        path.write_text(f'kind = "some"\n[card]\n{wrong}\n')
        with pytest.raises(InputError, match=said):
            read_settings(path, {"some": Some})


def test_hostile_words_are_text_in_both_forms(folder):
    write_tables(folder)
    model = folder / "model" / "model.json"
    model.write_text(json.dumps(json.loads(model.read_text()) | {"label": HOSTILE}))
    (folder / "subgroups.csv").write_text(f'grouping,group,judgeable\nsex,"{HOSTILE}",False\n')
    (folder / "equity.json").write_text(json.dumps({"findings": [HOSTILE, {"a": HOSTILE}]}))
    card = CardSettings(developer=HOSTILE, known_limits=f"1. {HOSTILE}", ethics=HOSTILE)
    markdown, text = written(folder, card)
    stands_alone(Page(text))
    shown = rendered(markdown)
    for page in (Page(text), shown):
        assert {tag for tag, _ in page.tags} & {"script", "img", "a", "code"} <= {"a"}
        assert plain(page.words).count(HOSTILE) > 6
    assert "a" not in {tag for tag, _ in shown.tags}


def test_markdown_takes_no_text_for_a_list_a_heading_or_a_table():
    texts = ("1. one", "- two", "# three", "> four", "+ five", "a | b", "= x", "2) six", "~~~ y",
             "two\nlines", "$x$ and $y$", "\\ * _")  # fmt: skip
    made = Document("t", texts, (Section("s", "S", (
        Points(texts), *map(Words, texts), Table("", ("a", "b"), tuple((t, t) for t in texts)),
    )),))  # fmt: skip
    shown = rendered(as_markdown(made))
    assert [tag for tag, _ in shown.tags].count("li") == len(texts)
    assert [tag for tag, _ in shown.tags].count("td") == 2 * len(texts)
    assert {tag for tag, _ in shown.tags} <= {
        "h1", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    for text in texts:
        assert plain(shown.words).count(plain(text)) >= 5


def test_the_same_folder_and_settings_give_the_same_bytes(folder, tmp_path):
    write_tables(folder)
    first = written(folder, WHOLE)
    assert written(folder, WHOLE) == first
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert written(tmp_path / "elsewhere", WHOLE) == first
    assert written(folder) != first


def test_all_thirty_one_attributes_and_all_items_are_answered():
    facts = {name: name for name in (
        "predicted", "inputs", "source", "dates", "eligible", "learned", "size", "missing_data",
        "fit", "output", "origin_gap", "code", "intended_people", "predictors", "poor_input",
        "chosen", "updated", "updated_results", "demographic", "represented", "fairness", "bias",
        "by_group",
    )}  # fmt: skip
    found = attributes(lambda name: name, lambda name: name, facts)
    assert [sum(one.place.startswith(f"({n})") for one in found) for n in range(1, 10)] == [
        4, 4, 2, 4, 2, 4, 5, 4, 2,
    ]  # fmt: skip
    assert len(found) == len({one.place for one in found}) == 31
    asked: list[str] = []
    made = items(lambda name: asked.append(name) or name, lambda name: name, facts)
    assert sorted({int(re.sub("[a-g]", "", one.number)) for one in made}) == list(range(1, 28))
    assert len(made) == len({one.number for one in made}) == 52
    assert all(str(one.answer) for one in (*made, *found))
    assert {*asked} <= {entry.name for entry in fields(CardSettings)}


def test_each_setting_of_a_card_is_told_somewhere():
    """None is asked for in vain: `WHOLE` is told whole above, and each has words of its own."""
    meanings = [entry.metadata["meaning"] for entry in fields(CardSettings)]
    assert len({*meanings}) == len(meanings)
    assert all(meanings)


def test_the_register_holds_each_protected_and_proxy_input_of_the_model(folder):
    names = json.loads((folder / "model" / "model.json").read_text())["features"]
    _, text = written(folder)
    words = plain(Page(text).words)
    assert {"age", "female", "area_index"} <= {*names}
    for row in register(names, None, None):
        assert plain(" ".join(map(str, row))) in words
    assert f"None of the {len(names)} inputs is race, ethnicity or language." in words


def test_every_kind_of_the_register_has_features_and_none_is_race():
    names = [one.name for one in FEATURES if one.predictor]
    assert [row[0] for row in register(names, None, None)] == [kind.name for kind in KINDS]
    assert of_race(names) == []
    assert of_race(["race", "race_black_now", "bracelet", "preferred_language"]) == [
        "race", "race_black_now", "preferred_language",
    ]  # fmt: skip


def test_limits_follow_from_what_the_run_shows(folder):
    write_tables(folder)
    words = plain(Page(written(folder)[1]).words)
    assert "The people are invented." in words
    assert "It learned of nobody under 65" in words
    assert "Too few cases to judge it among race: None." in words
    judged = json.loads((folder / "evaluation.json").read_text())
    first, *others = judged["better_than"]
    judged["better_than"][first]["auroc"] = [0.1, -0.01, 0.2]
    for name in others:
        judged["better_than"][name]["auroc"] = [0.1, 0.05, 0.2]
    judged["scores"]["firstcall"]["observed_to_expected"] = [1.5, 1.2, 1.8]
    (folder / "evaluation.json").write_text(json.dumps(judged))
    words = plain(Page(written(folder)[1]).words)
    assert "Its risks do not fit those who tested it: observed : expected is 1.50" in words
    assert f"Not shown to be better than {first}." in words


def test_cost_is_not_need_on_the_card_of_high_cost(small_home, tmp_path):
    folder = run_folder(small_home, "high-cost", tmp_path / "costly")
    markdown, text = written(folder)
    stands_alone(Page(text))
    assert "Cost is not need" in Page(text).words
    assert "Allowed medical and pharmacy cost of the next 365 days above \\$" in markdown
    assert "model/cost.txt" in text
