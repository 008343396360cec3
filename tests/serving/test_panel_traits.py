"""What panels ask of people, and who is managed already, as known on the day."""

from datetime import date

import pandas as pd
import pytest

from data.errors import InputError
from features.history import Histories
from serving.managed import managed
from serving.panel_traits import panel_traits
from serving.panels import Panel
from tests.serving.test_population import AS_OF, CARRIES, days_ago, member, tables

NAMED = Panel(
    number=1, slots=5, regions=frozenset({"north"}), practices=frozenset({"F1"}),
    conditions=frozenset({"charlson_heart_failure_730"}),
)  # fmt: skip
EVERYBODY = Panel(number=2, slots=5)


def traits(panels=(NAMED, EVERYBODY), **rows):
    told = tables(**{"member": [member()]} | rows)
    people = pd.DataFrame({"patient_id": ["nobody", "p"]}, index=[7, 3])
    histories = Histories.of_tables(told, CARRIES)
    found = panel_traits(people, panels, told, histories, AS_OF)
    assert found.index.tolist() == [7, 3]
    assert found["patient_id"].tolist() == ["nobody", "p"]
    return found.set_index("patient_id")


def visit(facility, day, **row):
    return {"kind": "office", "specialty": "primary care", "facility_id": facility,
            "started_on": days_ago(day), "known_on": days_ago(day)} | row  # fmt: skip


def test_nothing_is_looked_up_that_no_panel_asks_for():
    assert traits(panels=(EVERYBODY,)).columns.tolist() == []


@pytest.mark.parametrize(("rows", "region"), [
    ([member(region="north")], "north"),
    ([member(region="south"), member(region="north", known_on=days_ago(3))], "north"),  # the newest
    ([member(region="north"), member(region="south", known_on=AS_OF.replace(month=7, day=1))],
     "north"),  # of tomorrow
    ([member(region="north", record_id="m"),
      member(region="south", record_id="m", known_on=days_ago(3)),
      member(region="south", record_id="m", known_on=days_ago(2), reversed=True)], None),
    ([member()], None),
])  # fmt: skip
def test_the_region_is_the_newest_that_was_known(rows, region):
    found = traits(member=rows)["region"]
    assert found["p"] == region if region else pd.isna(found["p"])
    assert pd.isna(found["nobody"])


@pytest.mark.parametrize(("rows", "practice"), [
    ([visit("F1", 9), visit("F1", 300), visit("F2", 2)], "F1"),  # most visits
    ([visit("F1", 9), visit("F2", 2)], "F2"),  # as many: the later one
    ([visit("F2", 2), visit("F1", 2)], "F2"),
    ([visit("F1", 9), visit("F2", 365), visit("F2", 366)], "F1"),  # a year ago is no more
    ([visit("F1", 364), visit("F2", 2, specialty="cardiology")], "F1"),
    ([visit("F1", 9, kind="outpatient")], None),
    ([visit("F1", 9, known_on=date(2024, 7, 2))], None),  # known later
    ([visit(None, 9)], None),
])  # fmt: skip
def test_the_practice_is_where_primary_care_was_most(rows, practice):
    found = traits(encounter=rows)["practice"]["p"]
    assert found == practice if practice else pd.isna(found)


def test_a_condition_is_a_feature_above_zero():
    failing = {"code_system": "ICD10CM", "code": "I50.9", "happened_on": days_ago(30),
               "known_on": days_ago(20)}  # fmt: skip
    found = traits(diagnosis=[failing])["conditions"]
    assert found["p"] == {"charlson_heart_failure_730"}
    assert found["nobody"] == frozenset()
    assert traits()["conditions"]["p"] == frozenset()
    with pytest.raises(InputError, match="heart_trouble"):
        traits(panels=(Panel(number=1, slots=1, conditions=frozenset({"heart_trouble"})),))


def step(what, day, known=None):
    return {"step": what, "happened_on": days_ago(day),
            "known_on": days_ago(day if known is None else known)}  # fmt: skip


@pytest.mark.parametrize(("rows", "is_managed"), [
    ([], False),
    ([step("contacted", 9)], False),
    ([step("enrolled", 9)], True),
    ([step("enrolled", 364)], True),
    ([step("enrolled", 366)], False),  # an end is seldom told
    ([step("enrolled", 90), step("closed", 9)], False),
    ([step("closed", 90), step("enrolled", 9)], True),
    ([step("enrolled", 90), step("closed", 9), step("enrolled", 2)], True),
    ([step("enrolled", 9, known=-2)], False),  # known later
])  # fmt: skip
def test_who_is_managed_already(rows, is_managed):
    told = tables(member=[member()], outreach=rows)
    histories = Histories.of_tables(told, CARRIES)
    assert managed(histories, ["nobody", "p"], AS_OF).tolist() == [False, is_managed]
    without = Histories.of_tables(told, tuple(c for c in CARRIES if c != "outreach"))
    assert managed(without, ["p"], AS_OF).tolist() == [False]
    assert managed(histories, [], AS_OF).tolist() == []
