"""HOSPITAL item by item, in its three forms (Donzé 2013 and 2016, Aubert 2017).

The stay of these tables lasts from 5 days ago until yesterday.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from features.hospital_score import (
    FORMS,
    HOSPITAL_2013,
    HOSPITAL_2016,
    HOSPITAL_SIMPLIFIED,
    Form,
    hospital,
)
from features.score_range import group_of
from tests.features.asked_stays import asked, stay, stays
from tests.features.family_specs import NAN, Tables, diagnoses, results, same, together
from tests.features.rows import CARRIES, ago, histories, rows

HAEMOGLOBIN, SODIUM = "718-7", "2951-2"
THE_STAY = stay(5, 1, admission_type="elective", specialty="cardiology")
ITEMS = ("h", "o", "s", "p", "it", "a", "l")


def _hospital(
    tables: Tables, form: Form = HOSPITAL_2016, carries: tuple[str, ...] = CARRIES, **of: Any
) -> dict[str, float]:
    found = hospital(histories(tables, carries), asked(**of), form)
    return {str(column): points.item() for column, points in found.items()}


def _item(letter: str, *tables: Tables, form: Form = HOSPITAL_2016, **of: Any) -> float:
    return _hospital(together(stays(THE_STAY), *tables), form, **of)[letter]


def _procedures(*coded: tuple[int, str, str]) -> Tables:
    return rows("procedure", *({"happened_on": ago(d), "code_system": system, "code": code}
                               for d, system, code in coded))  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "unit", "points"),
    [
        ([(1, 11.9)], "g/dL", 1),
        ([(1, 12.0)], "g/dL", 0),  # not below 12
        ([(1, 119.0)], "g/L", 1),
        ([(1, 120.0)], "g/L", 0),
        ([(1, 11.9)], None, 1),  # no unit counts as ours
        ([(5, 9.0)], "g/dL", 1),  # on the day of admission
        ([(5, 9.0), (2, 12.5)], "g/dL", 0),  # the last one counts, not the lowest
        ([(5, 12.5), (2, 9.0)], "g/dL", 1),
        ([(6, 9.0)], "g/dL", NAN),  # before the stay: no value at discharge
        ([(0, 9.0)], "g/dL", NAN),  # after it
        ([(6, 9.0), (3, 12.5), (0, 9.0)], "g/dL", 0),
        ([], "g/dL", NAN),  # not measured
        ([(1, 7.0)], "mmol/L", NAN),  # a unit that is not read
    ],
)
def test_haemoglobin(measured: list[tuple[int, float]], unit: str | None, points: float) -> None:
    assert same(_item("h", results(HAEMOGLOBIN, *measured, unit=unit)), points)


@pytest.mark.parametrize(
    ("measured", "unit", "points"),
    [
        ([(1, 134.0)], "mmol/L", 1),
        ([(1, 135.0)], "mmol/L", 0),  # not below 135
        ([(1, 134.0)], "meq/L", 1),
        ([(1, 135.0)], "meq/L", 0),
        ([(5, 130.0), (2, 140.0)], "mmol/L", 0),  # the last one
        ([(5, 140.0), (2, 130.0)], "mmol/L", 1),
        ([(6, 130.0)], "mmol/L", NAN),
        ([(0, 130.0)], "mmol/L", NAN),
        ([], "mmol/L", NAN),
        ([(1, 310.0)], "mg/dL", NAN),
    ],
)
def test_sodium(measured: list[tuple[int, float]], unit: str, points: float) -> None:
    assert same(_item("s", results(SODIUM, *measured, unit=unit)), points)


def test_a_last_result_that_cannot_be_read_leaves_the_value_at_discharge_unknown() -> None:
    read = results(HAEMOGLOBIN, (3, 13.0), unit="g/dL")
    assert math.isnan(_item("h", read, results(HAEMOGLOBIN, (2, 7.0), unit="mmol/L")))


def test_a_result_that_is_known_later_is_not_seen_yet() -> None:
    late = {"loinc": HAEMOGLOBIN, "happened_on": ago(2), "value": 9.0, "known_on": ago(-1)}
    assert math.isnan(_item("h", rows("lab_result", late)))


@pytest.mark.parametrize(
    ("specialty", "points"),
    [
        ("oncology", 2),
        ("medical oncology", 2),
        ("hematology/oncology", 2),
        ("cardiology", 0),
        ("haematology", 0),
        (None, NAN),  # the stay names none
    ],
)
def test_oncology_discharge(specialty: str | None, points: float) -> None:
    tables = stays(stay(5, 1, specialty=specialty))
    for form in (HOSPITAL_2016, HOSPITAL_2013):
        assert same(_hospital(tables, form)["o"], points)


def test_the_specialty_is_that_of_the_stay_and_of_no_other_visit() -> None:
    # a visit of the day of admission that has become known on another day than the discharge
    clinic = {"kind": "office", "started_on": ago(5), "specialty": "oncology"}
    assert _item("o", rows("encounter", clinic)) == 0
    # known on the same day: nobody can tell whose specialty it is
    together_known = {**clinic, "known_on": ago(1)}
    assert math.isnan(_item("o", rows("encounter", together_known)))
    emergency = {"kind": "emergency", "started_on": ago(5), "known_on": ago(1)}
    assert math.isnan(_item("o", rows("encounter", emergency)))
    # nobody was seen at an appointment that was missed
    missed = {"kind": "missed_appointment", "started_on": ago(5), "known_on": ago(1)}
    assert _item("o", rows("encounter", missed)) == 0
    # the oncologist's visit before the day of admission, and after it
    for day in (6, 4):
        other = {**together_known, "started_on": ago(day)}
        assert _item("o", rows("encounter", other)) == 0


def test_a_visit_that_another_version_replaced_later_is_told_apart_from_the_stay() -> None:
    """Both were known on the same day; only the visit was corrected since, on the day after."""
    visit = {"kind": "office", "started_on": ago(5), "specialty": "oncology", "record_id": "v"}
    versions = rows("encounter", THE_STAY, {**visit, "known_on": ago(1)},
                    {**visit, "known_on": ago(-1)})  # fmt: skip
    assert _hospital(versions)["o"] == 0


def test_the_specialty_of_an_episode_is_that_of_the_stay_that_ends_it() -> None:
    tables = stays(stay(30, 27, specialty="cardiology"), stay(27, 21, specialty="oncology"))
    assert _hospital(tables, as_of=ago(21), admitted_on=[ago(30)])["o"] == 2


@pytest.mark.parametrize(
    ("specialty", "codes", "points"),
    [
        ("oncology", [], 2),
        ("cardiology", [(1, "C509")], 2),  # a malignant tumour
        ("cardiology", [(1, "C787")], 2),  # a metastasis
        ("cardiology", [(1, "C8590")], 2),  # a lymphoma
        ("oncology", [(1, "C509")], 2),  # never 4
        ("cardiology", [], 0),
        ("cardiology", [(1, "C4491")], 0),  # skin, not melanoma
        ("cardiology", [(1, "Z853")], 0),  # a history of cancer
        ("cardiology", [(1, "D125")], 0),  # benign
        ("cardiology", [(5 + 365, "C509")], 2),  # 365 days before the admission
        ("cardiology", [(5 + 366, "C509")], 0),
        ("cardiology", [(0, "C509")], 0),  # after the discharge
        (None, [(1, "C509")], 2),  # known all the same
        (None, [], NAN),  # neither is told
    ],
)
def test_simplified_counts_an_active_cancer_too(
    specialty: str | None, codes: list[tuple[int, str]], points: float
) -> None:
    tables = together(stays(stay(5, 1, specialty=specialty)), diagnoses(*codes))
    assert same(_hospital(tables, HOSPITAL_SIMPLIFIED)["o"], points)


@pytest.mark.parametrize(("specialty", "points"), [("oncology", 2), ("cardiology", NAN)])
def test_simplified_without_diagnoses(specialty: str, points: float) -> None:
    carries = tuple(feed for feed in CARRIES if feed != "diagnosis")
    tables = stays(stay(5, 1, specialty=specialty))
    assert same(_hospital(tables, HOSPITAL_SIMPLIFIED, carries)["o"], points)


def test_a_cancer_alone_is_no_oncology_discharge_in_the_longer_forms() -> None:
    for form in (HOSPITAL_2016, HOSPITAL_2013):
        assert _item("o", diagnoses((1, "C509")), form=form) == 0


@pytest.mark.parametrize(
    ("coded", "points"),
    [
        ([(5, "ICD10PCS", "0DJ08ZZ")], 1),  # on the day of admission
        ([(1, "ICD10PCS", "0DJ08ZZ")], 1),  # on the day of discharge
        ([(3, "ICD9PCS", "4513")], 1),
        ([(3, "ICD10PCS", "QQQQQQQ")], 1),  # any code
        ([(3, "ICD10PCS", "0DJ08ZZ"), (3, "ICD9PCS", "4513")], 1),  # never more
        ([(6, "ICD10PCS", "0DJ08ZZ")], 0),
        ([(0, "ICD10PCS", "0DJ08ZZ")], 0),
        ([(3, "HCPCS", "99231")], 0),  # a visit at the bedside
        ([], 0),
    ],
)
def test_procedure(coded: list[tuple[int, str, str]], points: int) -> None:
    assert _item("p", _procedures(*coded)) == points
    assert _item("p", _procedures(*coded), form=HOSPITAL_2013) == points


def test_simplified_asks_for_no_procedure() -> None:
    assert "p" not in _hospital(stays(THE_STAY), HOSPITAL_SIMPLIFIED)


@pytest.mark.parametrize(
    ("admission_type", "points"),
    [("emergency", 1), ("urgent", 1), ("trauma", 1), ("elective", 0), ("newborn", NAN),
     (None, NAN)],
)  # fmt: skip
def test_index_type(admission_type: str | None, points: float) -> None:
    for form in FORMS:
        found = _hospital(stays(stay(5, 1, admission_type=admission_type)), form)
        assert same(found["it"], points)


@pytest.mark.parametrize(
    ("admissions", "form_2013", "form_2016"),
    [(0, 0, 0), (1, 2, 0), (2, 2, 2), (3, 2, 2), (5, 2, 2), (6, 5, 5), (9, 5, 5)],
)
def test_admissions_in_the_year_before(admissions: int, form_2013: int, form_2016: int) -> None:
    before = stays(*(stay(10 + 3 * n, 9 + 3 * n) for n in range(admissions)))
    assert _item("a", before, form=HOSPITAL_2013) == form_2013
    assert _item("a", before, form=HOSPITAL_2016) == form_2016
    assert _item("a", before, form=HOSPITAL_SIMPLIFIED) == form_2016


@pytest.mark.parametrize(
    ("start", "end", "points"),
    [
        (5 + 365, 300, 2),  # begun 365 days before the admission
        (5 + 366, 300, 0),
        (6, 6, 2),
        (5, 5, 0),  # on the day of admission: that is the stay itself, or no one can tell
    ],
)
def test_a_year_before_the_admission(start: int, end: int, points: int) -> None:
    assert _item("a", stays(stay(start, end)), form=HOSPITAL_2013) == points


@pytest.mark.parametrize(("days", "points"), [(0, 0), (1, 0), (4, 0), (5, 2), (6, 2), (30, 2)])
def test_length_of_stay(days: int, points: int) -> None:
    for form in FORMS:
        assert _hospital(stays(stay(days, 0)), form)["l"] == points


WORST = together(
    stays(
        stay(9, 1, specialty="oncology"),
        *(stay(20 + 3 * n, 19 + 3 * n) for n in range(6)),
    ),
    results(HAEMOGLOBIN, (2, 8.0)), results(SODIUM, (2, 120.0)),
    _procedures((3, "ICD10PCS", "0DJ08ZZ")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "most"),
    [
        (HOSPITAL_2016, 1 + 2 + 1 + 1 + 1 + 5 + 2),
        (HOSPITAL_2013, 1 + 2 + 1 + 1 + 1 + 5 + 2),
        (HOSPITAL_SIMPLIFIED, 1 + 2 + 1 + 1 + 5 + 2),
    ],
)
def test_the_items_add_up_to_13_and_12(form: Form, most: int) -> None:
    found = _hospital(WORST, form)
    assert found[f"{form.name}_low"] == found[f"{form.name}_high"] == most
    assert [found[item.letter] for item in form.items] == [item.most for item in form.items]


def test_2016_is_the_default() -> None:
    assert "hospital_2016_low" in hospital(histories(WORST), asked())


def test_a_hand_worked_case() -> None:
    """An elective stay of 4 days in cardiology, haemoglobin 10.1, sodium 138, a catheter, one
    admission in March: 1 + 0 + 0 + 1 + 0 + (2013: 2, 2016: 0) + 0."""
    tables = together(
        stays(THE_STAY, stay(290, 288)),
        results(HAEMOGLOBIN, (4, 10.9), (2, 10.1)), results(SODIUM, (2, 138.0)),
        _procedures((4, "ICD10PCS", "4A023N7")),
    )  # fmt: skip
    assert _hospital(tables)["hospital_2016_low"] == _hospital(tables)["hospital_2016_high"] == 2
    assert _hospital(tables, HOSPITAL_2013)["hospital_2013_low"] == 4
    assert _hospital(tables, HOSPITAL_SIMPLIFIED)["hospital_simplified_low"] == 1


@pytest.mark.parametrize(
    ("feed", "lacks"),
    [
        ("lab_result", ("h", "s")),
        ("specialty", ("o",)),
        ("icd_procedures", ("p",)),
        ("admission_type", ("it",)),
        ("member", ()),
    ],
)
def test_what_is_not_carried_gives_a_range(feed: str, lacks: tuple[str, ...]) -> None:
    carries = tuple(carried for carried in CARRIES if carried != feed)
    found = _hospital(WORST, HOSPITAL_2016, carries)
    assert tuple(item for item in ITEMS if math.isnan(found[item])) == lacks
    most = sum(item.most for item in HOSPITAL_2016.items if item.letter in lacks)
    assert (found["hospital_2016_low"], found["hospital_2016_high"]) == (13 - most, 13)


def test_without_a_stay_there_is_no_score() -> None:
    for form in FORMS:
        assert all(map(math.isnan, _hospital({}, form).values()))
        assert all(map(math.isnan, _hospital(WORST, form, ("member",)).values()))


def test_of_a_stay_whose_discharge_is_not_seen_little_is_known() -> None:
    """Three days into the worst stay: six admissions are known, and nothing that a discharge
    tells; the cancer is known as well."""
    found = _hospital(WORST, as_of=ago(6), admitted_on=[ago(9)])
    assert tuple(item for item in ITEMS if not math.isnan(found[item])) == ("a",)
    assert (found["hospital_2016_low"], found["hospital_2016_high"]) == (5, 13)
    ill = together(WORST, diagnoses((20, "C509")))
    assert _hospital(ill, HOSPITAL_SIMPLIFIED, as_of=ago(6), admitted_on=[ago(9)])["o"] == 2


def test_an_episode_holds_what_happened_in_either_hospital() -> None:
    tables = together(
        stays(stay(30, 27), stay(27, 21, admission_type="elective")),
        _procedures((29, "ICD10PCS", "0DJ08ZZ")),
        results(HAEMOGLOBIN, (29, 10.0)),
    )
    episode = _hospital(tables, as_of=ago(21), admitted_on=[ago(30)])
    assert (episode["p"], episode["h"], episode["it"], episode["l"]) == (1, 1, 1, 2)
    last_stay = _hospital(tables, as_of=ago(21))
    assert (last_stay["p"], last_stay["it"], last_stay["l"]) == (0, 0, 2)
    assert math.isnan(last_stay["h"])


@pytest.mark.parametrize("form", [HOSPITAL_2016, HOSPITAL_2013])
@pytest.mark.parametrize(
    ("low", "high", "group"),
    [
        (0, 0, "low"), (4, 4, "low"), (5, 5, "intermediate"), (6, 6, "intermediate"),
        (7, 7, "high"), (13, 13, "high"), (4, 6, "low to intermediate"), (NAN, NAN, ""),
    ],
)  # fmt: skip
def test_three_groups(form: Form, low: float, high: float, group: str) -> None:
    assert group_of(low, high, form.groups) == group


@pytest.mark.parametrize(
    ("points", "group"), [(0, "unlikely"), (4, "unlikely"), (5, "likely"), (12, "likely")]
)
def test_two_groups_of_the_simplified_form(points: int, group: str) -> None:
    assert group_of(points, points, HOSPITAL_SIMPLIFIED.groups) == group
