"""Accounts and service tokens: what may be made, and what is told of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from data.errors import InputError
from serving.access.accounts import (
    accounts,
    add_account,
    change_account,
    disable,
    enable,
    has_anybody,
    login_name,
    set_password,
    unlock,
)
from serving.access.roles import MATTERS, ROLES, SCOPES, NotSignedInError, Principal
from serving.access.service_tokens import (
    add_token,
    principal_of_token,
    revoke_token,
    service_tokens,
)
from serving.store.database import Database

PASSWORD = "three plain words"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_account_is_read_back_as_it_was_made(database, hashing):
    assert not has_anybody(database)
    made = add_account(
        database, " Ann.Lee ", "case_manager", PASSWORD, hashing,
        manager=3, matters=["HIV", "mental health"], display_name="Ann Lée",
        time_zone=" america/new york ",
    )  # fmt: skip
    bob = add_account(database, "bob", "admin", PASSWORD, hashing)
    assert accounts(database) == [made, bob]
    assert made.created_at.tzinfo is UTC
    assert (made.name, made.display_name, bob.display_name) == ("ann.lee", "Ann Lée", "bob")
    assert made.principal == Principal(
        "ann.lee", "case_manager", 3, matters=frozenset(("HIV", "mental health")),
        zone="America/New_York",
    )  # fmt: skip
    assert bob.principal.zone is None
    assert has_anybody(database)


# What does not fit, and what is said.
UNFIT = [
    ({"name": "ann lee"},                      "'ann lee' cannot be the name"),
    ({"name": ""},                             "cannot be the name"),
    ({"name": "a" * 65},                       "cannot be the name"),
    ({"name": "a\x00b"},                       "cannot be the name"),
    ({"name": "\N{KELVIN SIGN}im"},            "cannot be the name"),  # lower case: k
    ({"role": "service"},                      "'service' is not a role of an account"),
    ({"role": "nurse"},                        "'nurse' is not a role"),
    ({"role": "case_manager"},                 "needs the number of his panel"),
    ({"manager": 1},                           "nobody else has one"),
    ({"role": "case_manager", "manager": 0},   "numbered from 1"),
    ({"role": "case_manager", "manager": 2**31}, "numbered from 1"),
    ({"matters": ["diabetes"]},                "'diabetes' is not a sensitive matter; there"),
    ({"password": "short"},                    "too short"),
    ({"display_name": "A\nB"},                 "can be printed"),
    ({"time_zone": "Denver"},                  "--time-zone: 'Denver' names no time zone of the"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), UNFIT)
def test_what_does_not_fit_makes_no_account(database, hashing, change, said):
    fields = {"name": "ann", "role": "supervisor", "password": PASSWORD} | change
    with pytest.raises(InputError, match=said):
        add_account(database, hashing=hashing, **fields)
    assert accounts(database) == []


def test_a_name_is_given_once_whatever_its_case(database, hashing):
    first = add_account(database, "ann", "analyst", PASSWORD, hashing)
    with pytest.raises(InputError, match="There is an account 'ann' already"):
        add_account(database, "ANN", "admin", PASSWORD, hashing)
    assert accounts(database) == [first]


def test_accounts_and_tokens_share_their_names(database, hashing):
    """In the record, and among idempotency keys, the name alone says who it was."""
    add_account(database, "ann", "analyst", PASSWORD, hashing)
    with pytest.raises(InputError, match="There is an account 'ann' already"):
        add_token(database, "Ann", ["score"], date(2026, 3, 3), now=NOON)
    assert service_tokens(database) == []
    add_token(database, "ehr", ["score"], date(2026, 3, 3), now=NOON)
    revoke_token(database, "ehr", now=NOON)
    with pytest.raises(InputError, match="There is, or was, a service token 'ehr'"):
        add_account(database, "EHR", "analyst", PASSWORD, hashing)
    assert [one.name for one in accounts(database)] == ["ann"]


def test_of_those_who_take_one_name_at_once_one_has_it(database, hashing):
    def account(name):
        add_account(database, name, "analyst", PASSWORD, hashing)

    def token(name):
        add_token(database, name, ["score"], date(2026, 3, 3), now=NOON)

    names = [f"n{n}" for n in range(12)]
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(take, name) for name in names for take in (account, token, account)]
    for name, *three in zip(names, made[::3], made[1::3], made[2::3], strict=True):
        refused = [one.exception() for one in three if one.exception() is not None]
        assert len(refused) == 2, name
        assert all(isinstance(error, InputError) for error in refused)
    held = [one.name for one in (*accounts(database), *service_tokens(database))]
    assert sorted(held) == sorted(names)


def test_role_panel_and_matters_of_an_account_can_be_changed(database, hashing):
    ann = add_account(
        database, "ann", "case_manager", PASSWORD, hashing, manager=1, matters=["HIV"]
    )
    bob = add_account(database, "bob", "admin", PASSWORD, hashing)
    for change, wanted in [
        ({"manager": 2}, ("case_manager", 2, {"HIV"})),
        ({"matters": ["violence", "mental health"]}, ("case_manager", 2, {"violence",
                                                                          "mental health"})),
        ({"role": "case_manager"}, ("case_manager", 2, {"violence", "mental health"})),
        ({"role": "supervisor"}, ("supervisor", None, {"violence", "mental health"})),
        ({"matters": []}, ("supervisor", None, set())),
        ({"role": "case_manager", "manager": 7, "matters": ["HIV"]}, ("case_manager", 7, {"HIV"})),
    ]:  # fmt: skip
        changed = change_account(database, "Ann", **change)
        assert (changed.role, changed.manager, changed.matters) == wanted
        assert accounts(database) == [changed, bob]
        assert (changed.created_at, changed.display_name) == (ann.created_at, ann.display_name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({},                                       "Say what is to be changed"),
        ({"name": "eve", "manager": 1},            "There is no account 'eve'"),
        ({"role": "nurse"},                        "'nurse' is not a role"),
        ({"role": "service"},                      "'service' is not a role of an account"),
        ({"role": "case_manager"},                 "needs the number of his panel"),
        ({"manager": 1},                           "nobody else has one"),
        ({"role": "case_manager", "manager": 0},   "numbered from 1"),
        ({"matters": ["diabetes"]},                "'diabetes' is not a sensitive matter; there"),
    ],
)  # fmt: skip
def test_what_does_not_fit_changes_nothing(database, hashing, change, said):
    ann = add_account(database, "ann", "supervisor", PASSWORD, hashing, matters=["HIV"])
    with pytest.raises(InputError, match=said):
        change_account(database, **{"name": "ann"} | change)
    assert accounts(database) == [ann]


def test_who_is_disabled_counts_as_nobody(database, hashing):
    add_account(database, "ann", "admin", PASSWORD, hashing)
    disable(database, "Ann")
    assert not has_anybody(database)
    assert accounts(database)[0].disabled
    enable(database, "ann")
    assert has_anybody(database)


def test_whoever_is_not_there_cannot_be_changed(database, hashing):
    for change in (disable, enable, unlock):
        with pytest.raises(InputError, match="There is no account 'eve'"):
            change(database, "eve")
    with pytest.raises(InputError, match="There is no account 'eve'"):
        set_password(database, "eve", PASSWORD, hashing)
    for change in (disable, enable, unlock):  # nobody's row of attempts is no account
        with pytest.raises(InputError, match="cannot be the name"):
            change(database, "")


def test_names_of_people_programs_and_foreign_users_never_meet():
    assert login_name("https://issuer.example ann") is None
    assert set(ROLES) == {"case_manager", "supervisor", "analyst", "service", "admin"}
    assert all(sentence.endswith(".") for sentence in SCOPES.values())
    assert "substance use" in MATTERS


def test_a_token_opens_through_its_last_day(database):
    token = add_token(database, "ehr", ["fhir", "cds"], date(2026, 3, 3), matters=["HIV"], now=NOON)
    wanted = Principal(
        "ehr", "service", scopes=frozenset(("fhir", "cds")), matters=frozenset(("HIV",))
    )
    last = datetime(2026, 3, 3, 23, 59, 59, tzinfo=UTC)
    assert principal_of_token(database, token, NOON) == wanted
    assert service_tokens(database)[0].last_used_on == date(2026, 3, 1)
    assert principal_of_token(database, token, last) == wanted
    assert service_tokens(database)[0].last_used_on == date(2026, 3, 3)
    with pytest.raises(NotSignedInError, match="has run out"):
        principal_of_token(database, token, last + timedelta(seconds=1))


def test_a_token_opens_while_somebody_else_writes_and_its_use_is_noted_later(database):
    token = add_token(database, "ehr", ["score"], date(2026, 3, 3), now=NOON)
    night = database if database.is_postgresql else Database.open(f"sqlite:///{database.file}")
    with night.writing():
        assert principal_of_token(database, token, NOON).name == "ehr"
    assert principal_of_token(database, token, NOON).name == "ehr"
    assert service_tokens(database)[0].last_used_on == date(2026, 3, 1)
    if night is not database:
        night.close()


def test_a_revoked_token_opens_nothing_from_then_on(database):
    token = add_token(database, "ehr", ["score"], date(2026, 3, 3), now=NOON)
    other = add_token(database, "plan", ["score"], date(2026, 3, 3), now=NOON)
    revoke_token(database, "EHR", now=NOON)
    with pytest.raises(NotSignedInError, match="was revoked"):
        principal_of_token(database, token, NOON)
    assert principal_of_token(database, other, NOON).name == "plan"
    with pytest.raises(InputError, match="no service token 'ehr' that could be revoked"):
        revoke_token(database, "ehr")
    with pytest.raises(InputError, match="There is, or was, a service token 'ehr'"):
        add_token(database, "ehr", ["score"], date(2026, 3, 3), now=NOON)
    assert [one.revoked_at for one in service_tokens(database)] == [NOON, None]


@pytest.mark.parametrize(
    ("name", "scopes", "expires_on", "said"),
    [
        ("ehr", [],          date(2026, 3, 3), "--scope: a token needs one"),
        ("ehr", ["scores"],  date(2026, 3, 3), "'scores' is not a scope; there are: score, pat"),
        ("ehr", ["score"],   date(2026, 3, 1), "1 to 366 days"),       # today
        ("ehr", ["score"],   date(2027, 3, 3), "1 to 366 days"),       # 1 March + 367 days
        ("e hr", ["score"],  date(2026, 3, 3), "cannot be the name of a service token"),
    ],
)  # fmt: skip
def test_what_does_not_fit_makes_no_token(database, name, scopes, expires_on, said):
    with pytest.raises(InputError, match=said):
        add_token(database, name, scopes, expires_on, now=NOON)
    assert service_tokens(database) == []


def test_a_token_may_last_366_days_and_has_no_matters_unless_given(database):
    token = add_token(database, "ehr", ["score"], date(2027, 3, 2), now=NOON)  # 1 March + 366
    assert principal_of_token(database, token, NOON).matters == frozenset()
