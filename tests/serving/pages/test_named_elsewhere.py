"""Whoever is looked for by his whole id and is not on the list is found all the same, by whoever
may look at him, and by nobody else; so is who left the list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
import pytest

from data.home import Home
from serving.app import create_app
from serving.store import ENTRY_COLUMNS, GONE_COLUMNS, Store
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest, manned, rows
from tests.serving.pages.asking import got
from tests.serving.pages.browser import listening


@pytest.fixture(scope="module")
def off(tmp_path_factory) -> Manned:
    """On the list of the next day are a2 and b2 alone; a1 and b1 are in their panels still."""
    staff = manned(Home(tmp_path_factory.mktemp("off") / "home"))
    database = Database.open(database_url(staff.home))
    scores, told, _, _, known = a_night("a2", "b2", unlisted=["a1", "b1", "C1"])
    entries = pd.DataFrame(
        [(1, 1, "a2", "high", "high cost"), (2, 2, "b2", "high", "high cost")],
        columns=list(ENTRY_COLUMNS),
    )
    gone = pd.DataFrame([("a1", 1, "in hospital now")], columns=list(GONE_COLUMNS))
    store = Store(database)
    run_id = store.start(NIGHT + timedelta(days=1))
    store.publish(run_id, scores, told, entries, manifest(), known, gone=gone)
    database.close()
    return staff


@pytest.fixture(scope="module")
def at(off: Manned) -> Iterator[str]:
    with listening(create_app(off.home)) as told:
        yield told


def looks(staff: Manned) -> list[tuple[object, object, object, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        told = [(one, json.loads(str(one["detail"]))) for one in rows(opened, audit)]
        return [(one["who"], one["what"], one["patient_id"], said.get("find"))
                for one, said in told]  # fmt: skip
    finally:
        opened.close()


@pytest.mark.parametrize(("who", "find", "patient"), [
    ("ann", "a1", "a1"), ("sue", "b1", "b1"), ("sue", "c1", "C1"),
])  # fmt: skip
def test_who_is_not_on_the_list_has_a_link_to_his_page(
    off: Manned, at: str, who: str, find: str, patient: str
) -> None:
    before = len(looks(off))
    page = got(at, f"/?find={find}", off.sessions[who]).text
    told = re.search(r'Not on the list today[^<]*<a class="id" href="([^"]+)">(\w+)<', page)
    assert told is not None
    assert told[2] == patient
    assert "Nobody fits" not in page
    assert (who, "search", patient, find) in looks(off)[before:]
    shown = got(at, told[1].replace("&amp;", "&"), off.sessions[who])
    assert shown.status_code == 200
    assert f"Patient {patient}" in shown.text


def test_who_is_on_the_list_and_not_among_the_choices_is_said_to_be(off: Manned, at: str) -> None:
    page = got(at, "/?find=a2&tier=low", off.sessions["ann"]).text
    assert "On the list, but not among what is shown here" in page
    page = got(at, "/?find=a2", off.sessions["ann"]).text
    assert "On the list, but" not in page


def test_a_case_manager_does_not_learn_whether_somebody_is_in_another_panel(
    off: Manned, at: str
) -> None:
    """b1 is off the list, b2 on it, C1 in nobody's panel, q9 nowhere."""
    ann, pages, told = off.sessions["ann"], set(), set()
    for find in ("b1", "b2", "C1", "q9"):
        before = len(looks(off))
        page = got(at, f"/?find={find}", ann).text
        plain = page.replace(find, "?").replace(find.upper(), "?")
        pages.add(re.sub(r'name="(key|form_token)" value="\w+"', "", plain))
        told.add(tuple((*one[:3], one[3] == find) for one in looks(off)[before:]))
    assert len(pages) == 1
    assert "Nobody fits these choices" in pages.pop()
    assert told == {(("ann", "worklist", None, True),)}


def test_who_is_no_longer_on_the_list_is_a_link_to_his_page(off: Manned, at: str) -> None:
    page = got(at, "/", off.sessions["ann"]).text
    gone = page.partition("No longer on this list")[2]
    assert re.search(r'<th scope="row"><a href="/patients/a1">a1</a></th>', gone)
