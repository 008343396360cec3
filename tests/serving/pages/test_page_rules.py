"""Who may open which page, from the routes themselves; what a cookie opens and what it does not."""

from __future__ import annotations

import itertools
from pathlib import Path

import httpx
import pytest

from data.home import Home
from serving.api.rules import RULES, GuardedRoute
from serving.app import create_app
from serving.pages.page_route import PageRoute
from serving.pages.rules import PAGE_RULES
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.api.manned import Manned, rows
from tests.serving.api.test_access_matrix import ENTRY, MANAGER
from tests.serving.pages.asking import cookie, form_token, got, posted

PEOPLE = ("ann", "bob", "sue", "ida", "max")
NOBODY = "nobody"

# as in tests.serving.api.test_access_matrix: of both panels, and of the own one alone
BOTH, OWN = (
    {
        "GET /": ("sue",),
        "POST /list/{entry_id}/actions": ("sue",),
        "GET /patients/{patient_id}": ("sue",),
        "GET /patients/{patient_id}/evidence": ("sue",),
        "POST /patients/{patient_id}/actions": ("sue",),
        "GET /team": ("sue",),
        "GET /team/unlisted": ("sue",),
        "POST /team/moves": ("sue",),
        "POST /team/moves/{move_id}/undo": ("sue",),
        "GET /model": PEOPLE,
        "GET /runs": ("sue", "ida", "max"),
        "GET /account": PEOPLE,
        "POST /account": PEOPLE,
        "GET /sign-in": (*PEOPLE, NOBODY),
        "POST /sign-in": (*PEOPLE, NOBODY),
        "GET /sign-in/open-id": (*PEOPLE, NOBODY),
        "POST /sign-in/open-id": (*PEOPLE, NOBODY),
        "POST /sign-out": PEOPLE,
        "GET /static/{name}": (*PEOPLE, NOBODY),
    },
    {
        "GET /": ("ann", "bob"),
        "POST /list/{entry_id}/actions": ("ann", "bob"),
        "GET /patients/{patient_id}": ("ann", "bob"),
        "GET /patients/{patient_id}/evidence": ("ann", "bob"),
        "POST /patients/{patient_id}/actions": ("ann", "bob"),
    },
)
EVIDENCE = "GET /patients/{patient_id}/evidence"


def routes() -> list[GuardedRoute]:
    app = create_app(Home(Path("nowhere")))
    return [route for route in app.routes if isinstance(route, GuardedRoute)]


def test_the_table_and_the_rules_name_the_very_pages_that_there_are() -> None:
    pages = [f"{m} {r.path}" for r in routes() if isinstance(r, PageRoute) for m in r.methods]
    assert sorted(pages) == sorted(BOTH) == sorted(f"{m} {p}" for m, p in PAGE_RULES)
    assert set(OWN) == {f"{m} {p}" for (m, p), rule in PAGE_RULES.items() if rule.own_panel}


def asked(address: str, staff: Manned, who: str, route: str, panel: int) -> httpx.Response:
    method, path = route.split(" ", 1)
    patient = {1: "a1", 2: "b1"}[panel]
    path = path.format(
        entry_id=ENTRY[panel], name="pages.css", move_id="0" * 32, patient_id=patient
    )
    if route == EVIDENCE:
        path += "?concept=drugs"
    if route == "GET /":
        path = f"/?manager={panel}"
    token = staff.sessions.get(who)
    if method == "GET":
        return got(address, path, token)
    form = {"form_token": form_token(address, staff, who) if token else "", "kind": "no_answer",
            "key": f"key{who}{panel}00000000", "entry_id": ENTRY[panel]}  # fmt: skip
    return posted(address, path, form, token)


@pytest.mark.parametrize("route", BOTH)
def test_who_is_answered_at_a_page(address: str, staff: Manned, route: str) -> None:
    for who, panel in itertools.product((*PEOPLE, NOBODY), (1, 2)):
        if route == "POST /sign-out" and who != NOBODY:
            continue  # ends the session: tests.serving.pages.test_sign_in
        answer = asked(address, staff, who, route, panel)
        may = who in BOTH[route] or (who in OWN.get(route, ()) and MANAGER[who] == panel)
        if route == "GET /" and who in ("ida", "max"):
            assert (answer.status_code, answer.headers["location"]) == (303, "/model")
            continue
        to_sign_in = answer.headers.get("location", "").startswith("/sign-in")
        told = (who, panel, answer.status_code)
        assert (answer.status_code == 403 or to_sign_in) != may, told
        assert to_sign_in == (who == NOBODY and not may), told
        assert answer.status_code < 500 or (may and route == EVIDENCE)  # nothing was taken in here
        if not may:
            assert not any(f">{one}<" in answer.text for one in ("a1", "a2", "b1", "b2"))


@pytest.mark.parametrize("who", ["ida", "max"])
def test_whom_the_list_is_not_for_is_led_to_his_own_first_page_and_denied_nobody(
    address: str, staff: Manned, who: str
) -> None:
    before = len(looks(staff))
    for path in ("/", "/?manager=2", "/?find=a1"):
        answer = got(address, path, staff.sessions[who])
        assert (answer.status_code, answer.headers["location"]) == (303, "/model")
        assert answer.text == ""
    assert len(looks(staff)) == before
    page = got(address, "/nothing", staff.sessions[who]).text
    assert '<a class="button" href="/model">To the first page</a>' in page


def looks(staff: Manned) -> list[dict[str, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        return rows(opened, audit)
    finally:
        opened.close()


def test_a_cookie_opens_no_route_of_the_api(address: str, staff: Manned) -> None:
    """They take no token of a form: a page elsewhere could send them with somebody's cookie."""
    for (method, path), rule in RULES.items():
        if rule.is_open:
            continue
        asked = path.format(patient_id="a1", entry_id=ENTRY[1], service_id="x", move_id="0" * 32)
        json = {"kind": "contacted"} if method == "POST" else None
        answer = httpx.request(
            method, address + asked, headers=cookie(staff.sessions["sue"]), json=json
        )
        assert answer.status_code == 401, (method, path)
    health = httpx.get(f"{address}/health", headers=cookie(staff.sessions["max"])).json()
    assert set(health) == {"status", "published"}


def test_a_page_is_answered_to_a_session_in_the_cookie_and_to_nothing_else(
    address: str, staff: Manned
) -> None:
    by_header = got(address, "/model", None, authorization=f"Bearer {staff.sessions['sue']}")
    of_a_program = got(address, "/model", staff.tokens["all"])
    for answer in (by_header, of_a_program, got(address, "/model", "fcs_made-up")):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2Fmodel")


def test_programs_are_answered_at_the_api_as_before(address: str, staff: Manned) -> None:
    """What is not there is told in the form of whoever asks."""
    header = staff.header("scope runs")
    for path in ("/nothing", "/v1/nothing"):
        unknown = httpx.get(address + path, headers=header)
        assert unknown.status_code == 404
        assert unknown.headers["content-type"] == "application/problem+json"
        assert httpx.get(address + path).status_code == 401
    opened = got(address, "/v1/worklist")  # a browser's Accept makes no page of it
    assert opened.headers["content-type"] == "application/problem+json"
    page = got(address, "/purple47zq11", staff.sessions["ann"])
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "47zq11" not in page.text


def test_openapi_tells_of_no_page(address: str, staff: Manned) -> None:
    told = httpx.get(f"{address}/openapi.json", headers=staff.header("max")).json()
    assert not {path for _, path in PAGE_RULES} & set(told["paths"])
