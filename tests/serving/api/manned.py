"""A home with two quick models, one published night for two case managers, and somebody in every
role, so that what each may is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd
import sqlalchemy as sa

from data.home import Home
from serving.access.accounts import add_account
from serving.access.passwords import PasswordHashing
from serving.access.roles import MATTERS
from serving.access.sessions import SessionSettings, begin_session
from serving.store import ENTRY_COLUMNS, Store
from serving.store.database import Database, database_url
from tests.serving.a_night import NIGHT, a_night
from tests.serving.client import a_token
from tests.serving.quick import write_quick_model

PASSWORD = "a long enough pass phrase"
PANELS = {"ann": 1, "bob": 2}
OTHERS = {"sue": "supervisor", "ida": "analyst", "max": "admin"}


@dataclass(frozen=True)
class Manned:
    """`sessions` holds a token of each account, `tokens` of programs."""

    home: Home
    sessions: Mapping[str, str]
    tokens: Mapping[str, str]

    def header(self, who: str) -> dict[str, str]:
        token = self.sessions.get(who) or self.tokens[who]
        return {"authorization": f"Bearer {token}"}


def manifest(**more: object) -> dict[str, object]:
    about = {"version": "0f8fad5bd9cb469f", "horizon_days": 365}
    return {
        "capacity": {"managers": 2, "slots": 2}, "warnings": [],
        "models": {"readmission": about | {"horizon_days": 30}, "high-cost": about},
        "data": {"origin": "invented", "generation": "g"},
    } | more  # fmt: skip


def publish(database: Database, places: Mapping[str, int], day: date = NIGHT) -> str:
    """Publishes a night: each patient at a place of the manager's list, in this order."""
    store = Store(database)
    scores, told, _, _, known = a_night(*places)
    entries = pd.DataFrame(
        [(n, manager, p, "high", "high cost") for n, (p, manager) in enumerate(places.items(), 1)],
        columns=list(ENTRY_COLUMNS),
    )
    run_id = store.start(day)
    store.publish(run_id, scores, told, entries, manifest(), known)
    return run_id


def manned(home: Home) -> Manned:
    """Fills a new home: patients a1, a2 in ann's panel, b1, b2 in bob's."""
    for task in ("readmission", "high-cost"):
        write_quick_model(home.models / task, task)
    home.make()
    database = Database.open(database_url(home))
    publish(database, {"a1": 1, "b1": 2, "a2": 1, "b2": 2})
    hashing = PasswordHashing()
    for name, manager in PANELS.items():
        add_account(database, name, "case_manager", PASSWORD, hashing, manager=manager)
    for name, role in OTHERS.items():
        add_account(database, name, role, PASSWORD, hashing)
    add_account(database, "eva", "case_manager", PASSWORD, hashing, manager=1, matters=MATTERS)
    now, sessions = datetime.now(UTC), {}
    for name in (*PANELS, *OTHERS, "eva"):
        with database.writing() as connection:
            sessions[name] = begin_session(connection, name, SessionSettings(), now)
    tokens = {
        "all": a_token(database),
        **{f"scope {scope}": a_token(database, scope)
           for scope in ("score", "patients", "worklist", "actions", "fhir", "cds", "metrics",
                         "runs", "team")},
    }  # fmt: skip
    database.close()
    return Manned(home, sessions, tokens)


def rows(database: Database, table: sa.Table) -> list[dict[str, object]]:
    with database.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table))]
