"""One patient told whole: the engine's values, why one is missing, the words, the commands."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError
from features.definitions import FEATURES
from features.explain import Account, Explained, explain
from features.history import Histories
from features.printed import SHOWN, Shown, account_lines, how_words, window_words
from features.writing import current_histories
from tests.features.agreement import CUTS, told
from tests.features.invented_rows import PATIENTS, STRANGER, invented
from tests.features.rows import AS_OF, CARRIES, ago, histories, row, rows
from tests.features.taken_in import IDS, WORLD, take_in


def labs(*told: tuple[int, float | None], loinc: str = "718-7") -> dict[str, list]:
    return rows("lab_result", *({"happened_on": ago(d), "loinc": loinc, "unit": "g/dL", "value": v}
                                for d, v in told))  # fmt: skip


def one(name: str, held: Histories, as_of: date = AS_OF, cuts: dict | None = None) -> Explained:
    (explained,) = explain(held, "p", as_of, cuts, [name]).rows
    assert explained.declared.name == name
    return explained


def printed(account: Account, **shown: bool) -> str:
    return "\n".join(account_lines(account, Shown(**shown)))


# ---- the account ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_the_values_are_those_of_the_feature_matrix(seed: int) -> None:
    held = histories(invented(Random(seed), 200))
    index = pd.DataFrame({"patient_id": list(PATIENTS), "as_of": AS_OF})
    expected = told(held, index, FEATURES)
    for place, patient in enumerate(PATIENTS):
        account = explain(held, patient, AS_OF, CUTS)
        found = {row.declared.name: row.value for row in account.rows}
        assert len(account.rows) == len(FEATURES)
        for name, value in expected.iloc[place].items():
            assert found[str(name)] == value or (np.isnan(value) and np.isnan(found[str(name)]))


def test_histories_on_disk_and_in_memory_tell_the_same(tmp_path: Path) -> None:
    on_disk = current_histories(take_in(tmp_path, WORLD))
    in_memory = histories(WORLD, on_disk.carries)
    for patient in IDS[:3]:
        one, other = (printed(explain(held, patient, AS_OF)) for held in (on_disk, in_memory))
        assert one == other


def test_features_of_a_family_stand_together_in_the_declared_order() -> None:
    account = explain(histories(labs((1, 11.0))), "p", AS_OF)
    families = [row.declared.family for row in account.rows]
    assert len(list(dict.fromkeys(families))) == 1 + sum(
        one != other for one, other in pairwise(families)
    )
    place = {f.name: n for n, f in enumerate(FEATURES)}
    for family in dict.fromkeys(families):
        at = [place[r.declared.name] for r in account.rows if r.declared.family == family]
        assert at == sorted(at)


def test_whoever_asks_for_some_features_gets_those_whatever_their_order() -> None:
    held = histories(labs((1, 11.0)))
    asked = ["haemoglobin_days_since", "age", "haemoglobin_last"]
    found = [row.declared.name for row in explain(held, "p", AS_OF, None, asked).rows]
    assert found == ["age", "haemoglobin_last", "haemoglobin_days_since"]
    with pytest.raises(InputError, match="no feature called 'mood'"):
        explain(held, "p", AS_OF, None, ["age", "mood"])


def test_a_stranger_is_refused_in_one_sentence_that_does_not_name_the_id() -> None:
    with pytest.raises(InputError, match="no event of a patient of that id") as refused:
        explain(histories(labs((1, 11.0))), STRANGER, AS_OF)
    assert STRANGER not in str(refused.value)


def test_events_are_counted_as_seen_or_not() -> None:
    first = row("cost", 0, record_id="a", happened_on=ago(20), known_on=ago(15), allowed_cents=5)
    second = row("cost", 1, record_id="a", happened_on=ago(20), known_on=ago(5), allowed_cents=7)
    held = histories({"cost": [first, second]})
    counts = {day: explain(held, "p", ago(day)) for day in (30, 16, 15, 5)}
    assert {day: (a.seen, a.unseen) for day, a in counts.items()} == {
        30: (0, 2), 16: (0, 2), 15: (1, 1), 5: (1, 1),
    }  # fmt: skip
    assert {a.first_seen for a in counts.values()} == {ago(15)}


# ---- why a value is missing ----------------------------------------------------------------------

STAY = {"encounter": [row("encounter", kind="acute_inpatient", started_on=ago(9), ended_on=ago(5))]}


@pytest.mark.parametrize(
    ("name", "tables", "why"),
    [
        ("haemoglobin_last", labs((400, 1.0)), "nothing seen in the last 365 days"),
        ("haemoglobin_last", labs((1, None)), "the last one has no value in the last 365 days"),
        ("haemoglobin_lowest_365", labs((1, None)),
         "nothing seen with a value in the last 365 days"),
        ("haemoglobin_change_365", labs((1, 1.0)), "only one value seen in the last 365 days"),
        ("haemoglobin_slope_365", labs((1, 1.0), (1, 2.0)),
         "not three values seen over 90 days in the last 365 days"),
        ("haemoglobin_days_since", labs((800, 1.0)), "nothing seen in the last 730 days"),
        ("statins_gap_days_180", labs((1, 1.0)), "no day covered in the last 180 days"),
        ("follow_up_within_7", STAY, "nothing seen yet, and the 7 days are not over"),
        ("follow_up_within_7", {"encounter": [*STAY["encounter"], row(
            "encounter", 1, kind="acute_inpatient", started_on=ago(4))]},
         "none seen, but in hospital within the 7 days"),
        ("emergent_stays_365", {"encounter": [{**STAY["encounter"][0], "admission_type": None}]},
         "nothing adds up, and what has no value may hide it in the last 365 days"),
        ("follow_up_within_7", labs((1, 1.0)),
         "nothing seen in the last 365 days that it could be told after"),
        ("age", labs((1, 1.0)), "nothing seen"),
    ],
)  # fmt: skip
def test_it_is_said_why_a_value_is_missing(name: str, tables: dict, why: str) -> None:
    explained = one(name, histories(tables))
    assert math.isnan(explained.value)
    assert explained.missing == why
    assert not explained.tells


def test_a_feed_that_is_not_carried_is_said_to_be_none() -> None:
    carries = tuple(feed for feed in CARRIES if feed != "lab_result")
    tables = {**rows("member", {}), **labs((1, 11.0))}
    explained = one("haemoglobin_last", histories(tables, carries))
    assert (explained.missing, explained.carried) == ("the source carries no lab_result", False)


def test_a_percentile_is_told_by_cut_points_or_said_to_have_none() -> None:
    (declared,) = (f for f in FEATURES if f.of == "cost_total_365")
    held = histories(rows("cost", {"happened_on": ago(1), "allowed_cents": 5000}))
    assert "no cut points are given" in one(declared.name, held).missing
    with_cuts = one(declared.name, held, cuts={"cost_total_365": [1.0, 49.0, 50.0, 51.0]})
    assert (with_cuts.value, with_cuts.missing) == (75.0, "")
    assert len(with_cuts.evidence) == 1


def test_every_missing_value_has_a_reason_and_no_other_has_one() -> None:
    held = histories(invented(Random(5), 300), CARRIES[:-3])
    for patient in PATIENTS:
        for explained in explain(held, patient, AS_OF).rows:
            assert bool(explained.missing) == math.isnan(explained.value), explained.declared.name
            assert "missing" not in explained.missing


# ---- as it is printed ----------------------------------------------------------------------------


def test_what_is_sensitive_is_marked_at_the_feature_and_at_the_row() -> None:
    tables = rows("diagnosis", {"happened_on": ago(5), "code": "B20"},
                  {"happened_on": ago(4), "code": "I509"})  # fmt: skip
    asked = ["diagnosis_5_365", "diagnosis_108_365", "charlson_1987_365"]
    lines = printed(explain(histories(tables), "p", AS_OF, None, asked)).splitlines()
    marked = [" ".join(line.split("  known")[0].split()) for line in lines if "sensitive" in line]
    assert marked == [
        "diagnosis_5_365 = 1 (count) (sensitive: HIV)",
        "2020-12-26 HIV infection (sensitive: HIV) DX/ICD10CM/B20",
        "2020-12-26 AIDS/HIV (sensitive: HIV): 6 points DX/ICD10CM/B20",
    ]


def test_an_account_says_value_words_window_and_rows() -> None:
    tables = {
        **rows("member", {"birth_on": date(1950, 6, 1)}),
        **labs((10, 11.5), (3, 117.0)),
        "cost": [row("cost", n, happened_on=ago(n), allowed_cents=1000 * n, kind="pharmacy",
                     known_on=ago(0)) for n in range(1, 6)],
    }  # fmt: skip
    tables["lab_result"][1]["unit"] = "g/L"
    asked = ["age", "female", "cost_total_90", "cost_total_365", "haemoglobin_last",
             "haemoglobin_change_365"]  # fmt: skip
    assert printed(explain(histories(tables), "p", AS_OF, None, asked)).splitlines() == [
        "Patient p as of 2020-12-31",
        "  9 events were seen then.",
        "",
        "PERSON",
        "",
        "age = 70 years",
        "  70 years old",
        "  birthdays since this event, as far back as the history reaches, to 2020-12-31",
        "    1950-06-01  born  PERSON/born  known 1950-06-01  member.csv:0",
        "",
        "female = 1 (yes or no)",
        "  female",
        "  value of the last event, as far back as the history reaches, to 2020-12-31",
        "    1950-06-01  female (1)  PERSON/female  known 1950-06-01  member.csv:0",
        "",
        "COST",
        "",
        "cost_total_90 = 150 US dollars",
        "  $150 of care in the last 90 days",
        "  sum of the values, 2020-10-03 to 2020-12-31",
        "    2020-12-30  pharmacy $10.00  COST/pharmacy  known 2020-12-31  cost.csv:1",
        "    2020-12-29  pharmacy $20.00  COST/pharmacy  known 2020-12-31  cost.csv:2",
        "    2020-12-28  pharmacy $30.00  COST/pharmacy  known 2020-12-31  cost.csv:3",
        "    and 2 more; --all shows them",
        "",
        "cost_total_365 = 150 US dollars",
        "  $150 of care in the last 365 days",
        "  sum of the values, 2020-01-02 to 2020-12-31",
        "    the same 5 events as above",
        "",
        "LABS",
        "",
        "haemoglobin_last = 11.7 g/dL",
        "  last haemoglobin 11.7 g/dL",
        "  value of the last event, 2020-01-02 to 2020-12-31",
        "    2020-12-28  haemoglobin 117 g/L, which is 11.7 g/dL  LAB/718-7/g/L  "
        "known 2020-12-28  lab_result.csv:1",
        "",
        "haemoglobin_change_365 = 0.2 g/dL",
        "  haemoglobin risen by 0.2 g/dL in the last 365 days",
        "  last value minus the first, 2020-01-02 to 2020-12-31",
        "    2020-12-28  haemoglobin 117 g/L, which is 11.7 g/dL  LAB/718-7/g/L   "
        "known 2020-12-28  lab_result.csv:1",
        "    2020-12-21  haemoglobin 11.5 g/dL                    LAB/718-7/g/dL  "
        "known 2020-12-21  lab_result.csv:0",
        "",
        "Not shown: 0 features that are 0 and 0 that are missing.",
        "  --feature NAME tells any of them, and why it is 0 or missing.",
    ]


def test_all_events_are_shown_to_whoever_wants_them() -> None:
    tables = labs(*((n, 11.0) for n in range(1, 9)))
    account = explain(histories(tables), "p", AS_OF, None, ["haemoglobin_count_365"])
    short, whole = printed(account), printed(account, all_events=True)
    assert short.count("lab_result.csv") == SHOWN
    assert f"and {8 - SHOWN} more; --all shows them" in short
    assert whole.count("lab_result.csv") == 8
    assert "--all" not in whole


def test_zero_and_missing_are_told_where_they_are_asked_for_alone() -> None:
    held = histories(labs((1, 11.0)), tuple(c for c in CARRIES if c != "coverage"))
    asked = ["emergency_visits_count_90", "sodium_last", "coverage_now"]
    account = explain(held, "p", AS_OF, None, asked)
    assert "emergency" not in printed(account)
    assert "Not shown: 1 features that are 0 and 2 that are missing." in printed(account)
    assert "1 are missing because the source does not carry their feed" in printed(account)
    told = printed(account, zeros=True)
    assert "emergency_visits_count_90 = 0 (count), nothing seen\n" in told
    assert "sodium_last = missing: nothing seen in the last 365 days\n" in told
    assert "coverage_now = missing: the source carries no coverage\n" in told


def test_what_a_value_is_told_after_stands_first() -> None:
    tables = {**STAY, **rows("drug_fill", *({"happened_on": ago(d), "code": "C10AA05"}
                                            for d in (4, 3, 2, 1)))}  # fmt: skip
    name = "drug_fills_since_discharge"
    lines = printed(explain(histories(tables), "p", AS_OF, None, [name])).splitlines()
    events = [line.split("  ")[3] for line in lines if line.startswith("    2020")]
    assert events[0] == "since: acute inpatient stay ended after 4 days"
    assert events[1].startswith("lipid")


def test_before_anything_was_known_it_is_said_since_when_something_is() -> None:
    tables = rows("lab_result", {"happened_on": ago(9), "known_on": ago(4), "loinc": "718-7"})
    account = explain(histories(tables), "p", ago(5))
    assert printed(account).splitlines() == [
        f"Patient p as of {ago(5)}",
        f"  Nothing was known of this patient then: the first event could be seen on {ago(4)}.",
    ]


def test_every_feature_says_how_it_is_made_and_over_which_days() -> None:
    for declared in FEATURES:
        assert how_words(declared)
        assert str(AS_OF) in window_words(declared, AS_OF)


def test_a_level_is_told_in_dollars_of_costs_alone() -> None:
    costs = next(f for f in FEATURES if f.how == "months_above" and f.level == 500 * 100.0)
    assert how_words(costs).endswith("add up to more than $500")
    assert how_words(replace(costs, source="drug_fill", level=30.0)).endswith("to more than 30")
