"""The label of readmission again, one patient at a time, written from the definitions alone."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cohorts.enrolment import OPEN_END, Enrolment
from training.cohorts.episodes import episodes_of, with_episodes
from training.cohorts.outcome import UNPLANNED, readmissions

HORIZON = 30


@st.composite
def stays_of_some(draw) -> pd.DataFrame:
    rows = []
    for person in range(draw(st.integers(1, 3))):
        for number in range(draw(st.integers(0, 6))):
            start = draw(st.integers(0, 60))
            length = draw(st.none() | st.integers(0, 12))
            rows.append({
                "person": person, "patient_id": str(person), "encounter_id": f"{person}-{number}",
                "facility_id": draw(st.sampled_from(["n", "s", None])),
                "admitted_on": start,
                "discharged_on": np.nan if length is None else float(start + length),
                "disposition": draw(st.sampled_from(["home", "acute_transfer", "psychiatric"])),
                "principal_code": draw(st.sampled_from(["I509", "J189", None])),
                "planned_rule": draw(st.sampled_from([UNPLANNED, UNPLANNED, "always"])),
                "rehabilitation": draw(st.sampled_from([False, False, True])),
                "psychiatric": draw(st.sampled_from([False, True])),
                "pregnancy": draw(st.sampled_from([False, False, True])),
            })  # fmt: skip
    columns = ["person", "patient_id", "encounter_id", "facility_id", "admitted_on",
               "discharged_on", "disposition", "principal_code", "planned_rule",
               "rehabilitation", "psychiatric", "pregnancy"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def told_slowly(stays: pd.DataFrame, *, payer: bool) -> dict[str, tuple]:
    """last stay → (first day, last day, how many stays, outcome, day of return)."""
    answers = {}
    for _, own in stays.groupby("person"):
        records = sorted(
            own.to_dict("records"),
            key=lambda r: (r["admitted_on"], -1 if np.isnan(r["discharged_on"])
                           else r["discharged_on"], r["encounter_id"]),
        )  # fmt: skip

        def end(stay):
            lost = np.isnan(stay["discharged_on"])
            return stay["admitted_on"] if lost else int(stay["discharged_on"])

        chains: list[list[dict]] = []
        for stay in records:
            if chains:
                last = max(reversed(chains[-1]), key=end)
                if _joins(last, stay, end(last), payer):
                    chains[-1].append(stay)
                    continue
            chains.append([stay])
        for number, chain in enumerate(chains):
            last = max(reversed(chain), key=end)
            if any(np.isnan(stay["discharged_on"]) for stay in chain):
                answers[last["encounter_id"]] = (chain[0]["admitted_on"], None, len(chain), 0, None)
                continue
            gone = end(last)
            outcome, back = 0, None
            for which, later in (
                (which, stay) for chain in chains[number + 1 :] for which, stay in enumerate(chain)
            ):
                after = later["admitted_on"] - gone
                if after > HORIZON:
                    break
                if payer:
                    if which or later["planned_rule"] != UNPLANNED or later["pregnancy"]:
                        continue
                elif later["rehabilitation"] or (
                    later["psychiatric"] and after <= 1 and last["disposition"] == "psychiatric"
                ):
                    continue
                outcome, back = int(later["planned_rule"] == UNPLANNED), after
                break
            answers[last["encounter_id"]] = (
                chain[0]["admitted_on"], gone, len(chain), outcome, back
            )  # fmt: skip
    return answers


def _joins(last: dict, stay: dict, ended: int, payer: bool) -> bool:
    gap = stay["admitted_on"] - ended
    if gap < 0 or (payer and gap <= 1):
        return True
    named = isinstance(last["facility_id"], str) and isinstance(stay["facility_id"], str)
    if named:
        elsewhere = last["facility_id"] != stay["facility_id"]
    else:
        elsewhere = last["disposition"] == "acute_transfer"
    if elsewhere:
        return gap <= 1
    same = last["principal_code"] == stay["principal_code"] and isinstance(
        stay["principal_code"], str
    )
    return gap == 0 and same


@settings(max_examples=150, deadline=None)
@given(stays_of_some(), st.booleans())
def test_episodes_and_labels_equal_the_slow_ones(stays, payer):
    stays = with_episodes(stays, any_hospital=payer)
    episodes = episodes_of(stays).assign(death_on=np.nan)
    labels = readmissions(stays, episodes, HORIZON, "first_unplanned" if payer else "first_acute")
    both = pd.concat([episodes, labels], axis=1)
    found = {
        row["encounter_id"]: (
            row["admitted_on"],
            None if np.isnan(row["discharged_on"]) else int(row["discharged_on"]),
            row["stays"],
            row["outcome"],
            None if np.isnan(row["days_to_next"]) else int(row["days_to_next"]),
        )
        for row in both.to_dict("records")
    }
    assert found == told_slowly(stays, payer=payer)


SPANS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.none() | st.integers(0, 15)), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(SPANS, st.integers(0, 2), st.integers(-5, 60), st.integers(0, 20), st.integers(0, 8))
def test_coverage_of_a_stretch_is_coverage_of_each_of_its_days(spans, person, first, length, gap):
    frame = pd.DataFrame(
        {
            "patient_id": [str(p) for p, _, _ in spans],
            "start_on": [s for _, s, _ in spans],
            "end_on": [np.nan if n is None else s + n for _, s, n in spans],
        }
    )
    enrolment = Enrolment.of_spans(frame, pd.Index(["0", "1", "2"], dtype=object))

    def on(day):
        return any(p == person and s <= day <= (OPEN_END if n is None else s + n)
                   for p, s, n in spans)  # fmt: skip

    asked = enrolment.covered([person], [first], [first + length])
    assert asked[0] == all(on(day) for day in range(first, first + length + 1))
    days = [on(day) for day in range(first, first + length + 1)]
    assert enrolment.touches([person], [first], [first + length])[0] == any(days)
    gaps = [len(list(run)) for covered, run in groupby(days) if not covered]
    allowed = not gaps or (len(gaps) == 1 and gaps[0] <= gap)
    but_for = enrolment.covered_but_for_a_gap([person], [first], [first + length], gap)
    assert but_for[0] == allowed
