"""HOSPITAL against tests/oracle, on rows at random; LACE is in test_engine_equals_oracle.py."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.hospital_score import FORMS, Form, hospital
from tests.features.agreement import Tables, before, examples, moments, questions, worlds
from tests.features.invented_rows import PATIENTS, invented
from tests.features.rows import AS_OF, CARRIES, histories
from tests.oracle.hospital_score import hospital_items

_LACKING = ("lab_result", "specialty", "icd_procedures", "admission_type", "diagnosis", "encounter")
feeds = st.sampled_from((CARRIES, CARRIES, *(
    tuple(feed for feed in CARRIES if feed != lacking) for lacking in _LACKING
)))  # fmt: skip


def _episodes(tables: Tables, as_of: date) -> pd.DataFrame:
    """Everybody's admission on each day on which any encounter began."""
    began = {made["started_on"] for made in tables["encounter"] if made["started_on"] <= as_of}
    asked = [(patient, as_of, day) for patient in PATIENTS for day in sorted({*began, as_of})]
    return pd.DataFrame(asked, columns=["patient_id", "as_of", "admitted_on"])


def _hospital(tables: Tables, index: pd.DataFrame, form: Form, carries: tuple[str, ...]):
    found = hospital(histories(tables, carries), index, form)
    return found[[item.letter for item in form.items]]


def _same_hospital(
    tables: Tables, index: pd.DataFrame, form: Form, carries: tuple[str, ...]
) -> None:
    name = form.name.removeprefix("hospital_")
    expected = [
        hospital_items(tables, carries, asked[0], asked[1], name, *asked[2:])
        for asked in index.itertuples(index=False)
    ]
    found = _hospital(tables, index, form, carries)
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_dtype=False)


@examples(100)
@given(worlds, moments, st.sampled_from(FORMS), feeds)
def test_hospital_and_oracle_agree(
    world: tuple[int, int], moment: tuple[int, int], form: Form, carries: tuple[str, ...]
) -> None:
    tables = invented(Random(world[0]), world[1])
    _same_hospital(tables, questions(AS_OF, before(moment)), form, carries)
    _same_hospital(tables, _episodes(tables, before(moment)), form, carries)


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
def test_the_random_rows_reach_every_item_both_ways(form: Form) -> None:
    """Otherwise the agreement would say little: each item gives points, gives none, and is not
    known, somewhere."""
    reached: Counter[tuple[str, str]] = Counter()
    for seed in range(120):
        tables = invented(Random(seed), 120)
        points = _hospital(tables, _episodes(tables, AS_OF), form, CARRIES)
        for letter in points.columns:
            of_item = points[letter]
            reached[letter, "unknown"] += int(of_item.isna().sum())
            reached[letter, "none"] += int((of_item == 0).sum())
            reached[letter, "some"] += int((of_item > 0).sum())
    never = {(item.letter, "unknown") for item in form.items if item.letter == "a"}
    wanted = {(item.letter, how) for item in form.items for how in ("unknown", "none", "some")}
    assert {key for key, count in reached.items() if count >= 5} == wanted - never
