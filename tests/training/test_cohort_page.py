"""The page about a cohort: it stands alone, holds no patient, and tells what the tables tell."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from data.small_cells import Counts
from tests.training.readmission_answers import cohort
from tests.training.small import EVERYTHING, Person, manifest
from training.cohort_files import print_cohort, readmission_task, write_cohort
from training.cohorts.attrition import COLUMNS
from training.cohorts.cohort import DEFINITIONS
from training.cohorts.cohort_page import cohort_page
from training.settings.tasks import READMISSION


def some(count: int, back: int) -> list[Person]:
    """People with one index discharge each; the first `back` of them return on day 10."""
    made = []
    for number in range(count):
        person = Person(f"person-{number:03}").stay(f"stay-{number}", "2022-03-01", "2022-03-05")
        if number < back:
            person.stay(f"back-{number}", "2022-03-15", "2022-03-16", diagnosis="C189")
        made.append(person)
    return made


def page_of(people: list[Person], task=READMISSION, **changes) -> str:
    return cohort_page(cohort(*people, task=task, **changes), task, manifest(**changes))


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<body>"):]))  # fmt: skip


@pytest.mark.parametrize("definition", sorted(DEFINITIONS))
def test_the_page_stands_alone_and_holds_no_patient(definition):
    task = readmission_task("readmission", definition)
    page = page_of(some(14, 3), task)
    assert "<script" not in page
    outside = re.findall(r"""(?:src|href|action)\s*=|@import|url\(|https?://""", page)
    assert outside == []
    assert re.findall(r"person-\d|stay-\d|back-\d|north", page) == []
    for sentence in DEFINITIONS[definition].words_of(task):
        assert sentence.replace("'", "&#39;") in page


def test_each_drawing_is_sound_and_no_box_overlaps_the_next():
    page = page_of(some(14, 3), carries=[c for c in EVERYTHING if c != "disposition"])
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.S)
    assert len(drawings) == 2
    flow = ElementTree.fromstring(drawings[0])
    boxes = sorted((float(box.get("x", 0)), float(box.get("y", 0)), float(box.get("height", 0)))
                   for box in flow.iter("rect"))  # fmt: skip
    assert len(boxes) == 4 + 14, "left are at first, after cancer, of the measure, of the model"
    for (x, y, height), (next_x, next_y, _) in pairwise(boxes):
        assert next_x != x or y + height < next_y
    words = " ".join("".join(text.itertext()) for text in flow.iter("text"))
    assert "left against medical advice: not evaluable, nobody taken out" in words
    assert "14 index discharges, 14 people 3 followed by a readmission" in words
    ElementTree.fromstring(drawings[1])


def test_the_figures_are_those_of_the_cohort():
    # 14 index discharges, 3 readmitted for cancer: those stays are no index themselves
    said = words_of(page_of(some(14, 3)))
    assert "3 (21.4%) readmitted unplanned within 30 days" in said
    assert "2022 14 3 21.4% 3 21.4%" in said
    assert "medical treatment of cancer: 3" in said
    assert "unplanned admission: a readmission 3 21.4%" in said
    assert "no deciding admission, alive after 30 days 11 78.6%" in said


def test_of_real_people_no_count_under_11_is_told():
    # 114 stays, 5 back: 119 stays, 114 index discharges, 5 readmissions
    page = page_of(some(114, 5), origin="own")
    said = words_of(page)
    assert "These are real people" in said
    assert "110 index discharges, 110 people fewer than 11 followed by a readmission" in said
    assert "medical treatment of cancer: fewer than 11" in said
    assert "2022 110 fewer than 11 fewer than 11" in said, "and no rate of them"
    shown = re.sub(r"<style.*?</style>|\b(viewBox|[a-z-]+)=\"[^\"]*\"", "", page, flags=re.S)
    assert not re.search(r"\b(114|119|109|4\.4%)\b", shown)
    assert "114 index discharges" in words_of(page_of(some(114, 5), origin="public_synthetic"))
    assert "110 index discharges" in words_of(page_of(some(114, 5), origin="not known to us"))


def test_who_is_told_alike_has_the_same_page_lengths_of_bars_and_tooltips_too():
    # 310 discharges, 40 back: 13% of 312 (41 back, 13.1%) and of 308 (40 back, 13.0%)
    page = page_of(some(312, 41), origin="own")
    assert "2022 310 40 13%" in words_of(page)
    assert page == page_of(some(308, 40), origin="own")
    assert f"width:{4 * 13}.0%" in page
    # 41 / 312 * 4 is 52.6%: of invented people the bar is exact
    assert "width:52.6%" in page_of(some(312, 41))


def test_a_bar_of_real_people_names_its_days_and_no_small_count():
    # 5 of 114 are back on day 10, nobody on another day
    page = page_of(some(114, 5), origin="own")
    told = re.findall(r"<title>(days? .*?)</title>", page)
    none = "0 unplanned, 0 planned"
    assert told[::2] == told[1::2], "the same on both parts of a bar"
    assert told[::2] == [
        f"days 0–6: {none}", "days 7–13: fewer than 11 unplanned, 0 planned",
        f"days 14–20: {none}", f"days 21–27: {none}", f"days 28–30: {none}",
    ]  # fmt: skip
    assert "but 11 to 14 stands as it is" in words_of(page)
    assert "<title>day 10: 5 unplanned, 0 planned</title>" in page_of(some(114, 5))


@pytest.mark.parametrize("origin", ["invented", "own"])
def test_the_table_below_the_flow_diagram_says_the_same(origin):
    people = some(114, 14)
    page = page_of(people, origin=origin, carries=[c for c in EVERYTHING if c != "disposition"])
    said = words_of(page[page.index("<body>"):].replace("<details>", "<body>", 1))  # fmt: skip
    table = page[page.index("<details>"):page.index("</details>")]  # fmt: skip
    lines = [
        [words_of(f"<body>{cell}").strip() for cell in re.findall(r"<td.*?</td>", line, re.S)]
        for line in re.findall(r"<tr>.*?</tr>", table, re.S)[1:]
    ]
    attrition = cohort(*people, carries=[c for c in EVERYTHING if c != "disposition"]).attrition
    assert len(lines) == len(attrition)
    told = Counts(origin)
    for line, step in zip(lines, attrition.to_dict("records"), strict=True):
        assert line[0].startswith(step["rule"])
        assert line[2:4] == [told.count(step["rows_left"]), told.count(step["people_left"])]
    by_rule = {line[0]: line[1] for line in lines}
    assert by_rule["medical treatment of cancer"] == ("14" if origin == "invented" else "11 to 14")
    assert "not evaluable, nobody taken out" in by_rule.values()
    assert f"{told.count(114)} index discharges" in said


@pytest.mark.parametrize(
    ("origin", "number", "shown"),
    [("own", 0, "0"), ("own", 1, "fewer than 11"), ("own", 10, "fewer than 11"),
     ("own", 11, "11 to 14"), ("own", 14, "11 to 14"), ("own", 15, "20"),
     ("own", 1234, "1,230"), ("invented", 1, "1"), ("public_synthetic", 1234, "1,234")],
)  # fmt: skip
def test_counts(origin, number, shown):
    assert Counts(origin).count(number) == shown


def test_a_length_tells_no_more_than_the_words():
    told = Counts("own")
    by_words: dict[str, set[int]] = {}
    for number in range(300):
        by_words.setdefault(told.count(number), set()).add(told.drawn(number))
    assert {words: drawn for words, drawn in by_words.items() if words in ("0", "fewer than 11")} \
        == {"0": {0}, "fewer than 11": {0}}  # fmt: skip
    assert by_words["11 to 14"] == {11}
    assert all(len(drawn) == 1 for drawn in by_words.values())
    assert [Counts("invented").drawn(number) for number in (7, 13, 1234)] == [7, 13, 1234]


@pytest.mark.parametrize(
    ("origin", "part", "whole", "shown"),
    [("own", 10, 100, ""), ("own", 11, 100, "11%"), ("own", 89, 100, "89%"), ("own", 90, 100, ""),
     ("invented", 1, 8, "12.5%"), ("invented", 0, 0, "–"), ("own", 0, 0, "–")],
)  # fmt: skip
def test_shares(origin, part, whole, shown):
    assert Counts(origin).share(part, whole) == shown


def test_remarks_of_real_people_hide_small_counts_too():
    people = some(20, 0)
    people[0].rows["diagnosis"][0]["code"] = "U071"
    assert "1 of 20 acute stays" in words_of(page_of(people))
    assert "fewer than 11 of 20 acute stays" in words_of(page_of(people, origin="own"))


def test_an_empty_cohort_and_a_long_horizon_have_a_page_as_well():
    assert "0 index discharges" in words_of(page_of([]))
    ninety = replace(READMISSION, horizon_days=90, enrolled_after_days=90)
    assert "one bar a week since discharge" in words_of(page_of(some(14, 3), ninety))


def test_the_files_and_what_is_printed(small_home: Home, tmp_path: Path, capsys):
    task = readmission_task("readmission", "pcr_like")
    written = write_cohort(small_home, task, tmp_path / "made" / "here")
    stays = pq.read_table(written.folder / "stays.parquet").to_pandas()
    attrition = pd.read_parquet(written.folder / "attrition.parquet")
    assert list(attrition.columns) == list(COLUMNS)
    assert len(stays) == written.stays
    assert int(stays["index"].fillna(False).sum()) == attrition["rows_left"].iloc[-2] > 100
    page = (written.folder / "cohort.html").read_text(encoding="utf-8")
    assert not any(patient in page for patient in stays["patient_id"].head(50))
    print_cohort(written)
    said = capsys.readouterr().out
    page_line, tables_line = said.strip().splitlines()[-2:]
    assert page_line.endswith("cohort.html is the page to read, and may be shown: it holds no "
                              "patient.")  # fmt: skip
    assert tables_line == (f"stays.parquet ({written.stays:,} rows) and attrition.parquet beside "
                           "it are about patients: they are for you alone.")  # fmt: skip
    assert "Who counts for readmission by pcr_like" in said
    assert f"{attrition['rows_left'].iloc[-2]:,} index discharges" in said


NAMES = ("stays.parquet", "attrition.parquet", "cohort.html")


def test_unless_told_the_files_lie_in_the_home(small_home: Home, tmp_path: Path, monkeypatch):
    from typer.testing import CliRunner

    from firstcall import app

    home = Home(tmp_path / "home")
    home.root.mkdir()
    (home.root / "tables").symlink_to(small_home.tables)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    ran = CliRunner().invoke(app, ["--home", str(home.root), "cohort"])
    assert ran.exit_code == 0, ran.output
    assert sorted(p.name for p in (home.root / "cohort").iterdir()) == sorted(NAMES)
    assert list(here.iterdir()) == []


def test_what_was_there_is_replaced_and_never_written_to(small_home: Home, tmp_path: Path):
    folder, elsewhere = tmp_path / "cohort", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("somebody's")
    (folder / "stays.parquet").symlink_to(elsewhere)
    for name in NAMES[1:]:
        (folder / name).touch(0o644)
    (folder / ".stays.parquet.new").symlink_to(elsewhere)  # of one that was killed, or laid there
    write_cohort(small_home, READMISSION, folder)
    assert elsewhere.read_text() == "somebody's"
    assert sorted(p.name for p in folder.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert not (folder / name).is_symlink()
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_the_same_tables_write_the_same_bytes(small_home: Home, tmp_path: Path):
    for folder in ("one", "two"):
        write_cohort(small_home, READMISSION, tmp_path / folder)
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_cannot_be_is_refused(small_home: Home, tmp_path: Path):
    with pytest.raises(InputError) as refused:
        readmission_task("high-cost")
    assert str(refused.value) == (
        "high-cost is no task of readmission: choose readmission, readmission-pcr-like, or a file "
        "of settings of that kind."
    )
    with pytest.raises(InputError, match="choose cms_hwr or pcr_like"):
        readmission_task("readmission", "nhs")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        write_cohort(small_home, READMISSION, file)


def test_another_definition_brings_its_own_age_and_gap_and_back_again():
    payer = readmission_task("readmission", "pcr_like")
    assert (payer.definition, payer.minimum_age, payer.allowed_gap_days) == ("pcr_like", 18, 45)
    assert payer.horizon_days == READMISSION.horizon_days
    shipped = readmission_task("readmission-pcr-like")
    assert payer == replace(shipped, name="readmission"), "its settings stand in the file alone"
    assert readmission_task("readmission-pcr-like", "cms_hwr") == replace(
        READMISSION, name="readmission-pcr-like"
    )
    assert readmission_task("readmission") == READMISSION
    assert readmission_task("readmission", "cms_hwr") == READMISSION
