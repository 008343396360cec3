"""Whose panel a patient is in, searches through a run, and one patient over time."""

from datetime import date, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.store import ENTRY_COLUMNS, SCORE_COLUMNS
from serving.store.people import _next_after
from tests.serving.a_night import NIGHT, a_night, score


def listed_for(**managers):
    """A night in which each patient is listed for a manager, or scored only (None)."""
    scores, reasons, _, *others = a_night(*managers)
    places = [(p, m) for p, m in managers.items() if m is not None]
    entries = pd.DataFrame(
        [(n, m, p, "high", "high cost") for n, (p, m) in enumerate(places, 1)],
        columns=list(ENTRY_COLUMNS),
    )
    return scores, reasons, entries, *others


def panels(store):
    with store.database.reading() as connection:
        rows = connection.execute(
            sa.text("SELECT patient_id, manager, run_id, since FROM assignment ORDER BY patient_id")
        ).all()
    return [(p, m, run_id, str(since)) for p, m, run_id, since in rows]


def test_a_patient_is_in_the_panel_of_his_newest_place(store):
    """
    night   a  b  c
    31 Dec  1  2  –
    1 Jan   1  3  –
    2 Jan   –  3  –
    """
    for days, managers in enumerate(({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": None, "b": 3})):
        store.publish(store.start(NIGHT + timedelta(days)), *listed_for(**managers, c=None))
    assert panels(store) == [
        ("a", 1, "2025-01-01.1", "2024-12-31"),
        ("b", 3, "2025-01-02.1", "2025-01-01"),
    ]
    assert [store.manager_of(patient) for patient in "abc"] == [1, 3, None]


def test_a_night_that_is_not_published_moves_nobody(store):
    store.publish(store.start(NIGHT), *listed_for(a=1))
    run_id = store.start(NIGHT)
    scores, reasons, entries, *others = listed_for(a=2)
    with pytest.raises(sa.exc.IntegrityError):
        store.publish(run_id, scores, reasons, pd.concat([entries, entries]), *others)
    assert store.manager_of("a") == 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.fixed_dictionaries({p: st.none() | st.integers(1, 2) for p in "abc"}),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_panels_agree_with_a_slow_reading_of_all_lists(store, nights):
    with store.database.writing() as connection:
        for table in ("published", "assignment", "reason", "score", "worklist", "run"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    held = {}
    for days, managers in nights:
        as_of = NIGHT + timedelta(days)
        run_id = store.start(as_of)
        store.publish(run_id, *listed_for(**managers))
        for patient, manager in managers.items():
            if manager is not None:
                held.setdefault(patient, []).append((manager, run_id, as_of))
    expected = []
    for patient, places in sorted(held.items()):
        manager, run_id, since = places[-1]
        for other, _, as_of in reversed(places):
            if other != manager:
                break
            since = min(since, as_of)
        expected.append((patient, manager, run_id, since.isoformat()))
    assert panels(store) == expected


PEOPLE = ("A1", "B1", "a1", "a2", "a3", "ab", "b1", "b_1", "b%1", "é1", "zz", "\U0001f600")


@pytest.fixture
def run_id(store):
    """PEOPLE by name; a1 and b1 listed for manager 1, a3 for 2; ab was of panel 2 last night.

    a2's risk of readmission is of the moderate tier, and his cost of the high one like everybody's.
    """
    store.publish(store.start(NIGHT - timedelta(1)), *listed_for(ab=2))
    run_id = store.start(NIGHT)
    scores, reasons, _, *others = a_night(*PEOPLE)
    moderate = scores["patient_id"] == "a2"
    scores["readmission_tier"] = ["moderate" if flag else None for flag in moderate]
    entries = [
        (1, 1, "b1", "high", "recently discharged"),
        (2, 2, "a3", "high", "high cost"),
        (3, 1, "a1", "high", "high cost"),
    ]
    frame = pd.DataFrame(entries, columns=list(ENTRY_COLUMNS))
    store.publish(run_id, scores, reasons, frame, *others)
    return run_id


def test_people_are_found_in_the_order_of_their_ids(store, run_id):
    def found(**wanted):
        return [row["patient_id"] for row in store.search(run_id, **wanted)]

    assert found() == sorted(PEOPLE), "by code points, on both databases"
    assert found(prefix="a") == ["a1", "a2", "a3", "ab"]
    assert found(prefix="") == sorted(PEOPLE)
    assert found(prefix="b_") == ["b_1"]
    assert found(prefix="b%") == ["b%1"]
    assert found(prefix="\U0001f600") == ["\U0001f600"]
    assert found(prefix="\0") == found(prefix="\ud800") == found(after="\0") == []
    assert found(tier="moderate") == ["a2"]
    assert found(tier="low") == []
    assert found(queue="high cost") == ["a1", "a3"]
    assert found(manager=1) == ["a1", "b1"]
    assert found(manager=2) == ["a3", "ab"], "who is not on the list keeps his last manager"
    assert found(patients=["zz", "nobody", "a1", "a1"]) == ["a1", "zz"]
    assert found(patients=[]) == []
    assert found(manager=2, prefix="a", patients=["ab", "a1"]) == ["ab"]
    assert found(limit=2, after="a1") == ["a2", "a3"]
    assert found(limit=2, after="a1", patients=["a1", "a2", "ab", "b1"]) == ["a2", "ab"]
    assert store.search("2000-01-01.1") == []


def test_a_found_person_is_told_with_place_and_panel(store, run_id):
    a1, ab, zz = store.search(run_id, patients=["a1", "ab", "zz"])
    assert set(a1) == {*SCORE_COLUMNS, "place", "panel"}
    assert a1["place"] == {"rank": 3, "manager": 1, "tier": "high", "queue": "high cost"}
    assert (a1["panel"], a1["high_cost_risk"], a1["warnings"]) == (1, 0.25, [])
    assert (ab["place"], ab["panel"]) == (None, 2)
    assert (zz["place"], zz["panel"]) == (None, None)


@pytest.mark.parametrize("size", [1, 3, 12, 50])
def test_the_pages_of_a_search_are_the_whole_of_it(store, run_id, size):
    pages, after = [], None
    while page := [row["patient_id"] for row in store.search(run_id, after=after, limit=size)]:
        pages.append(page)
        after = page[-1]
    assert [patient for page in pages for patient in page] == sorted(PEOPLE)
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_a_search_among_many_ids_is_a_search(store):
    everybody = [f"p{n:05}" for n in range(3000)]
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night(unlisted=everybody))
    wanted = everybody[::-2]
    found = [row["patient_id"] for row in store.search(run_id, patients=wanted, limit=1400)]
    assert found == sorted(wanted)[:1400]


TEXTS = st.text(max_size=4) | st.text(
    st.sampled_from(["\x01", "a", "\ud7ff", "\ue000", "\U0010ffff"]), max_size=3
)


@given(TEXTS.filter(bool), TEXTS)
def test_a_prefix_as_a_range_holds_what_begins_with_it(prefix, text):
    above = _next_after(prefix)
    for one in (text, prefix + text, prefix[:-1] + text):
        assert one.startswith(prefix) == (one >= prefix and (above is None or one < above))


def test_one_patient_over_time(store):
    """Four nights, the third of them abandoned, and a replay of an earlier day published last."""
    risks = {date(2025, 1, 1): 0.1, date(2025, 1, 2): 0.2, date(2025, 1, 3): 0.3}
    for day, risk in risks.items():
        run_id = store.start(day)
        if day == date(2025, 1, 3):
            store.abandon(run_id)
        else:
            store.publish(run_id, *a_night("a", risk=risk, unlisted=["b"]))
    scores, *others = a_night("b", risk=0.4, unlisted=["a"])
    scores = scores.assign(high_cost_expected_dollars=1234.5)
    store.publish(store.start(date(2024, 6, 30)), scores, *others)
    store.publish(store.start(date(2025, 1, 2)), *a_night("c"))
    told = store.patient_over_time("a")
    assert [(row["as_of"], row["run_id"], row["high_cost_risk"]) for row in told] == [
        (date(2024, 6, 30), "2024-06-30.1", 0.4),
        (date(2025, 1, 1), "2025-01-01.1", 0.1),
        (date(2025, 1, 2), "2025-01-02.1", 0.2),
    ]
    assert list(told[0]) == [
        "as_of", "run_id", "manifest", "discharged_on", "readmission_asked_on", "readmission_risk",
        "readmission_tier", "readmission_all_days_risk", "high_cost_risk", "high_cost_tier",
        "high_cost_expected_dollars",
    ]  # fmt: skip
    assert [row["high_cost_expected_dollars"] for row in told] == [1234.5, None, None]
    store.publish(store.start(date(2025, 1, 2)), *a_night("a", risk=0.9))
    told = store.patient_over_time("a")  # a night that was made again counts once
    assert [row["high_cost_risk"] for row in told] == [0.4, 0.1, 0.9]
    assert [row["as_of"] for row in store.patient_over_time("a", most=3)] == [
        date(2025, 1, 1), date(2025, 1, 2)
    ]  # fmt: skip


def test_one_patient_over_time_is_found_by_an_index(store):
    for _ in range(3):
        scores = pd.DataFrame([score(f"p{n}") for n in range(2000)], columns=list(SCORE_COLUMNS))
        _, *others = a_night()
        store.publish(store.start(NIGHT), scores, *others)
    explain = "EXPLAIN" if store.database.is_postgresql else "EXPLAIN QUERY PLAN"
    asked = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if "FROM score JOIN run" in statement:
            asked.append((statement, parameters))

    sa.event.listen(store.database._engine, "before_cursor_execute", note)
    store.patient_over_time("p77")
    [(statement, parameters)] = asked
    with store.database.reading() as connection:
        plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    assert "score_of_patient" in str(plan)
