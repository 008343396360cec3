"""Consent is what the patient said last."""

from serving.store import consents
from serving.store.database import Database


def say(database: Database, *said: tuple[str, str, bool]) -> None:
    for patient, matter, given in said:
        with database.writing() as connection:
            consents.record(connection, patient, matter, given, "a")


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
