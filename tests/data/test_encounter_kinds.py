"""The kind of an encounter that does not say it, told by the codes of its claim."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest

from data.encounter_kinds import kind_told
from data.errors import InputError
from data.generation import REREAD
from data.home import Home
from data.intake import KindTold, current, take_in
from data.synthesise import synthesise
from tests.data.canonical_fixture import write

HEAD = "record_id,patient_id,kind,started_on,ended_on,known_on,place_of_service,revenue_codes,drg\n"


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def encounters(*rows: str) -> str:
    """One encounter a row: kind, place of service, revenue codes, DRG."""
    lines = []
    for n, row in enumerate(rows):
        kind, place, revenue, drg = row.split(",")
        lines.append(f"e{n},p1,{kind},2020-01-01,2020-01-02,2020-01-03,{place},{revenue},{drg}\n")
    return HEAD + "".join(lines)


@pytest.mark.parametrize(("revenue", "place", "kind"), [
    # emergency: 045x and 0981; not 0982, an outpatient service
    ("0450", "", "emergency"),
    ("459", "", "emergency"),
    ("981", "", "emergency"),
    ("982", "", "outpatient"),
    # observation is 0762; 0761, a treatment room, is not; an emergency is what it led to
    ("0762", "", "observation"),
    ("0761", "", "outpatient"),
    ("0450 0762", "", "observation"),
    ("0450 0300 0120", "", "acute_inpatient"),
    # beds: ordinary, intensive care and nursery; leave of absence alone is no bed
    ("0110", "", "acute_inpatient"),
    ("0200", "", "acute_inpatient"),
    ("0210", "", "acute_inpatient"),
    ("0171", "", "acute_inpatient"),
    ("0180", "", "outpatient"),
    # psychiatric and rehabilitation beds; in an ordinary bed as well: an acute hospital
    ("0124", "", "psychiatric_inpatient"),
    ("0204", "", "psychiatric_inpatient"),
    ("0124 0206", "", "acute_inpatient"),
    ("0128", "", "rehabilitation_inpatient"),
    ("0024 0120", "", "rehabilitation_inpatient"),
    # skilled nursing and hospice have ordinary beds on their claims
    ("0022 0120", "", "skilled_nursing"),
    ("0191", "", "skilled_nursing"),
    ("0656", "", "hospice"),
    ("0115", "", "hospice"),
    ("0551", "", "home_health"),
    ("0023 0570", "", "home_health"),
    ("0300", "", "outpatient"),
    # the clinician's claim
    ("", "23", "emergency"),
    ("", "11", "office"),
    ("", "2", "telehealth"),
    ("", "10", "telehealth"),
    ("", "22", "outpatient"),
    ("", "21", "other"),  # seen in hospital: the stay has a claim of its own
    ("", "31", "other"),
    ("", "12", "other"),
    # both: the revenue codes; an unknown revenue code tells nothing
    ("0450", "11", "emergency"),
    ("0997 0007", "23", "outpatient"),
    ("9999", "23", "emergency"),
])  # fmt: skip
def test_what_codes_tell(home, tmp_path, revenue, place, kind):
    told = encounters(f",{place},{revenue},", "office,23,0120,")
    report = take_in(home, "canonical", write(tmp_path / "in", encounter=told))
    rows = current(home).read("encounter")
    assert rows["kind"].to_pylist() == [kind, "office"]  # who says the kind himself is believed
    assert [(t.kind, t.encounters) for t in report.kinds_told] == [(kind, 1)]


@pytest.mark.parametrize("row", [",,,", ",99,,", ",01,,", ",,9999,", ",xx,,", ",,4.50,"])
def test_what_tells_nothing_is_rejected_and_not_guessed(home, tmp_path, row):
    told = encounters(row, "office,,,")
    report = take_in(home, "canonical", write(tmp_path / "in", encounter=told))
    assert current(home).read("encounter")["record_id"].to_pylist() == ["e1"]
    (rejection,) = report.rejections
    assert (rejection.column, rejection.rows) == ("kind", 1)
    assert "neither revenue_codes nor place_of_service tells it" in rejection.rule
    assert report.kinds_told == ()


def test_what_codes_decided_is_counted(home, tmp_path):
    told = encounters(",23,,", ",23,,", ",,450,", ",,0762,", "office,,,", ",99,,")
    report = take_in(home, "canonical", write(tmp_path / "in", encounter=told))
    assert report.kinds_told == (
        KindTold("emergency", "place of service", 2),
        KindTold("emergency", "revenue codes", 1),
        KindTold("observation", "revenue codes", 1),
    )


def test_a_file_without_the_kind_needs_codes(home, tmp_path):
    head = "record_id,patient_id,started_on,known_on"
    folder = write(tmp_path / "in", encounter=f"{head}\ne1,p1,2020-01-01,2020-01-01\n")
    with pytest.raises(InputError, match="no column kind; add it, or revenue_codes or place_of"):
        take_in(home, "canonical", folder)
    text = f"{head},place_of_service\ne1,p1,2020-01-01,2020-01-01,11\n"
    take_in(home, "canonical", write(tmp_path / "in", encounter=text))
    assert current(home).read("encounter")["kind"].to_pylist() == ["office"]


def test_codes_are_kept_in_their_form_and_unknown_ones_counted(home, tmp_path):
    told = encounters("office,9,450;0120 450,65", "office,98,9999 0300,OTH", "office,,,.")
    report = take_in(home, "canonical", write(tmp_path / "in", encounter=told))
    rows = current(home).read("encounter")
    assert rows["place_of_service"].to_pylist() == ["09", "98", None]
    assert rows["revenue_codes"].to_pylist() == ["0120 0450", "0300 9999", None]
    assert rows["drg"].to_pylist() == ["065", "OTH", None]
    counted = {u.system: (u.rows, u.unknown_rows, u.malformed_rows, u.most_frequent)
               for u in report.unknown_codes}  # fmt: skip
    assert counted == {
        "MSDRG": (2, 1, 1, (("OTH", 1),)),
        "POS": (2, 1, 0, (("98", 1),)),
        "REVENUE": (4, 1, 0, (("9999", 1),)),
    }


def test_the_codes_of_invented_claims_tell_the_kind_that_the_claims_have(tmp_path):
    path = synthesise(tmp_path / "invented", 300, seed=3).directory / "encounter.parquet"
    told = (
        duckdb.connect()
        .execute(
            f"SELECT kind, {kind_told()} AS told, count(*) AS n FROM '{path}' "
            "WHERE revenue_codes IS NOT NULL OR place_of_service IS NOT NULL GROUP BY ALL"
        )
        .fetchall()
    )
    assert {kind for kind, _, _ in told} >= {"acute_inpatient", "emergency", "office"}
    assert all(kind == from_codes for kind, from_codes, _ in told)
    early = (
        duckdb.connect()
        .execute(
            f"SELECT count(*) FROM '{path}' WHERE kind = 'acute_inpatient' AND drg IS NULL "
            "AND revenue_codes IS NOT NULL"
        )
        .fetchall()
    )
    assert early == [(0,)]  # both come with the claim, and not with the admission


def test_a_home_of_before_these_columns_goes_on(home, tmp_path):
    folder = write(tmp_path / "in", encounter=encounters("office,11,,", "emergency,,450,"))
    take_in(home, "canonical", folder)
    path = current(home).tables["encounter"]
    pq.write_table(pq.read_table(path).drop_columns(["place_of_service", "revenue_codes"]), path)
    taken = current(home)
    assert taken.read("encounter", ["revenue_codes", "kind"]).to_pydict() == {
        "revenue_codes": [None, None], "kind": ["office", "emergency"]}  # fmt: skip
    assert taken.read("encounter").schema.names == list(taken.read("encounter").column_names)
    assert not (taken.folder / REREAD).exists()
    more = write(tmp_path / "more", encounter=encounters("office,11,,").replace("e0", "e9"))
    take_in(home, "canonical", more)
    assert current(home).read("encounter")["place_of_service"].to_pylist() == [None, None, "11"]
