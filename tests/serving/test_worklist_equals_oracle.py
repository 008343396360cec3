"""The list is what its rules say, read aloud by a slow second implementation; and its promises."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.outreach_clock import OutreachClock
from serving.panels import Panel
from serving.worklist import BEYOND_CAPACITY, SCORE_COLUMNS, TIERS, Capacity, Knowledge, worklist
from tests.serving.list_oracle import DISCHARGED, Person, slow_list

AS_OF = date(2025, 1, 10)
TODAY = AS_OF + timedelta(days=1)

_risk = st.none() | st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.sampled_from(TIERS))
_person = st.builds(
    Person,
    patient_id=st.just(""),
    excluded=st.sampled_from(["", "", "", "", "", "in hospital now", "declined"]),
    readmission=_risk,
    high_cost=_risk,
    discharged_on=st.none() | st.integers(0, 29).map(lambda days: AS_OF - timedelta(days=days)),
    override=st.sampled_from([None, None, None, None, *TIERS]),
    rising=st.booleans(),
)
_people = (st.lists(_person, max_size=4) | st.lists(_person, min_size=8, max_size=24)).map(
    lambda drawn: [replace(one, patient_id=f"p{n:02}") for n, one in enumerate(drawn)]
)
_slots = st.lists(st.integers(0, 6), min_size=1, max_size=4)
_known = st.dictionaries(st.integers(0, 19).map("p{:02}".format), st.integers(1, 5))


def frame(people):
    columns = [*SCORE_COLUMNS, "discharged_on", "override_tier", "rising"]
    rows = [
        (p.patient_id, p.excluded, *(p.readmission or (None, None)), *(p.high_cost or (None, None)),
         p.discharged_on, p.override, p.rising)
        for p in people
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"rising": bool})


@settings(max_examples=400)
@given(
    _people, _slots, _known, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([None, 3, 7]),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_the_list_is_what_its_rules_say(people, slots, known_to, kept, missed_after, random):
    panels = tuple(Panel(number=n, slots=size) for n, size in enumerate(slots, 1))
    capacity = Capacity(kept_for_discharged=kept, of_panels=panels)
    knowledge = Knowledge(
        OutreachClock(missed_after_days=missed_after), known_to=known_to, worked_on=TODAY
    )
    shuffled = random.sample(people, len(people))
    made = worklist(frame(shuffled), capacity, AS_OF, knowledge)
    entries, by_id = made.entries, {one.patient_id: one for one in people}

    wanted = slow_list(
        people, dict(enumerate(slots, 1)), capacity.kept, TODAY, missed_after, known_to
    )
    columns = ["patient_id", "tier", "queue", "manager"]
    assert list(entries[columns].itertuples(index=False, name=None)) == wanted
    assert entries["rank"].tolist() == list(range(1, len(wanted) + 1))

    # what anybody may rely on, said without the order
    assert all(by_id[patient].excluded == "" for patient in entries["patient_id"])
    assert all(count <= slots[n - 1] for n, count in Counter(entries["manager"]).items())
    assert entries["patient_id"].is_unique
    told = [*entries["patient_id"], *made.left_out["patient_id"]]
    assert sorted(told) == sorted(by_id)  # each person once: on the list, or with the reason
    if (made.left_out["reason"] == BEYOND_CAPACITY).any():
        assert len(entries) == sum(slots)
    behind = entries.iloc[min(capacity.kept, len(entries)) :]  # of the places that nobody is kept
    for part in (entries[entries["queue"] == DISCHARGED], behind):
        for _, of_tier in part[part["due_at"].notna()].groupby("tier"):
            assert of_tier["due_at"].is_monotonic_increasing  # who is due first is called first
    again = worklist(frame(people), capacity, AS_OF, knowledge)
    pd.testing.assert_frame_equal(entries, again.entries)
