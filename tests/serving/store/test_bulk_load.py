"""Frames into tables: whatever a cell holds comes back as it was, on both databases."""

import math
import random
import struct
from datetime import date

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from serving.store import SCORE_COLUMNS, bulk_load
from serving.store.bulk_load import load
from serving.store.night_tables import reason as reasons
from serving.store.night_tables import score as scores
from tests.serving.a_night import NIGHT, a_night, reason, score

PER_TEST = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loaded(store, table, frame, columns):
    """What a table holds after a frame alone was loaded into it, in the order of its key."""
    with store.database.writing() as connection:
        connection.execute(sa.delete(table))
        load(connection, table, frame, columns, run_id="2024-12-31.1")
        found = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
        return [dict(row._mapping) for row in found]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
AWKWARD = st.lists(st.sampled_from(["\t", "\n", "\r", "\\", "\\N", "\\.", '"', ",", "é", "a"]))


@PER_TEST
@example(["\\.", "\\N", "", "\n\\.\n", '"', "\r\n", "\\t", "NULL", "nan"])
@given(st.lists(TEXTS | AWKWARD.map("".join), min_size=1, max_size=10))
def test_texts_come_back_whatever_they_hold(store, texts):
    rows = [reason("a", position, words) for position, words in enumerate(texts)]
    frame = pd.DataFrame(rows).assign(sensitive=[*texts[1:], None])
    found = loaded(store, reasons, frame, [*rows[0], "sensitive"])
    assert [row["words"] for row in found] == texts
    assert [row["sensitive"] for row in found] == [*texts[1:], None]


@PER_TEST
@example([5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2, math.pi, 2.0**-1022, 1e22, 1e23])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_doubles_come_back_to_the_last_bit(store, values):
    frame = pd.DataFrame([score(f"{n:03}", risk=value) for n, value in enumerate(values)])
    found = loaded(store, scores, frame, SCORE_COLUMNS)
    as_bits = [struct.pack("d", row["high_cost_risk"]) for row in found]
    if not store.database.is_postgresql:
        values = [value or 0.0 for value in values]  # SQLite knows one zero
    assert as_bits == [struct.pack("d", value) for value in values]


def test_whatever_is_missing_is_null(store):
    missing = [None, np.nan, pd.NaT, float("nan")]
    frame = pd.DataFrame([score(f"{n}") for n in range(4)])
    for column in ("left_out", "readmission_risk", "discharged_on", "readmission_tier"):
        frame[column] = pd.Series(missing, dtype=object)
    frame["high_cost_margin"] = np.nan
    frame["readmission_asked_on"] = pd.Series([pd.NaT] * 4, dtype="datetime64[s]")
    frame["readmission_null_reason"] = pd.Series([None, "x", None, "x"], dtype="str")
    for row in loaded(store, scores, frame, SCORE_COLUMNS):
        for column in ("left_out", "readmission_risk", "discharged_on", "readmission_tier",
                       "high_cost_margin", "readmission_asked_on"):  # fmt: skip
            assert row[column] is None
        assert row["readmission_null_reason"] == (None if int(row["patient_id"]) % 2 == 0 else "x")


def test_days_come_back_however_a_frame_holds_them(store):
    day = date(1969, 12, 31)
    for held in (
        pd.Series([day], dtype=object),
        pd.Series([pd.Timestamp(day)], dtype="datetime64[s]"),
        pd.Series([pd.Timestamp(day)], dtype="datetime64[ns]"),
        pd.Series([pd.Timestamp(day)], dtype=object),
    ):
        frame = pd.DataFrame([score("a")]).assign(discharged_on=held)
        [row] = loaded(store, scores, frame, SCORE_COLUMNS)
        assert row["discharged_on"] == day


def test_other_types_of_columns_are_taken_as_what_they_hold(store):
    frame = pd.DataFrame([score("a", tier="low"), score("b", tier="high")])
    frame["high_cost_tier"] = frame["high_cost_tier"].astype("category")
    frame["patient_id"] = frame["patient_id"].astype("str")
    frame["readmission_risk"] = pd.array([1, None], dtype="Int64")
    frame = frame.set_index(pd.Index([7, 7]))
    found = loaded(store, scores, frame, SCORE_COLUMNS)
    told = [(row["patient_id"], row["high_cost_tier"], row["readmission_risk"]) for row in found]
    assert told == [("a", "low", 1.0), ("b", "high", None)]


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 8, 30])
def test_batches_are_no_limit(store, monkeypatch, rows):
    monkeypatch.setattr(bulk_load, "BATCH", 7)
    people = [f"{n:03}" for n in range(rows)]
    random.Random(1).shuffle(people)
    frame = pd.DataFrame([score(p) for p in people], columns=list(SCORE_COLUMNS))
    found = loaded(store, scores, frame, SCORE_COLUMNS)
    assert [row["patient_id"] for row in found] == sorted(people)


def test_what_a_frame_lacks_keeps_the_night_back(store):
    run_id = store.start(NIGHT)
    frame, *others = a_night("a")
    with pytest.raises(KeyError, match="warnings"):
        store.publish(run_id, frame.drop(columns="warnings"), *others)
    assert store.published() is None


@pytest.mark.parametrize("at", [0, 25_000])
def test_one_row_that_does_not_fit_keeps_all_of_them_back(store, at):
    people = [f"secret{n:06}" for n in range(30_000)]
    people[at] = people[at + 1]
    run_id = store.start(NIGHT)
    with pytest.raises(sa.exc.IntegrityError) as refused:
        store.publish(run_id, *a_night(unlisted=people))
    assert "secret0" not in str(refused.value)
    with store.database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(scores)) == 0
