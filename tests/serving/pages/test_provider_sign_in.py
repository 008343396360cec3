"""Signing in with an identity provider, a real one on this machine: the way there and back in a
real browser, and every way in which nobody is let in."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from data.errors import InputError
from serving.access.session_cookie import NAME
from serving.app import create_app
from serving.pages import provider_trip
from serving.pages.provider_trip import TRIP
from serving.settings import ServiceSettings, settings_of
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.access.code_provider import CLIENT, SECRET, CodeProvider
from tests.serving.access.identity_provider import ROLES
from tests.serving.api.manned import Manned, rows
from tests.serving.pages.asking import got
from tests.serving.pages.browser import desk, listening
from tests.serving.pages.test_manners import serious
from tests.serving.pages.visitor import Visitor
from tests.serving.served import free_port

NOT_CONFIRMED = "did not confirm this sign-in"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def standing(port: int) -> Iterator[CodeProvider]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1,localhost")
        made = CodeProvider(f"http://127.0.0.1:{port}/sign-in/open-id")
        yield made
        made.stop()


@pytest.fixture
def provider(standing: CodeProvider) -> CodeProvider:
    standing.made_right()
    return standing


def settings(provider: CodeProvider, **more: object) -> ServiceSettings:
    place = urlsplit(provider.back)
    return settings_of({
        "page_url": f"{place.scheme}://{place.netloc}",
        "open_id": {"issuer": provider.issuer, "audience": "firstcall", "roles": ROLES,
                    "client_id": CLIENT, "scopes": ["openid", "roles"], **more},
    })  # fmt: skip


@pytest.fixture(scope="module")
def address(standing: CodeProvider, staff: Manned, port: int) -> Iterator[str]:
    with listening(create_app(staff.home, settings(standing)), port) as told:
        yield told


def recorded(staff: Manned) -> list[tuple[object, object, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        return [(row["who"], row["role"], row["what"]) for row in rows(opened, audit)]
    finally:
        opened.close()


def test_in_a_browser_there_and_back_to_where_one_was(browser, provider, address: str) -> None:
    provider.changed = {"roles": ["fc-nurse"], "firstcall_manager": 1, "name": "Maria Gómez"}
    with desk(browser, address, bypass_csp=False) as made:
        page = made.open("/?tier=high&status=any")
        page.get_by_role("button", name="Sign in with localhost").click()
        page.get_by_role("link", name="Go on as u-4711").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My list")
        assert made.path == "/?tier=high&status=any"
        names = {one["name"]: one for one in made.context.cookies()}
        assert (names[NAME]["sameSite"], names[NAME]["httpOnly"]) == ("Lax", True)
        assert TRIP not in names
        expect(page.get_by_text("Signed in as Maria Gómez, case manager")).to_be_visible()
        assert page.get_by_role("link", name="Your account").count() == 0  # none of this service
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_contain_text("you may still be signed in")
        made.asked = [  # the provider's pages are not ours
            one for one in made.asked if not one.startswith((provider.issuer, provider.other_host))
        ]


def test_the_page_with_the_button_bars_nobody(browser, provider, address: str) -> None:
    with desk(browser, address, bypass_csp=True, viewport={"width": 320, "height": 600}) as made:
        page = made.open("/sign-in")
        expect(page.get_by_role("button", name="Sign in with localhost")).to_be_visible()
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_role_panel_and_matters_are_as_of_a_bearer_token_and_end_with_the_session(
    provider, address: str, staff: Manned
) -> None:
    provider.changed = {"roles": ["fc-nurse"], "firstcall_manager": "1"}
    visitor = Visitor(address)
    answer = visitor.get(visitor.led_back("/?tier=high"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?tier=high")
    who = f"{provider.issuer} planted-subject"
    assert recorded(staff)[-1] == (who, "case_manager", "sign-in")
    shown = visitor.get("/")
    assert ">a1<" in shown.text
    assert visitor.get("/?manager=2").status_code == 403
    assert visitor.get("/account").status_code == 403
    assert "Times are in the zone UTC." in shown.text
    token, form = visitor.cookies[NAME], {"form_token": _form_token(shown.text)}
    left = visitor.post("/sign-out", form)
    assert left.headers["location"] == "/sign-in?out=here"
    assert got(address, "/model", token).headers["location"].startswith("/sign-in")


def _form_token(text: str) -> str:
    return text.split('name="form_token" value="')[1].split('"')[0]


# The standard claim, and the zone in which its user reads times (the site's is UTC).
ZONES = [("America/Denver", "America/Denver"), ("Mars/Olympus", "UTC"), (7, "UTC"), ("", "UTC")]


@pytest.mark.parametrize(("claimed", "read"), ZONES)
def test_times_are_told_in_the_zone_that_the_provider_says(
    provider, address: str, claimed: object, read: str
) -> None:
    provider.changed = {"roles": ["fc-nurse"], "firstcall_manager": 1, "zoneinfo": claimed}
    visitor = Visitor(address)
    visitor.get(visitor.led_back())
    assert f"Times are in the zone {read}." in visitor.get("/").text


def test_a_new_sign_in_ends_the_one_before(provider, address: str, staff: Manned) -> None:
    visitor = Visitor(address)
    visitor.cookies[NAME] = staff.sessions["eva"]
    assert visitor.get(visitor.led_back()).status_code == 303
    assert got(address, "/model", staff.sessions["eva"]).status_code == 303


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/sign-in"])
def test_it_leads_nowhere_else_afterwards(provider, address: str, back: str) -> None:
    visitor = Visitor(address)
    assert visitor.get(visitor.led_back(back)).headers["location"] == "/"


# What the ID token holds that it should not, or how it is signed, and what is told.
TOKENS = [
    ({"nonce": "another"},                        {}, "The token was made for another sign-in"),
    ({"nonce": "\ud800"},                         {}, "The token was made for another sign-in"),
    ({"nonce": None},                             {}, "not one that this service takes"),
    ({"aud": "firstcall"},                        {}, "made for another service"),
    ({"aud": [CLIENT, "b"]},                      {}, "made for another service"),
    ({"aud": [CLIENT, "b"], "azp": "b"},          {}, "made for another service"),
    ({"azp": "b"},                                {}, "made for another service"),
    ({"exp": 100},                                {}, "The token has run out"),
    ({"iat": None},                               {}, "not one that this service takes"),
    ({"iss": "https://evil.example"},             {}, "not from the identity provider"),
    ({"roles": ["other"]},                        {}, "gives this user no role of this service"),
    ({"roles": ["fc-nurse"]},                     {}, "does not say which panel"),
    ({},                             {"number": 1}, "not one that this service takes"),
    ({},                 {"header": {"typ": "at+jwt"}}, "not one that this service takes"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "signed", "told"), TOKENS, ids=range(len(TOKENS)))
def test_an_id_token_that_is_wrong_lets_nobody_in(
    provider, address: str, staff: Manned, caplog, changed, signed, told: str
) -> None:
    visitor, before = Visitor(address), len(recorded(staff))
    path = visitor.led_back()
    provider.changed, provider.signed = changed, signed
    with caplog.at_level(logging.INFO):
        answer = visitor.get(path)
    assert told in answer.text
    assert answer.status_code == 401
    assert set(visitor.cookies) == {"__Host-firstcall-visit"}
    assert recorded(staff)[before:] == [("nobody", "", "sign-in refused")]
    lines = [one.getMessage() for one in caplog.records]
    said = answer.text + "".join(one for one in lines if address not in one)  # this test's own
    secrets = (provider.codes[-1], provider.tokens[-1].split(".")[1], "planted")
    assert not any(one in said for one in secrets)


def test_several_audiences_are_taken_where_the_token_was_made_for_us(provider, address) -> None:
    provider.changed = {"aud": [CLIENT, "b"], "azp": CLIENT}
    visitor = Visitor(address)
    assert visitor.get(visitor.led_back()).status_code == 303


def test_a_state_that_is_not_ours_lets_nobody_in_and_no_code_is_changed(provider, address) -> None:
    visitor, before = Visitor(address), provider.asked.count("/token")
    path = visitor.led_back()
    state = parse_qs(urlsplit(path).query)["state"][0]
    for wrong in (state[::-1], "", "é"):
        answer = visitor.get(path.replace(state, wrong))
        assert (answer.status_code, "begun in another browser" in answer.text) == (400, True)
    assert provider.asked.count("/token") == before
    assert visitor.get(path).status_code == 303  # of two tabs the newer one still signs in


def test_who_began_elsewhere_cannot_end_it_here(provider, address: str) -> None:
    """Else somebody could sign another's browser in as himself."""
    path = Visitor(address).led_back()
    nothing, another = Visitor(address), Visitor(address)
    another.led_to_provider()
    for visitor in (nothing, another):
        assert "begun in another browser" in visitor.get(path).text
        assert NAME not in visitor.cookies


def test_nobody_comes_back_twice(provider, address: str) -> None:
    visitor, before = Visitor(address), provider.asked.count("/token")
    path = visitor.led_back()
    trip = visitor.cookies[TRIP]
    assert visitor.get(path).status_code == 303
    again = Visitor(address)
    again.cookies[TRIP] = trip
    answer = again.get(path)
    assert (answer.status_code, "was used before" in answer.text) == (400, True)
    assert provider.asked.count("/token") == before + 1


def test_a_cookie_that_was_changed_is_none(provider, address: str) -> None:
    visitor = Visitor(address)
    path = visitor.led_back()
    name, until, rest = visitor.cookies[TRIP].split(".", 2)
    for made_up in (f"{name}.{int(until) + 1}.{rest}", "", "x", "...", f"{name}.{until}"):
        visitor.cookies[TRIP] = made_up
        assert visitor.get(path).status_code == 400


def test_who_takes_too_long_begins_anew(provider, address: str, monkeypatch) -> None:
    monkeypatch.setattr(provider_trip, "LASTS", timedelta(seconds=1))
    visitor = Visitor(address)
    path = visitor.led_back()
    time.sleep(1.1)
    assert "too long ago" in visitor.get(path).text


def test_another_s_code_lets_nobody_in(provider, address: str) -> None:
    """It was given for another proof: PKCE."""
    visitor, theirs = Visitor(address), Visitor(address).led_back()
    mine = parse_qs(urlsplit(visitor.led_back()).query)
    code = parse_qs(urlsplit(theirs).query)["code"][0]
    answer = visitor.get(f"/sign-in/open-id?code={code}&state={mine['state'][0]}")
    assert (answer.status_code, NOT_CONFIRMED in answer.text) == (401, True)
    assert code not in answer.text


@pytest.mark.parametrize("query", ["", "&code=", f"&code={'x' * 5000}", "&code=made-up"])
def test_without_a_code_nobody_is_let_in(provider, address: str, query: str) -> None:
    visitor = Visitor(address)
    state = parse_qs(urlsplit(visitor.led_back()).query)["state"][0]
    answer = visitor.get(f"/sign-in/open-id?state={state}{query}")
    assert (answer.status_code, NOT_CONFIRMED in answer.text) == (401, True)


def test_who_breaks_off_at_the_provider_is_told_so(provider, address: str) -> None:
    for error, told in (("access_denied", "you broke off there"), ("server_error", "could not")):
        provider.error = error
        visitor = Visitor(address)
        answer = visitor.get(visitor.led_back())
        assert (answer.status_code, told in answer.text) == (401, True)


def test_an_answer_in_the_name_of_another_provider_is_none(provider, address: str) -> None:
    visitor = Visitor(address)
    path = visitor.led_back()
    iss = parse_qs(urlsplit(path).query, keep_blank_values=True)["iss"][0]
    assert iss == provider.issuer
    answer = visitor.get(path.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example")
    assert (answer.status_code, "could not sign you in" in answer.text) == (401, True)


def test_the_button_needs_the_form_of_this_very_visit(provider, address: str) -> None:
    answer = Visitor(address).post("/sign-in/open-id", {"next": "/"})
    assert "did not send back the cookie" in answer.text
    visitor = Visitor(address)
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in/open-id", {"next": "/", "form_token": "0" * 64})
    assert (answer.status_code, "Please send it again" in answer.text) == (400, True)
    token = _form_token(visitor.get("/sign-in").text)
    elsewhere = {"origin": "https://elsewhere.example"}
    assert visitor.post("/sign-in/open-id", {"form_token": token}, **elsewhere).status_code == 403


def test_from_another_name_of_the_service_it_says_where_to_sign_in(provider, address) -> None:
    visitor = Visitor(address.replace("127.0.0.1", "localhost"))
    answer = visitor.led_to_provider()
    assert answer.status_code == 400
    assert f"Open {address}/ and sign in there" in answer.text


# What a provider tells of itself that is not to be believed.
DOCUMENTS = [
    {"authorization_endpoint": "http://evil.example/authorize"},
    {"authorization_endpoint": None},
    {"issuer": "https://evil.example"},
]


@pytest.mark.parametrize("otherwise", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_nobody_is_led_where_no_https_address_is_told(
    provider, staff: Manned, otherwise: dict[str, object]
) -> None:
    place = "/.well-known/openid-configuration"
    provider.documents[place] = provider.document(place) | otherwise
    with listening(create_app(staff.home, settings(provider))) as told:
        answer = Visitor(told).led_to_provider()
    assert (answer.status_code, "does not answer as it should" in answer.text) == (503, True)
    assert answer.headers["retry-after"] == "10"
    assert 'action="/sign-in"' in answer.text  # the accounts of this service are there still


def test_a_provider_that_is_down_is_said_to_be(provider, address: str) -> None:
    visitor = Visitor(address)
    path = visitor.led_back()
    provider.stop()
    try:
        answer = visitor.get(path)
    finally:
        provider.start_again()
    assert (answer.status_code, "does not answer as it should" in answer.text) == (503, True)
    assert visitor.get(visitor.led_back()).status_code == 303


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_a_service_with_a_secret_shows_it_as_the_provider_takes_it(
    provider, staff: Manned, methods: list[str], caplog
) -> None:
    (staff.home.root / "open-id.secret").write_text(f"{SECRET}\n")
    provider.secret, provider.methods = SECRET, methods
    with_it = settings(provider, client_secret_file="open-id.secret")
    with listening(create_app(staff.home, with_it)) as told:
        visitor = Visitor(told)
        assert visitor.get(visitor.led_back()).status_code == 303
        provider.secret = "another"
        with caplog.at_level(logging.INFO):
            answer = visitor.get(visitor.led_back())
    assert NOT_CONFIRMED in answer.text
    assert "invalid_client" in caplog.text
    assert SECRET not in caplog.text + answer.text


def test_a_secret_that_is_not_there_stops_the_service(provider, staff: Manned) -> None:
    with pytest.raises(InputError, match="client_secret_file names cannot be read"):
        create_app(staff.home, settings(provider, client_secret_file="none"))


def test_a_session_is_over_where_nobody_could_sign_in_like_this_any_more(
    provider, address: str, staff: Manned
) -> None:
    visitor = Visitor(address)
    visitor.get(visitor.led_back())
    token = visitor.cookies[NAME]
    assert got(address, "/runs", token).status_code == 200
    others = (
        ServiceSettings(),
        settings(provider, issuer="https://id.hospital.example"),
        settings(provider, client_id=None),
        settings(provider, roles={"fc-nurse": "case_manager"}),
    )
    for other in others:
        with listening(create_app(staff.home, other)) as told:
            assert got(told, "/runs", token).headers["location"].startswith("/sign-in")
