"""The day of a case manager in a real browser: see the list, record a call, take it back."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from serving.access.accounts import add_account
from serving.access.passwords import PasswordHashing
from serving.access.roles import Principal
from serving.api.state import Service
from serving.api.worklist import Asked, places
from serving.app import create_app
from serving.horizons import horizons_of_run
from serving.pages.listed_rows import Due, due, row_of
from serving.pages.my_list import ON_A_PAGE
from serving.pages.words import in_100
from serving.settings import ServiceSettings, settings_of
from serving.store import Store
from serving.store.database import Database, database_url
from serving.store.night_tables import reason
from serving.store.record_tables import action, audit
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import PASSWORD, Manned, manifest, manned, publish, rows
from tests.serving.pages.asking import form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening
from tests.serving.quick import write_quick_model


@pytest.fixture
def own(tmp_path) -> Manned:
    """Everybody, on SQLite, for one test that changes what others would see."""
    return manned(Home(tmp_path / "own"))


def shown(page: Page) -> list[str]:
    """The patients of the list in their order."""
    return page.locator("tbody .id").all_inner_texts()


def recorded(staff: Manned) -> list[tuple[object, object, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        return [(one["who"], one["kind"], one["patient_id"]) for one in rows(opened, action)]
    finally:
        opened.close()


def test_whom_to_call_first_and_why(at_desk: Desk, staff: Manned) -> None:
    at_desk.keep(staff.sessions["ann"])
    page = at_desk.open("/")
    first = page.locator("tbody tr").first
    expect(first.get_by_role("rowheader")).to_have_text("Call first\na1", use_inner_text=True)
    expect(first.locator(".why")).to_contain_text("3 emergency visits in the last 90 days.")
    expect(first.locator(".tier")).to_have_text("High")
    expect(first.locator(".risk")).to_contain_text("25 in 100")
    expect(first.locator(".risk")).to_contain_text("among the costliest of the next 12 months")
    expect(page.locator(".heading")).to_contain_text(
        "List of 31 December 2024 · 2 patients to call"
    )
    assert page.locator(".tag").count() == 1
    assert shown(page) == ["a1", "a2"]


def test_a_call_is_recorded_by_one_click_and_taken_back_by_another(
    anew: Desk, fresh: Manned
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/")
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    expect(page.get_by_role("status")).to_be_focused()  # whoever works by keyboard goes on here
    assert shown(page) == ["a2"]
    assert recorded(fresh) == [("ann", "contacted", "a1")]
    page.reload()  # the line stays true, and nothing is recorded again
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    page.get_by_role("button", name="Undo what was recorded about a1").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back. a1 stands where it was before.")
    assert shown(page) == ["a1", "a2"]
    assert [kind for _, kind, _ in recorded(fresh)] == ["contacted", "undo"]
    opened = Database.open(database_url(fresh.home))
    acted = [row["patient_id"] for row in rows(opened, audit) if row["what"] == "action"]
    opened.close()
    assert acted == ["a1", "a1"]


def test_who_did_not_answer_stays_to_be_called_and_says_so(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/")
    page.get_by_role("button", name="Record: a2 did not answer").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: no answer (a2).")
    assert shown(page) == ["a1", "a2"]
    expect(page.locator("tbody tr").nth(1).locator(".status")).to_contain_text("No answer, today")
    page.get_by_role("button", name="Record: a2 was reached").click()  # on what is seen now
    assert shown(page) == ["a1"]
    assert [kind for _, kind, _ in recorded(fresh)] == ["no_answer", "contacted"]


def test_a_form_that_is_sent_many_times_is_recorded_once(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/")
    page.get_by_role("button", name="Record: a1 was reached").dblclick(no_wait_after=True)
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    assert len(recorded(fresh)) == 1
    token = form_token(anew.address, fresh, "ann")
    form = {"form_token": token, "kind": "contacted", "key": "k" * 20, "seen": "none"}
    place = "/list/2024-12-31.1:3/actions"

    def again(_: int) -> str:
        answer = posted(anew.address, place, form, fresh.sessions["ann"])
        return f"{answer.status_code} {answer.headers['location']}"

    with ThreadPoolExecutor(6) as many:
        answers = set(many.map(again, range(6)))
    assert len(answers) == 1
    assert answers.pop().startswith("303 /?at=2024-12-31.1%3A3&recorded=")
    assert [patient for _, _, patient in recorded(fresh)] == ["a1", "a2"]


def test_what_was_taken_back_and_is_sent_once_more_is_not_said_to_be_recorded(
    anew: Desk, fresh: Manned
) -> None:
    """From the page as it was before: of another tab, or kept by the browser."""
    token, ann = form_token(anew.address, fresh, "ann"), fresh.sessions["ann"]
    place = "/list/2024-12-31.1:1/actions"
    form = {"form_token": token, "kind": "contacted", "key": "k" * 20, "seen": "none"}
    first = posted(anew.address, place, form, ann)
    made = first.headers["location"].rpartition("recorded=")[2]
    undo = {"form_token": token, "kind": "undo", "undoes": made, "seen": made, "key": made}
    for _ in range(2):  # a click that is made twice stays one
        assert posted(anew.address, place, undo, ann).status_code == 303
    again = posted(anew.address, place, form, ann)
    assert again.status_code == 409
    assert "nothing was recorded anew" in again.text
    assert [kind for _, kind, _ in recorded(fresh)] == ["contacted", "undo"]


def test_two_people_on_one_patient_do_not_overwrite_each_other(
    anew: Desk, fresh: Manned, browser
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/")
    with desk(browser, anew.address) as other:
        other.keep(fresh.sessions["sue"])
        hers = other.open("/?manager=1")
        hers.get_by_role("button", name="Record: a1 did not answer").click()
        expect(hers.get_by_role("status")).to_contain_text("Recorded: no answer (a1).")
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Something was recorded since you looked"
    )
    page.get_by_role("link", name="To the first page").click()
    expect(page.locator("tbody tr").first.locator(".status")).to_contain_text("No answer, today")
    expect(page.locator("tbody tr").first.locator(".status")).to_contain_text("sue")
    assert [(who, kind) for who, kind, _ in recorded(fresh)] == [("sue", "no_answer")]
    # what sue recorded is not told as ann's own, nor hers to take back from a made-up address
    opened = Database.open(database_url(fresh.home))
    [done] = rows(opened, action)
    opened.close()
    anew.open(f"/?at=2024-12-31.1:1&recorded={done['action_id']}")
    assert page.get_by_role("status").count() == 0


def test_a_call_is_recorded_from_a_list_that_another_night_replaced(
    anew: Desk, fresh: Manned
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/")
    opened = Database.open(database_url(fresh.home))
    publish(opened, {"b2": 2, "a2": 1, "a1": 1}, NIGHT + timedelta(days=1))
    opened.close()
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    expect(page.locator(".heading")).to_contain_text("List of 1 January 2025")
    assert shown(page) == ["a2"]


def test_a_case_manager_sees_nobody_of_another_panel(at_desk: Desk, staff: Manned) -> None:
    at_desk.keep(staff.sessions["ann"])
    page = at_desk.open("/?status=any&find=b")
    expect(page.locator(".state")).to_contain_text("Nobody fits these choices")
    assert page.get_by_label("Panel").count() == 0
    at_desk.open("/?manager=2")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not in your panel")
    for path in ("/", "/?manager=2", "/?find=b1"):
        told = got(at_desk.address, path, staff.sessions["ann"]).text
        assert not re.search(r">\s*b[12]\s*<|\bb2\b", told)  # a token's digits are no name
    token = form_token(at_desk.address, staff, "ann")
    form = {"form_token": token, "kind": "contacted", "key": "k" * 20}
    answer = posted(at_desk.address, "/list/2024-12-31.1:2/actions", form, staff.sessions["ann"])
    assert answer.status_code == 403
    assert ("ann", "contacted", "b1") not in recorded(staff)


def test_a_supervisor_chooses_a_panel_and_looks_for_a_patient(at_desk: Desk, staff: Manned) -> None:
    at_desk.keep(staff.sessions["sue"])
    page = at_desk.open("/")
    assert shown(page) == ["a1", "b1", "a2", "b2"]
    page.get_by_text("Choose whom to see").click()
    page.get_by_label("Panel").select_option("Panel 2")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The list of panel 2")
    assert shown(page) == ["b1", "b2"]
    page.get_by_label("Patient id").fill("B2")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert shown(page) == ["b2"]
    page.get_by_label("Why on the list").select_option("Recently discharged")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".state")).to_contain_text("Nobody fits these choices")
    page.get_by_role("link", name="Show all who are to be called").click()
    assert shown(page) == ["a1", "b1", "a2", "b2"]


def test_whoever_is_first_among_a_choice_is_not_said_to_be_called_first(
    at_desk: Desk, staff: Manned
) -> None:
    at_desk.keep(staff.sessions["sue"])
    page = at_desk.open("/?manager=2")
    expect(page.locator(".tag")).to_have_count(1)
    for narrowed in ("tier=high", "queue=high+cost", "find=b", "sort=high+cost+risk", "status=any"):
        at_desk.open(f"/?{narrowed}")
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.locator(".tag")).to_have_count(0)


def test_a_long_list_is_turned_page_by_page(own: Manned, browser) -> None:
    opened = Database.open(database_url(own.home))
    everybody = [f"q{n:03}" for n in range(1, 2 * ON_A_PAGE + 2)]
    publish(opened, dict.fromkeys(everybody, 1), NIGHT + timedelta(days=1))
    opened.close()
    with listening(create_app(own.home)) as told, desk(browser, told) as made:
        made.keep(own.sessions["sue"])
        page, seen = made.open("/?manager=1"), []
        expect(page.locator(".heading")).to_contain_text(f"{len(everybody)} patients to call")
        for _ in range(3):
            seen += shown(page)
            if (further := page.get_by_role("link", name="Next 50 places")).count():
                further.click()
                page.wait_for_url("**after=*")
                expect(page.locator("tbody .id").first).not_to_have_text(seen[-ON_A_PAGE])
        assert seen == everybody
        assert page.get_by_role("link", name="Next 50 places").count() == 0


def test_each_look_is_in_the_record_before_it_is_shown(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    anew.open("/?find=a2")
    anew.open("/?find=nobody")
    anew.open("/?manager=2")
    opened = Database.open(database_url(fresh.home))
    told = [(row["who"], row["what"], row["patient_id"]) for row in rows(opened, audit)]
    opened.close()
    assert told == [("ann", "worklist", "a2"), ("ann", "worklist", None), ("ann", "refused", None)]


def test_sensitive_reasons_are_withheld_as_the_api_withholds_them(
    own: Manned,
) -> None:
    """`eva` may see sensitive matters, ann may not; both have panel 1."""
    opened = Database.open(database_url(own.home))
    with opened.writing() as connection:
        connection.execute(
            reason.insert().values(
                run_id="2024-12-31.1", patient_id="a2", task="high-cost", position=0,
                concept="psychiatric stays", words="1 psychiatric stay in the last 365 days",
                share=0.9, direction="raises", actionable=False, sensitive="mental health",
            )
        )  # fmt: skip
    opened.close()
    with listening(create_app(own.home)) as told:
        for who, sees in (("ann", False), ("eva", True)):
            page = got(told, "/", own.sessions[who]).text
            assert ("1 psychiatric stay" in page) == sees, who


def test_when_everybody_has_been_called_the_page_says_so(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["bob"])
    page = anew.open("/")
    for one in ("b1", "b2"):
        page.get_by_role("button", name=f"Record: {one} was reached").click()
        expect(page.get_by_role("status")).to_contain_text(f"({one})")
    expect(page.locator(".state")).to_contain_text("Everybody on this list has been called")
    page.get_by_role("link", name="Show what was recorded").click()
    assert shown(page) == ["b1", "b2"]
    assert page.locator(".record button").all_inner_texts() == ["Undo", "Undo"]


def test_before_the_first_night_and_while_the_service_is_silent(
    browser, tmp_path, staff: Manned
) -> None:
    home = Home(tmp_path / "home")
    for task in ("readmission", "high-cost"):
        write_quick_model(home.models / task, task)
    home.make()
    opened = Database.open(database_url(home))
    add_account(opened, "ann", "case_manager", PASSWORD, PasswordHashing(), manager=1)
    opened.close()
    with listening(create_app(home)) as told, desk(browser, told) as made:
        page = made.sign_in("ann", PASSWORD)
        expect(page.locator("main")).to_contain_text("No list has been published yet")
    silent = settings_of({"silent": True})
    with listening(create_app(staff.home, silent)) as told, desk(browser, told) as made:
        made.keep(staff.sessions["ann"])
        page = made.open("/")
        expect(page.locator("main")).to_contain_text("This service is on trial")
        assert not re.search(r"\ba1\b", page.content())


def test_a_list_of_real_people_that_is_old_says_so_on_every_page(
    own: Manned,
) -> None:
    opened = Database.open(database_url(own.home))
    store = Store(opened)
    night = a_night("a1", "a2")
    told = manifest(data={"origin": "own", "generation": "g"})
    store.publish(store.start(NIGHT), night[0], night[1], night[2], told, night[4])
    opened.close()
    with listening(create_app(own.home)) as at:
        for path in ("/", "/model", "/runs"):
            page = got(at, path, own.sessions["sue"]).text
            assert "This list is of 2024-12-31, " in page, path


NOON = datetime(2025, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "words", "mark"),
    [(-49, "Overdue by 2 days", "overdue"), (-3, "Overdue by 3 h", "overdue"),
     (0, "Overdue by 1 h", "overdue"), (2, "Today by 08:00", "today"),
     (17, "Today by 23:00", "today"), (18, "Tomorrow by 00:00", "later"),
     (66, "Sunday, 5 January 2025, by 00:00", "later")],
)  # fmt: skip
def test_when_a_call_is_due_is_told_in_the_zone_in_which_one_reads(
    hours: int, words: str, mark: str
) -> None:
    """Noon in UTC is six o'clock in Chicago."""
    told = due(NOON + timedelta(hours=hours), ZoneInfo("America/Chicago"), NOON)
    assert (told.words, told.mark) == (words, mark)


def test_a_risk_in_words_is_no_certainty_where_it_is_none() -> None:
    assert [in_100(risk) for risk in (0.0, 0.0049, 0.005, 0.215, 0.9949, 0.995, 1.0)] == [
        "under 1 in 100", "under 1 in 100", "1 in 100", "22 in 100", "99 in 100",
        "over 99 in 100", "over 99 in 100",
    ]  # fmt: skip


def test_what_is_due_and_what_changed_is_told_where_the_list_says_it(own: Manned) -> None:
    service = Service(own.home, ServiceSettings())
    service.start()
    [one, _] = places(service, Principal("ann", "case_manager", 1), Asked()).page.patients
    service.stop()
    words = ["as of 27 December: last albumin outside the usual limits", "2 hospital discharges"]
    told = one.model_copy(
        update={"due_at": NOON - timedelta(hours=3), "change": "new", "why": words,
                "change_why": "discharged yesterday", "discharged_on": NIGHT}
    )  # fmt: skip
    plain, full = (row_of(o, NIGHT, horizons_of_run({}), ZoneInfo("UTC"), NOON)
                   for o in (one, told))  # fmt: skip
    assert (plain.due, plain.change, plain.change_why) == (None, "", "")
    assert full.due == Due("Overdue by 3 h", "overdue")
    assert (full.change, full.change_why) == ("New since yesterday", "Discharged yesterday.")
    assert full.why == "Last albumin outside the usual limits (as of 27 December)."
    assert full.more == "2 hospital discharges."
    assert full.facts == "High cost ahead; discharged on 31 December 2024"
    assert plain.facts == "High cost ahead"
