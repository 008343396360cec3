"""`firstcall store`, `firstcall audit` and `firstcall consent`, as they are typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from data.errors import InputError, RefusalError
from data.home import Home
from data.intake import take_in
from serving.store import Store, actions, consents
from serving.store.actions import NewAction
from serving.store.audit import KEY_VARIABLE, Audit, AuditKey, Entry
from serving.store.database import VARIABLE, Database
from serving.store.record_tables import audit as audit_table
from serving.store.record_tables import audit_head
from serving.store.record_tables import consent as consent_table
from serving.store.revisions import LOST, head, revision, revisions
from serving.store_commands import audit, consent, store
from tests.data.canonical_fixture import write
from tests.serving.a_night import NIGHT, a_night


@dataclass(frozen=True)
class Chosen:
    """What the front door hands on, as far as these commands ask for it."""

    home: Home


@pytest.fixture
def home(tmp_path, database, url_with_tables, monkeypatch) -> Home:
    """A home whose database holds a published night of p1 and p2."""
    monkeypatch.setenv(VARIABLE, url_with_tables)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    nights = Store(database)
    nights.publish(nights.start(NIGHT), *a_night("p1", "p2"))
    return Home(tmp_path / "home")


@pytest.fixture
def typed(home):
    """Runs a command line; gives what it printed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.add_typer(store, name="store")
    app.add_typer(audit, name="audit")
    app.add_typer(consent, name="consent")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, words, obj=Chosen(home))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return run


def consent_rows(database: Database) -> list[tuple[str, str, bool]]:
    columns = (consent_table.c.patient_id, consent_table.c.matter, consent_table.c.given)
    with database.reading() as connection:
        rows = connection.execute(sa.select(*columns).order_by(consent_table.c.place))
        return [tuple(row) for row in rows]


def test_a_consent_is_recorded_and_what_now_stands_is_printed(typed, database) -> None:
    of = ("--patient", " p1 ", "--matter")
    assert "shown now: substance use." in typed("consent", "give", *of, "substance use")
    assert "shown now: HIV, substance use." in typed("consent", "give", *of, "HIV")
    assert "shown now: HIV." in typed("consent", "withdraw", *of, "substance use")
    assert "shown now: nothing." in typed("consent", "withdraw", *of, "HIV")
    assert {row[0] for row in consent_rows(database)} == {"p1"}
    with database.reading() as connection:
        assert consents.given(connection, ["p1"]) == {}
    assert "The record is whole: 4 rows." in typed("audit", "verify")


@pytest.mark.parametrize("what", ["give", "withdraw"])
def test_a_consent_of_somebody_whom_nobody_knows_is_refused_unless_that_is_said(
    typed, database, home, what
) -> None:
    words = ("consent", what, "--patient", "NOSUCHPERSON", "--matter", "HIV")
    with pytest.raises(InputError, match="nobody of this id") as refused:
        typed(*words)
    assert "NOSUCHPERSON" not in str(refused.value)
    assert consent_rows(database) == []
    assert not home.root.exists()
    assert "Recorded." in typed(*words, "--unknown-patient")
    assert consent_rows(database) == [("NOSUCHPERSON", "HIV", what == "give")]


@pytest.mark.parametrize("patient", ["", "  ", "a\0b"])
def test_a_consent_of_nobody_is_refused(typed, database, patient) -> None:
    for more in ((), ("--unknown-patient",)):
        with pytest.raises(InputError, match="--patient: give"):
            typed("consent", "give", "--patient", patient, "--matter", "HIV", *more)
    assert consent_rows(database) == []


def test_a_consent_of_somebody_who_was_taken_in_and_not_yet_scored_is_recorded(
    typed, database, home, tmp_path
) -> None:
    member = (
        "record_id,patient_id,birth_on,sex,death_on,known_on\nm1,new,1950-01-01,female,,2020-01-01"
    )
    coverage = (
        "record_id,patient_id,start_on,end_on,payer,product,known_on\n"
        "c1,new,2020-01-01,,medicare,,2020-01-01"
    )
    take_in(home, "canonical", write(tmp_path / "files", member=member, coverage=coverage))
    assert "Recorded." in typed("consent", "give", "--patient", "new", "--matter", "HIV")
    assert consent_rows(database) == [("new", "HIV", True)]
    with pytest.raises(InputError, match="nobody of this id"):
        typed("consent", "give", "--patient", "ne", "--matter", "HIV")


def test_of_a_patient_it_is_printed_what_was_done(typed, database, home) -> None:
    assert "holds nothing" in typed("audit", "of-patient", "p1")
    typed("consent", "give", "--patient", "p1", "--matter", "substance use")
    record = Audit(database, AuditKey.of_home(home))
    models = {"models": {"readmission": "ab", "high-cost": "cd"}}
    record.write([Entry("r.gomez", "case_manager", "patient", "p1", "2024-12-31.1", models)])
    with database.writing() as connection:
        new = NewAction("contacted")
        by = ("r.gomez", "case_manager")
        made = actions.take(connection, record, new, "p1", "2024-12-31.1", 1, *by)
    acted, look, given = typed("audit", "of-patient", "p1 ").splitlines()
    assert acted.endswith(f"action  2024-12-31.1  action: {made.action_id}; kind: contacted")
    assert look.endswith("patient  2024-12-31.1  models: high-cost cd, readmission ab")
    assert given.endswith("consent given  matter: substance use")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  r\.gomez \(case_manager\)  action", acted)


def test_a_home_without_its_key_is_told_in_one_sentence_and_gets_none(typed, home) -> None:
    typed("consent", "give", "--patient", "p1", "--matter", "HIV")
    (home.root / "audit.key").unlink()
    with pytest.raises(RefusalError) as refused:
        typed("audit", "verify")
    assert str(refused.value) == (
        "The key of this home is not the one that the record was begun with: set "
        "FIRSTCALL_AUDIT_KEY or restore audit.key."
    )
    assert "consent given" in typed("audit", "of-patient", "p1")
    assert not (home.root / "audit.key").exists()


def test_an_unused_home_is_whole_and_stays_without_a_key(typed, home) -> None:
    assert "The record is whole: 0 rows." in typed("audit", "verify")
    assert not (home.root / "audit.key").exists()


def test_a_record_that_was_emptied_is_told_with_what_to_do(typed, database) -> None:
    typed("consent", "give", "--patient", "p1", "--matter", "HIV")
    with database.writing() as connection:
        connection.execute(sa.delete(audit_head))
    with pytest.raises(RefusalError, match=r"no head\. Keep the database as it is"):
        typed("audit", "verify")


def test_rows_of_an_earlier_release_are_counted(typed, database, home) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.insert(consent_table).values(
                place=1, patient_id="p1", matter="HIV", given=True, who="m", at=sa.func.now()
            )
        )
        record = Audit(database, AuditKey.of_home(home))
        record.append(
            connection, [Entry("m", "admin", "consent given", "p1", detail={"matter": "HIV"})]
        )
    typed("consent", "withdraw", "--patient", "p1", "--matter", "HIV")
    told = typed("audit", "verify")
    assert "The record is whole: 2 rows." in told
    assert "1 actions and consents are of an earlier release" in told


def test_what_each_revision_loses_is_told() -> None:
    assert tuple(LOST) == revisions()


@pytest.mark.parametrize(
    ("to", "lost", "kept"),
    [
        ("0003", ["the refusal"], ["the audit record", "every account", "every night"]),
        ("0002", ["the refusal", "the audit record"], ["every account", "every night"]),
        ("0001", ["the audit record", "every account"], ["every night"]),
        ("base", ["the audit record", "every account", "every night"], []),
    ],
)
def test_nothing_goes_back_until_it_is_said_that_what_is_lost_may_be_lost(
    typed, database, to, lost, kept
) -> None:
    with pytest.raises(RefusalError, match="then say --yes") as refused:
        typed("store", "downgrade", "--to", to)
    assert refused.value.exit_code == 3
    assert all(words in str(refused.value) for words in lost)
    assert not any(words in str(refused.value) for words in kept)
    assert "p@ss" not in str(refused.value)
    assert revision(database) == head()
    assert f"is at revision {to}." in typed("store", "downgrade", "--to", to, "--yes")
    assert revision(database) == (None if to == "base" else to)


@pytest.mark.parametrize("to", [head(), "9999", ""])
def test_there_is_no_way_back_to_what_is_no_older_revision(typed, database, to) -> None:
    for more in ((), ("--yes",)):
        with pytest.raises(InputError, match="is no older revision"):
            typed("store", "downgrade", "--to", to, *more)
    assert revision(database) == head()


def test_a_record_that_was_dropped_on_purpose_is_begun_anew(typed, database) -> None:
    typed("consent", "give", "--patient", "p1", "--matter", "HIV")
    typed("store", "downgrade", "--to", "0003", "--yes")
    typed("store", "upgrade")
    assert "The record is whole: 1 rows." in typed("audit", "verify")
    typed("store", "downgrade", "--to", "0002", "--yes")
    typed("store", "upgrade")
    assert "The record is whole: 0 rows." in typed("audit", "verify")
    typed("consent", "give", "--patient", "p1", "--matter", "HIV")
    assert "The record is whole: 1 rows." in typed("audit", "verify")
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.max(audit_table.c.seq))) == 1
