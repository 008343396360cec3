"""Laboratory results without a unit are taken to be in ours, and that is counted and said."""

from __future__ import annotations

import pytest

from data.home import Home
from data.intake import IntakeReport, take_in
from data.printed import print_intake
from tests.data.canonical_fixture import write

HEAD = "record_id,patient_id,happened_on,loinc,value,unit,known_on\n"
SODIUM, GLUCOSE, HAEMOGLOBIN = "2951-2", "2345-7", "718-7"
RESULTS = [
    (SODIUM, "138", "mmol/L"),
    (SODIUM, "139", ""),
    (GLUCOSE, "5.4", ""),
    (GLUCOSE, "5.5", " "),
    (GLUCOSE, "99", "{}"),  # empty braces: no unit
    (GLUCOSE, "99", "furlong"),  # a unit, though an unknown one
    (HAEMOGLOBIN, "13", "g/dL"),
    (HAEMOGLOBIN, "", ""),  # no number: rejected
    ("2951-9", "138", ""),  # the check digit is wrong: an unknown code, which names no unit
]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def taken_in(home: Home, tmp_path, results: list[tuple[str, str, str]]) -> IntakeReport:
    rows = (
        f"l{n},p1,2020-01-01,{loinc},{value},{unit},2020-01-02\n"
        for n, (loinc, value, unit) in enumerate(results)
    )
    return take_in(home, "canonical", write(tmp_path / "in", lab_result=HEAD + "".join(rows)))


def test_results_of_known_tests_without_a_unit_are_counted(home, tmp_path):
    report = taken_in(home, tmp_path, RESULTS)
    count = report.results_without_unit
    # 9 rows, of them 1 rejected and 1 under an unknown code
    assert (report.rows["lab_result"], report.rejected, count.rows) == (8, 1, 9 - 1 - 1)
    assert count.without_unit == 1 + 3
    assert count.share == 4 / 7
    assert count.most_frequent == ((GLUCOSE, 3), (SODIUM, 1))


def test_every_result_is_counted_under_its_unit_or_as_without_one(home, tmp_path):
    report = taken_in(home, tmp_path, RESULTS)
    units = next(count for count in report.unknown_codes if count.system == "LAB unit")
    # mmol/L, g/dL, furlong
    assert (units.rows, units.unknown_rows, units.most_frequent) == (3, 1, (("furlong", 1),))
    under_unknown_code = 1
    assert units.rows + report.results_without_unit.without_unit + under_unknown_code == 8


def test_they_are_counted_over_all_that_is_there(home, tmp_path):
    taken_in(home, tmp_path / "first", RESULTS)
    later = tmp_path / "later"
    write(later, lab_result=HEAD + f"n1,p2,2020-02-01,{SODIUM},140,,2020-02-02\n")
    count = take_in(home, "canonical", later).results_without_unit
    assert (count.rows, count.without_unit) == (7 + 1, 4 + 1)


def test_none_without_a_unit_and_no_result_at_all(home, tmp_path):
    count = taken_in(home, tmp_path, RESULTS[:1]).results_without_unit
    assert (count.rows, count.without_unit, count.share, count.most_frequent) == (1, 0, 0.0, ())
    other = take_in(Home(tmp_path / "other"), "canonical", write(tmp_path / "none"))
    assert (other.results_without_unit.rows, other.results_without_unit.share) == (0, 0.0)


def test_one_line_says_so(home, tmp_path, capsys):
    print_intake(taken_in(home, tmp_path, RESULTS), "rejected")
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "without a unit" in line]
    assert said.strip() == (
        "4 of 7 laboratory results (57.1%) came without a unit and are taken to be in the unit of "
        "the test; most often: 2345-7 (3), 2951-2 (1)."
    )


def test_nothing_is_said_where_all_have_units(home, tmp_path, capsys):
    print_intake(taken_in(home, tmp_path, RESULTS[:1]), "rejected")
    assert "without a unit" not in capsys.readouterr().out
