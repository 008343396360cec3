"""A form counts only where a page of this service made it for this session; headers of pages."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from playwright.sync_api import expect

from serving.access.session_cookie import NAME
from serving.pages.csrf import VISIT
from serving.pages.layout import PAGE_HEADERS
from serving.store.database import Database, database_url
from serving.store.record_tables import action, audit
from tests.serving.api.manned import PASSWORD, Manned, rows
from tests.serving.pages.asking import TOKEN, form_token, got, posted
from tests.serving.pages.browser import Desk

ANN_1 = "/list/2024-12-31.1:1/actions"


def sent(kind: str = "contacted", **more: str) -> dict[str, str]:
    return {"kind": kind, "key": "key0000000000001", "seen": "none"} | more


def test_without_the_token_of_this_very_session_nothing_is_recorded(
    address: str, staff: Manned
) -> None:
    of_sue = form_token(address, staff, "sue")
    plain = hmac.new(b"", staff.sessions["ann"].encode(), hashlib.sha256).hexdigest()
    for token in ("", of_sue, plain, form_token(address, staff, "ann")[:-1], "\u00e4" * 64):
        answer = posted(address, ANN_1, sent(form_token=token), staff.sessions["ann"])
        assert answer.status_code == 403
        assert "This page is from an earlier sign-in" in answer.text
    answer = posted(address, "/sign-out", {}, staff.sessions["ann"])
    assert answer.status_code == 403
    assert got(address, "/model", staff.sessions["ann"]).status_code == 200
    opened = Database.open(database_url(staff.home))
    assert not rows(opened, action)
    refused = [row for row in rows(opened, audit) if row["what"] == "refused"]
    opened.close()
    assert refused == []  # a tab that lay open denies nobody a look


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
     {"origin": "https://elsewhere.example"}, {"origin": "null"}, {"origin": "http://[::1"},
     {"origin": "http://127.0.0.1:1"}],
)  # fmt: skip
def test_a_form_from_elsewhere_is_refused_whatever_it_carries(
    address: str, staff: Manned, headers: dict[str, str]
) -> None:
    token = form_token(address, staff, "ann")
    answer = posted(address, ANN_1, sent(form_token=token), staff.sessions["ann"], **headers)
    assert answer.status_code == 403
    assert "This form was not made by a page of this service" in answer.text
    opened = Database.open(database_url(staff.home))
    [*_, last] = rows(opened, audit)
    opened.close()
    assert (last["who"], last["what"], last["patient_id"]) == ("ann", "refused", "a1")


def test_a_sign_in_from_elsewhere_is_refused(address: str) -> None:
    """Nobody is to be signed in as somebody else without noticing."""
    page = got(address, "/sign-in")
    visit = page.cookies.get(VISIT) or page.headers["set-cookie"].partition("=")[2].split(";")[0]
    token = TOKEN.search(page.text)
    assert token is not None
    form = {"name": "ann", "password": PASSWORD}
    for more, cookie, headers, status in (
        ({}, visit, {}, 400),
        ({"form_token": token[1]}, "another-visit", {}, 400),
        ({"form_token": token[1]}, visit, {"sec-fetch-site": "cross-site"}, 403),
    ):
        told = {"cookie": f"{VISIT}={cookie}"} | headers
        answer = posted(address, "/sign-in", form | more, None, **told)
        assert answer.status_code == status
        assert ("Please send it again" in answer.text) == (status == 400)
        assert NAME + "=" not in answer.headers.get("set-cookie", "")
    right = posted(address, "/sign-in", form | {"form_token": token[1]}, None,
                   cookie=f"{VISIT}={visit}")  # fmt: skip
    assert right.status_code == 303
    assert f"{NAME}=fcs_" in right.headers["set-cookie"]


def test_a_page_of_another_port_cannot_send_a_form(at_desk: Desk, staff: Manned) -> None:
    """A real browser, on a page of the same machine that is not ours (an empty document)."""
    at_desk.keep(staff.sessions["ann"])
    token = form_token(at_desk.address, staff, "ann")
    page = at_desk.open("/static/mark.svg")
    page.goto("data:text/html,<form method=post><input name=form_token><button>x</button></form>")
    page.locator("form").evaluate("(form, to) => { form.action = to }", at_desk.address + ANN_1)
    page.locator("input").fill(token)
    page.get_by_role("button").click()
    page.wait_for_url(f"{at_desk.address}/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")  # SameSite: no cookie came
    at_desk.asked[:] = [one for one in at_desk.asked if not one.startswith("data:")]
    at_desk.open("/model")
    expect(page.get_by_role("heading", level=1)).to_have_text("Model")  # and the session stays


@pytest.mark.parametrize("path", ["/sign-in", "/", "/model", "/runs", "/nothing", "/?tier=purple"])
def test_headers_of_every_page(address: str, staff: Manned, path: str) -> None:
    answer = got(address, path, staff.sessions["sue"])
    policy = answer.headers["content-security-policy"]
    assert policy == PAGE_HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none';")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert " style=" not in answer.text
    assert "<script" not in answer.text


def test_style_may_be_kept_and_is_named_by_what_it_holds(address: str) -> None:
    page = got(address, "/sign-in").text
    at = page.partition('href="/static/pages.css')[2].partition('"')[0]
    answer = got(address, f"/static/pages.css{at}")
    assert "immutable" in answer.headers["cache-control"]
    assert at == f"?v={hashlib.sha256(answer.content).hexdigest()[:12]}"
    assert got(address, "/static/words.toml").status_code == 404
    assert got(address, "/static/..%2Fwords.toml").status_code in (303, 404)


def test_what_does_not_fit_is_said_on_a_page_that_repeats_nothing(
    address: str, staff: Manned
) -> None:
    token, ann = form_token(address, staff, "ann"), staff.sessions["ann"]
    for form in ({"kind": "purple47zq11"}, {"key": "47zq11/47zq11/47zq11"}, {"seen": "47zq11"},
                 {"undoes": "47zq11"}):  # fmt: skip
        answer = posted(address, ANN_1, sent(form_token=token) | form, ann)
        assert answer.status_code == 422
        assert "Something in this request does not fit" in answer.text
        assert "47zq11" not in answer.text
    for query in ("tier=47zq11", "status=47zq11", "at=47zq11", "recorded=47zq11", "after=47zq11",
                  "manager=-47zq11", f"find={'47zq11' * 30}"):  # fmt: skip
        answer = got(address, f"/?{query}", ann)
        assert answer.status_code == 422
        assert "47zq11" not in answer.text
    many = {f"field{n}": "x" for n in range(60)} | {"form_token": token}
    assert posted(address, ANN_1, many, ann).status_code == 400
    long = sent(form_token=token, more="x" * 70_000)
    assert posted(address, ANN_1, long, ann).status_code == 413


def test_a_form_of_an_earlier_sign_in_says_so_and_denies_nobody_a_look(
    anew: Desk, fresh: Manned
) -> None:
    """Two tabs of one browser: in the second one somebody signed in anew."""
    page = anew.sign_in("ann", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("My list")
    other = anew.context.new_page()
    other.goto(anew.address + "/sign-in")
    other.get_by_label("Name").fill("ann")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("My list")
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "This page is from an earlier sign-in"
    )
    expect(page.locator("main")).to_contain_text("Nothing was recorded. Open the list again.")
    opened = Database.open(database_url(fresh.home))
    told = [row["what"] for row in rows(opened, audit)]
    assert not rows(opened, action)
    opened.close()
    assert "refused" not in told


def test_an_open_page_that_fails_is_signed_by_nobody(address: str, staff: Manned) -> None:
    answer = got(address, "/static/nothing.css", staff.sessions["ann"])
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "Signed in as" not in answer.text
    assert "Sign out" not in answer.text


def test_a_host_name_that_is_not_known_is_told_with_what_to_do(address: str) -> None:
    answer = got(address, "/sign-in", None, host="firstcall.hospital.example")
    assert answer.status_code == 400
    assert "This service does not know the address" in answer.text
    assert "FIRSTCALL_HOSTS" in answer.text
    assert "hospital.example" not in answer.text
