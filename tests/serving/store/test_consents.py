"""Consent is what the patient said last."""

from serving.store import Store, consents
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.retention import retire
from tests.serving.a_night import NIGHT, a_night


def say(database: Database, *said: tuple[str, str, bool]) -> None:
    for patient, matter, given in said:
        with database.writing() as connection:
            record = Audit(database, AuditKey(b"k" * 32))
            consents.declare(connection, record, patient, matter, given, "a", "admin")


def given(database: Database, *patients: str) -> dict[str, frozenset[str]]:
    with database.reading() as connection:
        return consents.given(connection, patients)


def test_nobody_consents_who_was_not_asked(database: Database) -> None:
    say(database, ("p", "substance use", True))
    assert given(database, "p", "q") == {"p": frozenset({"substance use"})}


def test_a_consent_that_was_withdrawn_counts_no_more_until_it_is_given_again(
    database: Database,
) -> None:
    say(database, ("p", "substance use", True), ("p", "HIV", True), ("p", "substance use", False))
    assert given(database, "p") == {"p": frozenset({"HIV"})}
    say(database, ("p", "HIV", False))
    assert given(database, "p") == {}
    say(database, ("p", "substance use", True))
    assert given(database, "p") == {"p": frozenset({"substance use"})}


def test_known_is_whoever_a_published_run_scored_or_listed(database: Database) -> None:
    store = Store(database)
    store.start(NIGHT)
    store.publish(store.start(NIGHT), *a_night("listed"))
    store.publish(store.start(NIGHT), *a_night("newer"))

    def known(patient: str) -> bool:
        with database.reading() as connection:
            return consents.is_known(connection, patient)

    assert [known(one) for one in ("listed", "newer", "nobody", "list")] == [
        True, True, False, False,
    ]  # fmt: skip
    retire(database, 1)
    assert known("listed"), "his scores are dropped, his place on a list is not"
