"""An unknown code is kept, counted with its share, listed, and never a zero in silence."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from data.code_forms import in_form
from data.errors import InputError
from data.home import Home
from data.intake import current, take_in
from data.intake_report import UnknownCodes
from data.printed import print_kept_unknown_codes, print_kinds_told, print_unknown_codes
from data.unknown_codes import kept_unknown_codes
from features.definitions import feature
from features.meaning import meanings
from tests.data.canonical_fixture import write

HEAD = "record_id,patient_id,happened_on,code_system,code,known_on\n"


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def coded(*rows: str) -> str:
    return HEAD + "".join(f"r{n},p1,2020-01-01,{row},2020-01-02\n" for n, row in enumerate(rows))


DIAGNOSES = coded("ICD10CM,E11.9", "icd10cm,U07.1", "ICD10CM,u071", "ICD10CM,U999", "ICD9CM,38.9",
                  "ICD9CM,OTHER")  # fmt: skip
FILLS = coded("NDC,0002-3214-01", "NDC,00002321401", "NDC,none", "ATC,A10AB01", "ATC,Z99")
PROCEDURES = coded("ICD9PCS,3.31", "ICD9PCS,41401", "HCPCS,99213")
LABS = (
    "record_id,patient_id,happened_on,loinc,value,known_on\n"
    "l1,p1,2020-01-01,7187,12.1,2020-01-02\nl2,p1,2020-01-01,718-8,12.1,2020-01-02\n"
)


def test_every_system_is_counted_with_its_share(home, tmp_path):
    folder = write(tmp_path / "in", diagnosis=DIAGNOSES, drug_fill=FILLS, procedure=PROCEDURES,
                   lab_result=LABS)  # fmt: skip
    counts = take_in(home, "canonical", folder).unknown_codes
    told = {(u.table, u.system): (u.unknown_rows, u.rows, u.malformed_rows, u.most_frequent)
            for u in counts}  # fmt: skip
    assert told == {
        ("diagnosis", "ICD10CM"): (3, 4, 0, (("U071", 2), ("U999", 1))),
        ("diagnosis", "ICD9CM"): (1, 2, 1, (("OTHER", 1),)),  # 38.9 is septicaemia, 038.9
        ("procedure", "HCPCS"): (0, 1, 0, ()),
        ("procedure", "ICD9PCS"): (1, 2, 1, (("41401", 1),)),
        ("drug_fill", "ATC"): (1, 2, 1, (("Z99", 1),)),
        ("drug_fill", "NDC"): (3, 3, 1, (("00002321401", 2), ("NONE", 1))),
        ("lab_result", "LOINC"): (1, 2, 1, (("718-8", 1),)),
    }
    assert counts[0].share == 3 / 4


def test_every_one_of_them_is_kept_and_listed_in_the_home(home, tmp_path):
    folder = write(tmp_path / "in", diagnosis=DIAGNOSES, drug_fill=FILLS)
    take_in(home, "canonical", folder)
    stored = current(home).read("diagnosis")["code"].to_pylist()
    assert stored == ["E119", "U071", "U071", "U999", "0389", "OTHER"]
    listed = pq.read_table(home.unknown_codes).to_pylist()
    assert [(r["table"], r["system"], r["code"], r["rows"], r["why"], r["rows_of_system"])
            for r in listed] == [
        ("diagnosis", "ICD10CM", "U071", 2, "no category", 4),
        ("diagnosis", "ICD10CM", "U999", 1, "on no list", 4),
        ("diagnosis", "ICD9CM", "OTHER", 1, "no such code", 2),
        ("drug_fill", "ATC", "Z99", 1, "no such code", 2),
        ("drug_fill", "NDC", "00002321401", 2, "no list of its system", 3),
        ("drug_fill", "NDC", "NONE", 1, "no such code", 3),
    ]  # fmt: skip


def test_the_list_is_found_again_with_names(home, tmp_path, capsys):
    with pytest.raises(InputError, match="no list of unknown codes lies under"):
        kept_unknown_codes(home)
    take_in(home, "canonical", write(tmp_path / "in", diagnosis=DIAGNOSES))
    kept = kept_unknown_codes(home)
    assert kept.guarded, "where nothing says that the rows are about nobody"
    print_kept_unknown_codes(replace(kept, guarded=False), top=1)
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "Unknown codes of diagnosis ICD10CM: 2" in said
    assert "U071 2 50.00% no category COVID-19" in said
    assert "OTHER 1 50.00% no such code not known" in said
    assert not any("U999" in line for line in said)  # only the most frequent one was asked for


def test_the_list_is_of_all_that_is_there_and_the_same_after_the_same_files(home, tmp_path):
    folder = write(tmp_path / "in", diagnosis=DIAGNOSES)
    take_in(home, "canonical", folder)
    first = home.unknown_codes.read_bytes()
    assert not take_in(home, "canonical", folder).changed
    assert home.unknown_codes.read_bytes() == first
    more = write(tmp_path / "more", diagnosis=coded("ICD10CM,QQQ").replace("r0", "r9"))
    take_in(home, "canonical", more)
    assert pq.read_table(home.unknown_codes)["code"].to_pylist() == [
        "U071",
        "QQQ",
        "U999",
        "OTHER",
    ]


def test_an_unknown_code_is_never_a_zero_in_silence():
    """It names the unknown concept, so that whoever counts concepts sees it."""
    told = [[m.concept for m in found] for found in meanings(
        ["DX/ICD10CM/U071", "PX/ICD9PCS/41401", "RX/NDC/00002321401", "LAB/718-8"]
    )]  # fmt: skip
    assert told == [["DX/0"], ["PX/0"], ["RX/unknown"], ["LAB/code/718-8"]]
    # fills whose class nothing tells: features of classes need a feed that they do not show
    assert feature("drug_classes_distinct_180").feed == "drug_class"


def test_the_report_tells_each_system_and_repeats_no_name(capsys):
    most = (("XX000", 20), ("Doe, Jane 1950", 1))
    print_unknown_codes([
        UnknownCodes("diagnosis", "ICD9CM", 40_000, 21, 2, most, 21),
        UnknownCodes("procedure", "HCPCS", 1_000, 0, 0, (), 0),
        UnknownCodes("drug_fill", "NDC", 50, 50, 1, (("00002321401", 50),), 0),
    ], guarded=False)  # fmt: skip
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert any(
        line.startswith("diagnosis ICD9CM 40,000 21 0.1% 21 2 XX000 (20),") for line in lines
    )
    assert "procedure HCPCS 1,000 0 0.0% 0 0" in lines
    assert "drug_fill NDC 50 50 100.0% 0 1 00002321401 (50)" in lines
    assert "No list holds NDC codes: each of them is unknown, and has no class." in lines
    assert "Doe" not in said
    print_kinds_told([])
    assert capsys.readouterr().out == ""


def test_a_small_share_does_not_look_like_nothing(capsys):
    told = UnknownCodes("procedure", "HCPCS", 58_808, 1, 1, (("0851", 1),), 1)
    print_unknown_codes([told], guarded=False)
    assert "< 0.1%" in capsys.readouterr().out


OF_PEOPLE = ("123-45-6789", "Miller", "jane.doe", "1950-03-12", "12.03.50", "555-123-4567")
"""What stands in a column of codes where a source has mixed its columns up."""


@pytest.mark.parametrize("system", ["ICD9CM", "ICD10CM", "HCPCS", "NDC", "LAB unit", "other"])
def test_of_real_people_no_name_or_number_is_printed_however_common(system, capsys):
    for written in OF_PEOPLE:
        for code in {written, in_form(system, written)}:
            print_unknown_codes([UnknownCodes("t", system, 99, 40, 1, ((code, 40),), 40)])
            assert code not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("system", "code", "rows", "is_said"),
    [
        ("ICD10CM", "U071", 11, True),
        ("ICD10CM", "U071", 10, False),  # may be one person's
        ("ICD9CM", "XX000", 11, True),  # mistyped, and common
        ("NDC", "00002321401", 11, True),
        ("NDC", "123456789", 11, False),
        ("LOINC", "718-8", 11, True),
        ("LAB unit", "mmol/X", 11, True),
        ("LAB unit", "miller", 11, False),
        ("other", "LAB//51237", 11, True),
    ],
)
def test_of_real_people_common_codes_are_printed(system, code, rows, is_said, capsys):
    counts = UnknownCodes("t", system, 99, rows + 3, 3, ((code, rows), ("Doe", 2), ("X", 1)), 0)
    print_unknown_codes([counts])
    said = " ".join(capsys.readouterr().out.split())
    assert (f"{code} ({rows}), and 2 more" in said) == is_said
    assert ("3 rare or not like codes" in said) != is_said
    assert "Doe" not in said


def test_the_list_of_real_people_says_how_many_others_are_in_the_file(home, tmp_path, capsys):
    often = coded(*["ICD10CM,U07.1"] * 11, *["ICD10CM,U99.9"] * 10, *["ICD9CM,MILLER"] * 12)
    take_in(home, "canonical", write(tmp_path / "in", diagnosis=often))
    print_kept_unknown_codes(kept_unknown_codes(home), top=20)
    said = " ".join(capsys.readouterr().out.split())
    assert "Unknown codes of diagnosis ICD10CM: 2" in said
    assert "U071 11 52.38% no category COVID-19" in said
    assert "U999" not in said
    assert "MILLER" not in said
    assert "2 codes are not printed" in said
    assert f"{home.unknown_codes} lists them too." in said


def test_where_rows_are_about_nobody_all_are_printed(home, tmp_path):
    folder = write(tmp_path / "in", diagnosis=DIAGNOSES)
    (folder / "source.json").write_text('{"origin": "invented"}')
    take_in(home, "canonical", folder)
    assert not kept_unknown_codes(home).guarded
