"""The last version of each fact, whatever the size of the batches that a file is read in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.small import table_of
from training.cohorts import facts

VERSION = st.tuples(
    st.integers(0, 5), st.integers(0, 6), st.integers(-50, 50), st.booleans()
)  # fact, known on, amount, reversed


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(VERSION, max_size=25, unique_by=lambda v: (v[0], v[1])),
    st.integers(1, 7),
    st.integers(0, 6),
)
def test_streamed_facts_equal_a_plain_search(tmp_path, monkeypatch, versions, batch, through):
    monkeypatch.setattr(facts, "BATCH", batch)
    rows = [
        {"record_id": f"r{fact}", "patient_id": f"p{fact // 2}", "happened_on": "1970-01-01",
         "known_on": f"1970-01-{1 + known:02}", "kind": "other", "covers": "claim",
         "allowed_cents": cents, "reversed": gone}
        for fact, known, cents, gone in versions
    ]  # fmt: skip
    table = table_of("cost", rows)
    path = tmp_path / "cost.parquet"
    order = [(c, "ascending") for c in ("patient_id", "record_id", "known_on")]
    pq.write_table(table.sort_by(order), path)

    expected = {}
    for fact in {v[0] for v in versions}:
        seen = [v for v in versions if v[0] == fact and v[1] <= through]
        if seen and not max(seen, key=lambda v: v[1])[3]:
            expected[f"r{fact}"] = max(seen, key=lambda v: v[1])[2]

    for source in (path, table):
        found = facts.final_facts(source, ["allowed_cents"], through)
        assert dict(zip(found["record_id"], found["allowed_cents"], strict=True)) == expected
        positive = facts.final_facts(
            source, ["allowed_cents"], through, pc.field("allowed_cents") > 0
        )
        assert sorted(positive["record_id"]) == sorted(r for r, c in expected.items() if c > 0)


def test_dates_become_days_and_empty_ones_stay_empty():
    stays = table_of(
        "encounter",
        [
            {"patient_id": "a", "kind": "office", "started_on": "1970-01-03", "ended_on": None},
            {"patient_id": "b", "kind": "office", "started_on": "1970-01-04",
             "ended_on": "1970-01-05"},
        ],
    )  # fmt: skip
    found = facts.final_facts(stays, ["started_on", "ended_on"], 10)
    assert found["started_on"].tolist() == [2, 3]
    assert found["ended_on"].isna().tolist() == [True, False]
    none = facts.final_facts(stays.slice(0, 0), ["started_on"], 10)
    assert none.empty
    assert isinstance(stays, pa.Table)
