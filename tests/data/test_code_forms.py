"""Every spelling of a code is one code, in Python and in SQL, and nothing is mended by guessing."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import codes
from data.code_forms import code_form, codes_form, codes_in_form, in_form
from data.code_systems import SHAPES

SYSTEMS = (*SHAPES, "LOINC")
_ASCII = st.characters(min_codepoint=32, max_codepoint=126) | st.just("\t")
_TEXT = (
    st.text(alphabet="0123456789.- \tEVQZ", max_size=13)
    | st.from_regex(r"[0-9]{1,6}[.-][0-9]{1,4}(-[0-9]{1,2})?", fullmatch=True)
    | st.from_regex(r"0{0,6}[0-9]{0,3}-?[0-9]?x?", fullmatch=True)
    | st.text(alphabet=_ASCII, max_size=8)
)


@pytest.mark.parametrize(("system", "spellings", "form"), [
    ("ICD10CM", ("E11.9", "e119", " E11.9 ", "E11-9", "E 11.9"), "E119"),
    ("ICD9CM", ("250.00", "25000", " 250.00"), "25000"),
    ("ICD9CM", ("038.9", "0389", "38.9"), "0389"),  # a spreadsheet took the zero, the dot tells
    ("ICD9CM", ("008.45", "8.45"), "00845"),
    ("ICD9CM", ("389",), "389"),  # hearing loss: without a dot nothing tells of a zero
    ("ICD9CM", ("V58.11", "v5811"), "V5811"),
    ("ICD9CM", ("E812.0", "E8120"), "E8120"),
    ("ICD9PCS", ("03.31", "0331", "3.31"), "0331"),
    ("ICD9PCS", ("81.51", "8151"), "8151"),
    ("ICD10PCS", ("0SR9019", "0sr9019"), "0SR9019"),
    ("HCPCS", ("g0378", "G0378 "), "G0378"),
    ("ATC", ("a10ab01", "A10 AB01"), "A10AB01"),
    ("NDC", ("0002-3214-01", "00002321401", "00002-3214-01"), "00002321401"),  # 4-4-2
    ("NDC", ("12345-678-90", "12345067890"), "12345067890"),  # 5-3-2
    ("NDC", ("12345-6789-0", "12345678900"), "12345678900"),  # 5-4-1
    ("NDC", ("0002-3214", "000023214"), "000023214"),  # without package
    ("NDC", ("0002321401",), "0002321401"),  # ten digits: any of three codes
    ("LOINC", ("718-7", "7187", " 718-7 ", "0718-7", "000718-7"), "718-7"),
    ("LOINC", ("0-7", "07", "000-7"), "0-7"),
    ("MSDRG", ("065", "65", "65.0", "0065"), "065"),
    ("MSDRG", (".", "-", " . ", ""), ""),  # how some programs write that there is none
    ("POS", ("23", "23.0", "023"), "23"),
    ("POS", ("2", "02"), "02"),
    ("REVENUE", ("0450", "450", "450.0", " 450"), "0450"),
    ("REVENUE", ("4.50",), "4.50"),  # an amount, and no emergency room
    ("RXNORM", ("6809", "06809", "6809.0"), "6809"),
])  # fmt: skip
def test_every_spelling_is_one_code(system, spellings, form):
    assert {in_form(system, spelling) for spelling in spellings} == {form}


def test_a_long_run_of_zeros_is_read_once():
    """A pattern that went back over them would not end within the time that a test has."""
    zeros = "0" * 400_000
    assert in_form("LOINC", f"{zeros}x") == f"{zeros}X"
    assert in_form("LOINC", f"{zeros}7187") == "718-7"
    assert in_form("LOINC", zeros) == "0-0"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(SYSTEMS), _TEXT), min_size=1, max_size=60))
def test_sql_says_the_same_and_a_form_is_its_own_form(written):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE w (place INTEGER, system VARCHAR, code VARCHAR)")
        connection.executemany(
            "INSERT INTO w VALUES (?, ?, ?)", [(n, *pair) for n, pair in enumerate(written)]
        )
        told = connection.execute(
            f"SELECT {code_form('code', 'system')}, {codes_form('code', 'system')} "
            "FROM w ORDER BY place"
        ).fetchall()
    for (system, code), (one, several) in zip(written, told, strict=True):
        form = in_form(system, code)
        assert (one or "") == form
        assert in_form(system, form) == form
        assert (several or "") == codes_in_form(system, code)
        assert codes_in_form(system, codes_in_form(system, code)) == codes_in_form(system, code)


@given(st.sampled_from(SYSTEMS), st.lists(st.text(max_size=12) | _TEXT, max_size=8))
def test_nothing_is_known_that_its_pattern_forbids(system, written):
    known = codes.recognised(system, written)
    formed = codes.well_formed(system, written)
    assert not (known & ~formed).any()
    for code, right in zip(written, formed.tolist(), strict=True):
        if right:
            form = in_form(system, code)
            assert form.isascii()
            if system != "LOINC":
                assert SHAPES[system].fullmatch(form)


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_dots_case_and_blanks_make_no_other_code(system, data):
    code = data.draw(st.from_regex(SHAPES[system].pattern.replace(r"\d", "[0-9]"), fullmatch=True))
    code = in_form(system, code)
    spelled = f" {code.lower()}\t"
    assert in_form(system, spelled) == code
    assert codes.recognised(system, [spelled]).tolist() == codes.recognised(system, [code]).tolist()


@pytest.mark.parametrize(("system", "code"), [
    ("ICD10CM", "11E9"), ("ICD9CM", "E12"), ("ICD9PCS", "41001"), ("ICD10PCS", "0SR901O"),
    ("HCPCS", "0851"), ("ATC", "Q51AA"), ("NDC", "2321401"), ("RXNORM", "A1"), ("LOINC", "718-8"),
    ("MSDRG", "OTH"), ("POS", "123"), ("REVENUE", "045X"), ("CCW", "CHF"), ("ICD9CM", "٢٥٠"),
])  # fmt: skip
def test_what_no_code_looks_like(system, code):
    assert codes.well_formed(system, [code]).tolist() == [False]
    assert codes.recognised(system, [code]).tolist() == [False]
    assert codes.why_unknown(system, [code]) == ["no such code"]
