"""Questions: whatever kind of column names the patients, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError
from features.questions import Questions

AS_OF = "2020-12-31"


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"]).astype("category"),
        pd.Categorical(["b", "a", "b"], categories=["c", "a", "b"]),  # nobody asks about c
        np.array(["b", "a", "b"]),
    ],
)
def test_a_person_is_named_by_any_column_of_text(ids: Any) -> None:
    asked = Questions.of(pd.DataFrame({"patient_id": ids, "as_of": AS_OF}))
    named = asked.ids.to_pylist()
    assert [named[person] for person in asked.person] == ["b", "a", "b"]
    assert asked.person[0] == asked.person[2]


def test_numbers_are_read_as_their_digits() -> None:
    asked = Questions.of(pd.DataFrame({"patient_id": [12, 7], "as_of": AS_OF}))
    assert asked.ids.to_pylist() == ["12", "7"]


def test_nobody_may_be_asked_about() -> None:
    nobody = pd.DataFrame({"patient_id": [], "as_of": []})
    asked = Questions.of(nobody)
    assert (len(asked.ids), len(asked.person), len(asked.day)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a", None], "The column patient_id of the questions is empty in some row."),
        (["a", float("nan")], "The column patient_id of the questions is empty in some row."),
        (["a", 7], "The column patient_id of the questions is not all text."),
    ],
)
def test_who_is_not_named_is_refused(ids: list[Any], said: str) -> None:
    column = pd.Series(ids, dtype=object)
    with pytest.raises(InputError) as refused:
        Questions.of(pd.DataFrame({"patient_id": column, "as_of": AS_OF}))
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([12.0, 7.0], "double"),
        ([True, False], "bool"),
        (pd.Categorical([1.5, 2.5]), "double"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "timestamp"),
    ],
)
def test_what_names_nobody_is_refused(ids: Any, kind: str) -> None:
    with pytest.raises(InputError, match=f"holds {kind}.*give it as text"):
        Questions.of(pd.DataFrame({"patient_id": ids, "as_of": AS_OF}))


@pytest.mark.parametrize("column", ["patient_id", "as_of"])
def test_a_column_that_is_not_there_is_named(column: str) -> None:
    index = pd.DataFrame({"patient_id": ["a"], "as_of": AS_OF})
    with pytest.raises(InputError, match=f"have no column {column}"):
        Questions.of(index.drop(columns=column))
