"""A tier that a case manager gave is the same on every page: the badge, the filter, and who is
called first go by it; the place changes with the next list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from data.home import Home
from serving.app import create_app
from serving.store.actions import ActionKind, NewAction, take
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database, database_url
from tests.serving.api.manned import Manned, manned
from tests.serving.pages.asking import got
from tests.serving.pages.browser import listening

LIST = "2024-12-31.1"


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Manned:
    """ann's a1 was put down to low; bob's b2 was told to be high, as the night had said."""
    staff = manned(Home(tmp_path_factory.mktemp("judged") / "home"))
    database, kind = Database.open(database_url(staff.home)), "override"
    given: tuple[tuple[str, int, str, str, ActionKind], ...] = (
        ("a1", 1, "ann", "low", kind), ("b2", 4, "bob", "high", kind),
    )  # fmt: skip
    record = Audit(database, AuditKey.of_home(staff.home))
    for patient, rank, who, tier, of in given:
        with database.writing() as connection:
            new = NewAction(of, tier=tier, reason="as seen at home")
            take(connection, record, new, patient, LIST, rank, who, "case_manager")
    database.close()
    return staff


@pytest.fixture(scope="module")
def at(judged: Manned) -> Iterator[str]:
    with listening(create_app(judged.home)) as told:
        yield told


def shown(page: str) -> list[str]:
    return re.findall(r'<a class="id" [^>]*>([^<]+)</a>', page)


def row_of(page: str, patient: str) -> str:
    [row] = [one for one in page.split("<tr ") if f">{patient}</a>" in one]
    return row


def test_the_badge_is_the_same_on_the_list_and_on_the_page(judged: Manned, at: str) -> None:
    ann = judged.sessions["ann"]
    row = row_of(got(at, "/", ann).text, "a1")
    assert re.findall(r'class="tier (\w+)">(\w+)<', row) == [("low", "Low")]
    assert "the night said high. The place changes with the next list." in row
    assert '<span class="tier low">Low tier</span>' in got(at, "/patients/a1", ann).text
    same = row_of(got(at, "/", judged.sessions["bob"]).text, "b2")
    assert "judgement<" in same
    assert "The place changes" not in same


def test_whoever_was_put_down_is_not_the_first_to_be_called(judged: Manned, at: str) -> None:
    page = got(at, "/", judged.sessions["ann"]).text
    assert shown(page) == ["a1", "a2"]
    assert "Call first" not in row_of(page, "a1")
    assert "Call first" in row_of(page, "a2")
    assert "Call first" in row_of(got(at, "/", judged.sessions["bob"]).text, "b1")


@pytest.mark.parametrize(("tier", "found"), [("high", ["b1", "a2", "b2"]), ("low", ["a1"]),
                                             ("moderate", [])])  # fmt: skip
def test_the_filter_goes_by_the_tier_that_is_shown(judged: Manned, at: str, tier, found) -> None:
    page = got(at, f"/?tier={tier}", judged.sessions["sue"]).text
    assert shown(page) == found
    told = httpx.get(f"{at}/v1/worklist?tier={tier}", headers=judged.header("sue")).json()
    assert [one["patient_id"] for one in told["patients"]] == found
    assert told["found"] == len(found)


def test_whoever_is_given_another_tier_while_pages_are_turned_moves_nobody(
    judged: Manned, at: str
) -> None:
    """a1 is not among them any more, and the page behind him is."""
    answer = httpx.get(f"{at}/v1/worklist?tier=high&after={LIST}:1", headers=judged.header("sue"))
    assert [one["patient_id"] for one in answer.json()["patients"]] == ["b1", "a2", "b2"]
