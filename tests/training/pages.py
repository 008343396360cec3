"""A page taken apart, and a run folder of a real training to make pages of."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq

from data.home import Home

_VOID = {"meta", "img", "br", "hr", "link", "input"}
_OF_OTHERS = (
    "subgroups.csv", "equity.json", "search.csv", "selection.json", "treated.json",
    "plausibility.json", "importance.csv", "report.html", "card.md", "card.html", "lab",
)  # fmt: skip
"""What a run may hold besides, which a test puts in itself."""


class Page(HTMLParser):
    """Its tags, ids, attributes and words; fails where a tag is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.told: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.told.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.told).split())

    def all_of(self, attribute: str) -> list[str]:
        return [about[attribute] or "" for _, about in self.tags if attribute in about]


def stands_alone(page: Page) -> None:
    """Nothing is loaded, run or linked outside, and each id is one."""
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form"} == set()
    assert not any(name.startswith("on") for _, about in page.tags for name in about)
    assert all(source.startswith("data:image/") for source in page.all_of("src"))
    assert all(target.startswith("#") for target in page.all_of("href"))
    assert {target[1:] for target in page.all_of("href")} <= {*page.ids}
    assert len({*page.ids}) == len(page.ids)
    assert all(about.get("alt") for tag, about in page.tags if tag == "img")
    assert ("html", {"lang": "en"}) in page.tags
    (policy,) = [about["content"] for tag, about in page.tags if "http-equiv" in about]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def run_folder(home: Home, task: str, to: Path) -> Path:
    """A copy of what the last training of `task` kept, without what others may have added."""
    kept = home.root / "mlflow-artifacts" / task
    found = max(kept.glob("*/artifacts"), key=lambda path: path.stat().st_mtime)
    shutil.copytree(found, to)
    for name in _OF_OTHERS:
        path = to / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return to


def patients_of(home: Home) -> set[str]:
    """Every id of a person, a stay or a claim that the home's members and encounters have."""
    from data.intake import current

    found: set[str] = set()
    for name in ("member", "encounter"):
        table = pq.read_table(current(home).tables[name], columns=["patient_id", "record_id"])
        for column in table.columns:
            found |= {*column.to_pylist()}
    return found


def words_in(text: str) -> set[str]:
    """The words of a page or a card, without the pictures in it, which are letters by chance."""
    return {*re.findall(r"[\w-]+", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))}
