"""Clock times are told in the reader's own zone; the days of the list are those of the site's."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pandas as pd
import pytest

from data.home import Home
from serving.access.accounts import choose_zone
from serving.access.roles import Principal
from serving.api.state import Service
from serving.api.worklist import standing
from serving.app import create_app
from serving.pages.listed_rows import due, moment, status_words
from serving.pages.own_zone import zone_of
from serving.settings import settings_of
from serving.store import ENTRY_COLUMNS, Store
from serving.store.actions import NewAction, take
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database, database_url
from serving.store.standings import Status
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest, manned
from tests.serving.pages.asking import got
from tests.serving.pages.browser import listening

SITE, OWN = "America/New_York", "America/Denver"
NOW = datetime(2025, 1, 2, 4, 30, tzinfo=UTC)  # on the first: 23:30 in New York, 21:30 in Denver

# When a call is due (UTC), in the words of the site's zone and in those of one's own.
WORDS = [
    ((2025, 1, 2, 3, 30), "Overdue by 1 h",                   "Overdue by 1 h"),
    ((2025, 1, 2, 4, 45), "Today by 23:45",                   "Today by 21:45"),
    ((2025, 1, 2, 5, 0),  "Tomorrow by 00:00",                "Today by 22:00"),
    ((2025, 1, 3, 4, 59), "Tomorrow by 23:59",                "Tomorrow by 21:59"),
    ((2025, 1, 3, 5, 0),  "Friday, 3 January 2025, by 00:00", "Tomorrow by 22:00"),
    ((2025, 1, 3, 7, 0),  "Friday, 3 January 2025, by 02:00", "Friday, 3 January 2025, by 00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("at", "of_site", "own"), WORDS)
def test_today_and_tomorrow_are_those_of_the_reader(at: tuple[int, ...], of_site, own) -> None:
    told = [due(datetime(*at, tzinfo=UTC), ZoneInfo(zone), NOW) for zone in (SITE, OWN)]
    assert [one.words for one in told] == [of_site, own]


def test_when_something_was_recorded_is_told_as_the_reader_s_clock_shows_it() -> None:
    at, now = datetime(2025, 1, 2, 6, tzinfo=UTC), datetime(2025, 1, 2, 8, tzinfo=UTC)
    assert moment(at, ZoneInfo(SITE), now) == "today 01:00"
    assert moment(at, ZoneInfo(OWN), now) == "1 January 2025, 23:00"
    until = Status("deferred", at, "ann", until=NIGHT)
    words = [status_words(standing(until), ZoneInfo(zone), now) for zone in (SITE, OWN)]
    assert all(one.startswith("Call again on 31 December 2024") for one in words)


def test_a_zone_that_this_machine_does_not_know_is_the_site_s() -> None:
    service = Service(Home(Path("nowhere")), settings_of({"time_zone": SITE}))
    for zone, read in ((None, SITE), (OWN, OWN), ("Mars/Olympus", SITE)):
        assert zone_of(service, Principal("ann", "supervisor", zone=zone)).key == read


@dataclass(frozen=True)
class Night:
    """A list of invented people that is called by the first of January, from 8:00 in New York:
    a1 is due at five o'clock (UTC) of the second; a2 was not reached on the day before."""

    staff: Manned
    address: str
    started: datetime

    def read_by(self, who: str, zone: str | None, path: str) -> str:
        """A page as somebody reads it who chose this zone, without its markup."""
        opened = Database.open(database_url(self.staff.home))
        with opened.writing() as connection:
            choose_zone(connection, who, zone)
        opened.close()
        page = got(self.address, path, self.staff.sessions[who])
        assert page.status_code == 200
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


@pytest.fixture(scope="module")
def night(tmp_path_factory) -> Iterator[Night]:
    staff = manned(Home(tmp_path_factory.mktemp("zones") / "home"))
    opened = Database.open(database_url(staff.home))
    store = Store(opened)
    scores, told, _, _, known = a_night("a1", "a2")
    places = pd.DataFrame(
        [(1, 1, "a1", "high", "high cost", "2025-01-02T05:00:00+00:00"),
         (2, 1, "a2", "high", "high cost", None)],
        columns=[*ENTRY_COLUMNS, "due_at"],
    )  # fmt: skip
    run_id = store.start(NIGHT)
    store.publish(run_id, scores, told, places, manifest(worked_on="2025-01-01"), known)
    with opened.writing() as connection:
        record = Audit(opened, AuditKey.of_home(staff.home))
        at = datetime(2024, 12, 31, 6, tzinfo=UTC)
        tried = NewAction("no_answer")
        take(connection, record, tried, "a2", run_id, 2, "ann", "case_manager", at=at)
    run = store.published()
    opened.close()
    assert run is not None
    assert run.started_at is not None
    with listening(create_app(staff.home, settings_of({"time_zone": SITE}))) as address:
        yield Night(staff, address, run.started_at.replace(tzinfo=UTC))


# Whoever reads a page, and what he reads there in the site's zone and in his own.
PAGES = [
    ("ann", "/", "Tomorrow by 00:00", "Today by 22:00"),
    ("ann", "/", "as if it were 1 January 2025, 08:00", "as if it were 1 January 2025, 06:00"),
    ("ann", "/?status=any", "answer, 31 December 2024, 01:00", "answer, 30 December 2024, 23:00"),
    ("ann", "/patients/a1", "Tomorrow by 00:00", "Today by 22:00"),
    ("ann", "/patients/a2", "31 December 2024, 01:00", "30 December 2024, 23:00"),
    ("sue", "/team", "", ""),
    ("max", "/runs", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("who", "path", "of_site", "own"), PAGES)
def test_every_page_with_times_tells_them_in_the_reader_s_zone(
    night: Night, who: str, path: str, of_site: str, own: str
) -> None:
    for zone, name, words, other in ((None, SITE, of_site, own), (OWN, OWN, own, of_site)):
        page = night.read_by(who, zone, path)
        assert f"Times are in the zone {name}." in page
        assert words in page
        assert not other or other not in page


def test_the_nights_began_when_the_reader_s_clock_says(night: Night) -> None:
    for zone in (None, OWN):
        clock = f"{night.started.astimezone(ZoneInfo(zone or SITE)):%H:%M}"
        assert clock in night.read_by("max", zone, "/runs")


def test_the_api_tells_utc_whoever_asks(night: Night) -> None:
    night.read_by("ann", OWN, "/")
    header = night.staff.header("ann")
    told = httpx.get(f"{night.address}/v1/worklist", headers=header, timeout=30).json()
    assert told["patients"][0]["due_at"] == "2025-01-02T05:00:00Z"
