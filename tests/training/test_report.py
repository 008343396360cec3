"""The page about a run: it stands alone, tells every table that it knows, and holds no patient."""

from __future__ import annotations

import doctest
import json
import shutil
from html import unescape
from pathlib import Path

import pytest

import training.report.figure_words
from data.errors import InputError, RefusalError
from data.small_cells import Counts
from tests.training.pages import Page, patients_of, run_folder, stands_alone, words_in
from tests.training.run_tables import CSV, JSON, write_tables
from training.report.document import Document, Heading, Points, Section, Table, Words, as_page
from training.report.figure_words import NOTHING, decimals, few_digits, table_of
from training.report.run_folder import RunFolder
from training.report.run_report import PICTURES, write_report

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7*7 }}\u202e"
ALWAYS = [
    "summary", "question", "gate", "attrition", "rows", "ranking", "calibration", "capacities",
    "by-day", "importance", "remarks", "settings", "glossary",
]  # fmt: skip
"""Sections of a readmission run with its own files alone (the shares are a picture)."""
OF_FILE = {
    "subgroups.csv": "subgroups", "lab/decision_curve.csv": "decision-curve",
    "lab/backtests.csv": "backtests", "lab/learning_curve.csv": "learning-curve",
    "search.csv": "search", "importance.csv": "importance", "equity.json": "equity",
    "lab/stability.json": "stability", "plausibility.json": "plausibility",
    "selection.json": "selection", "treated.json": "treated",
}  # fmt: skip


@pytest.fixture
def folder(small_home, tmp_path) -> Path:
    """The run of a readmission training, without pictures of later analyses."""
    made = run_folder(small_home, "readmission", tmp_path / "run")
    for path in (made / "pictures").iterdir():
        if PICTURES.get(path.stem, ("",))[0] not in ALWAYS:
            path.unlink()
    return made


@pytest.fixture
def costly(small_home, tmp_path) -> Path:
    return run_folder(small_home, "high-cost", tmp_path / "costly")


def page_of(folder: Path, title: str = "") -> Page:
    return Page(write_report(folder, title).read_text(encoding="utf-8"))


def change(path: Path, **told) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | told), encoding="utf-8")


def test_the_page_of_a_training_stands_alone_and_names_no_patient(small_home, folder, costly):
    known = patients_of(small_home)
    assert len(known) > 3000
    for run in (folder, costly):
        write_tables(run)
        text = write_report(run).read_text(encoding="utf-8")
        stands_alone(Page(text))
        assert "http://" not in text
        assert "https://" not in text
        assert words_in(text) & known == set()


def test_a_run_has_the_sections_of_its_own_files_and_no_other(folder):
    assert page_of(folder).ids == ALWAYS


@pytest.mark.parametrize("name", sorted({*CSV, *JSON}))
def test_each_table_that_is_known_by_name_becomes_a_section(folder, name):
    shutil.rmtree(folder / "pictures")
    write_tables(folder)
    sections = page_of(folder).ids
    (folder / name).unlink()
    assert {*sections} - {*page_of(folder).ids} == {OF_FILE[name]}


def test_every_value_of_every_table_stands_on_the_page(folder):
    write_tables(folder)
    words = page_of(folder).words
    for told in (
        "women 1,200 900 240 yes 20% 19% 0.712 (0.681 to 0.745) 1.05 (0.94 to 1.17) "
        "0.98 (0.81 to 1.15) 6.0% 17% 41% 1.01",
        "race None 90 70 7 no 7.8% 11% 0.634 (0.402 to 0.866) 0.71 (0.22 to 1.35) – 2.0% 0% 50% –",
        "threshold firstcall call everybody 5.0% 0.1201 (0.1009 to 0.1402) 0.1152 "
        "10% 0.0801 (0.0605 to 0.1003) 0.0651",
        "2022-06-30 2022-12-31 900 110 61 platt 410 52 13% 0.664 (0.601 to 0.731) "
        "1.31 (1.02 to 1.62)",
        "100% 2,200 2,880 420 58 0.689 (0.641 to 0.738) 0.390",
        "0 0.02 5 0.390",
        "albumin 4 0.121 43% 57% 31%",
        "At the 97th percentile black people have 4.8 conditions, white people 3.9.",
        "black 97 4.81", "black 14% 11%", "black $1,234 5.1",
        "It would call again 71% of the top 5%.", "3 305 2.1% 16%", "5.0% 71%",
        "4,000 96 2.4% 12 96 1.04 0.001", "length of stay 0.21 80 mean",
        "Deciles of the ratio of the risks: 0.99, 1, 1.01, 1.04.",
        "kept of 44 312 Left out (2): cost_total_30, age.",
        "51 reached", "train 1,894 40 1.3%",
    ):  # fmt: skip
        assert told in words, told


def test_the_summary_says_what_the_figures_say(folder):
    judged = json.loads((folder / "evaluation.json").read_text())
    ours = judged["scores"]["firstcall"]["auroc"]
    words = page_of(folder).words
    pairs = " to ".join(f"{100 * bound:.0f}" for bound in ours[1:])
    assert f"it puts the case higher in {100 * ours[0]:.0f} ({pairs})" in words
    assert f"{judged['events']} of {judged['rows']} questions of the test" in words
    for name, metrics in judged["better_than"].items():
        value, low, high = metrics["auroc"]
        better = "yes" if low > 0 else "no, worse" if high < 0 else "not shown"
        said = f"{name} {value:.3f} ({low:.3f} to {high:.3f}) {better}".replace("-0.", "−0.")
        assert said in words
    for criterion in json.loads((folder / "gate.json").read_text())["criteria"]:
        verdict = "passed" if criterion["passed"] else "MISSED"
        verdict = verdict if criterion.get("judged", True) else "not judged"
        assert f"{criterion['name']} {verdict} {criterion['words']}".replace(" %", "\xa0%") in (
            words.replace(" %", "\xa0%")
        )
    assert "The people are invented." in words
    assert "Left out are those who left against medical advice" in words


def test_a_better_a_worse_and_an_undecided_baseline_are_told_apart(folder):
    path = folder / "evaluation.json"
    judged = json.loads(path.read_text())
    names = list(judged["better_than"])[:3]
    for name, paired in zip(names, ([0.1, 0.05, 0.2], [-0.1, -0.2, -0.05], [0, -0.1, 0.1]),
                            strict=True):  # fmt: skip
        judged["better_than"][name]["auroc"] = paired
    judged["scores"]["firstcall"]["observed_to_expected"] = [1.5, 1.2, 1.8]
    path.write_text(json.dumps(judged))
    words = page_of(folder).words
    assert f"{names[0]} 0.100 (0.050 to 0.200) yes" in words
    assert f"{names[1]} −0.100 (−0.200 to −0.050) no, worse" in words
    assert f"{names[2]} 0.000 (−0.100 to 0.100) not shown" in words
    assert "1.50 (1.20 to 1.80) were seen; its risks are too low in total" in words


def test_attrition_roles_settings_and_days_are_whole(folder):
    run, words = RunFolder.open(folder), page_of(folder).words
    for name in ("attrition.csv", "counts.csv"):
        records = run.records(name)
        assert records
        for line in records:
            assert " ".join(str(line.get("rule") or line.get("role")).split()) in words
    attrition = run.records("attrition.csv") or []
    first, last = attrition[0], attrition[-1]
    assert f"{first['rule']} {first['rows_left']:,} {first['people_left']:,} –" in words
    assert f"{last['rows_left']:,} {last['people_left']:,} {int(last['outcomes_left']):,}" in words
    settings = run.texts("settings.csv") or []
    assert len(settings) > 40
    for line in settings:
        told = " ".join(f"{line['setting']} {line['value']} {line['meaning']}".split())
        assert told in words
    for day in run.evaluation["by_day"]:
        assert f"{day['landmark']} {day['rows']:,} {day['events']:,} " in words


def test_high_cost_tells_amount_bloomers_need_and_dollars(costly):
    page = page_of(costly)
    assert "cost" in page.ids
    assert "by-day" not in page.ids
    told = json.loads((costly / "cost" / "bloomers.json").read_text())["counts"]
    expected = json.loads((costly / "cost" / "expected_cost.json").read_text())
    assert f"{told['bloomers']} bloomers beside {told['stayers']} who stay costly" in page.words
    tenth = expected["deciles"][9]
    assert f"10 {tenth['rows']:,} ${tenth['expected']:,.0f} ${tenth['actual']:,.0f} " in page.words
    totals = RunFolder.open(costly).records("cost/control_totals.parquet") or []
    assert f"all ${sum(t['allowed_cents'] for t in totals) / 100:,.0f} " in page.words
    for title in ("Bloomers: costly next year", "Cost is not need", "How complete the claims are",
                  "Counted need beside the true one", "Where the money went"):  # fmt: skip
        assert title in page.words


def test_what_comes_from_settings_data_or_figures_is_text_and_never_markup(folder):
    write_tables(folder)
    change(folder / "evaluation.json", remarks=[HOSTILE])
    change(folder / "gate.json", champion=HOSTILE, criteria=[
        {"name": HOSTILE, "passed": False, "words": HOSTILE},
    ])  # fmt: skip
    change(folder / "equity.json", findings=[HOSTILE], at_same_risk=[{HOSTILE: HOSTILE}])
    (folder / "subgroups.csv").write_text(f'grouping,group,rows\nsex,"{HOSTILE}",5\n')
    (folder / "settings.csv").write_text(f'setting,value,meaning\n"{HOSTILE}","{HOSTILE}",m\n')
    model = folder / "model" / "model.json"
    change(model, label=HOSTILE, task=HOSTILE)
    harmless = (folder / "pictures" / "roc.png").read_bytes()
    (folder / "pictures" / "x onerror=alert(3).png").write_bytes(harmless)
    text = write_report(folder, HOSTILE).read_text(encoding="utf-8")
    page = Page(text)
    stands_alone(page)
    assert "<script" not in text
    assert "\u202e" not in text, "what turns the direction of writing is left out"
    shown = HOSTILE[:-1]
    assert page.words.count(shown) > 10
    assert unescape(text).count("{{ 7*7 }}") > 10


def test_columns_that_name_somebody_are_left_out(folder):
    (folder / "importance.csv").write_text(
        "patient_id,concept,encounter_id,mean_size\nP77777,albumin,E88888,0.5\n"
    )
    (folder / "treated.json").write_text(json.dumps(
        {"patient_id": ["P77777"], "roles": [{"person": "P77777", "role": "train"}]}
    ))  # fmt: skip
    words = page_of(folder).words
    assert "albumin 0.500" in words
    assert "P77777" not in words
    assert "E88888" not in words


def test_of_real_people_no_small_group_is_told_in_a_table(folder):
    write_tables(folder)
    change(folder / "model" / "model.json", origin="own")
    change(folder / "evaluation.json", truth={})
    words = page_of(folder).words
    assert "These are real people" in words
    assert "The people are invented" not in words
    assert f"race None 90 70 fewer than 11 no {' '.join(NOTHING * 8)}" in words
    assert "women 1,200 900 240 yes 20%" in words
    run = RunFolder.open(folder)
    for line in run.records("attrition.csv") or []:
        if 0 < line["rows_removed"] < 11:
            assert f"{line['rule']} fewer than 11" in words
    cases, asked = run.evaluation["events"], run.evaluation["rows"]
    assert cases < 11 < asked, "so that the share of cases is not told either"
    assert f"fewer than 11 of {round(asked, -1):,} questions of the test" in words
    assert words.count("a share that is not shown") >= 3
    assert f"{100 * run.evaluation['base_rate']:.0f}%" not in words.split("How good is it?")[0]


def test_an_svg_stands_before_its_png_and_apart_from_other_svgs(folder):
    pictures = folder / "pictures"
    for name in ("roc", "gain"):
        (pictures / f"{name}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg"><a id="p"/></svg>'
        )
    (pictures / "new_one.png").write_bytes((pictures / "shares.png").read_bytes())
    page = page_of(folder)
    stands_alone(page)
    sources = page.all_of("src")
    assert sum(source.startswith("data:image/svg+xml;base64,") for source in sources) == len(
        {*pictures.glob("*.svg")}
    )
    assert len(sources) == len({path.stem for path in pictures.iterdir()})
    assert "p" not in page.ids
    assert page.ids.index("pictures") < page.ids.index("remarks")
    assert "New one." in page.words


def test_the_same_folder_gives_the_same_bytes(folder, tmp_path):
    write_tables(folder)
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert write_report(tmp_path / "elsewhere").read_bytes() == first


def test_a_folder_that_is_no_run_is_refused_in_one_sentence(folder, tmp_path):
    with pytest.raises(InputError, match=r"There is no model.txt in .*: `firstcall train`"):
        write_report(tmp_path)
    (folder / "importance.csv").write_text('a,b\n"1,2\n')
    with pytest.raises(InputError, match=r"importance.csv in .* cannot be read: train anew"):
        write_report(folder)
    (folder / "importance.csv").unlink()
    (folder / "gate.json").write_text("{")
    with pytest.raises(InputError, match=r"gate.json in .* cannot be read: train anew"):
        write_report(folder)
    (folder / "evaluation.json").unlink()
    with pytest.raises(InputError, match=r"There is no evaluation.json of a training in"):
        write_report(folder)
    (folder / "model" / "model.txt").write_text("tree")
    with pytest.raises(RefusalError, match=r"is not the one that model.json was written with"):
        write_report(folder)


def test_an_empty_table_is_none(folder):
    (folder / "search.csv").write_text("")
    (folder / "importance.csv").write_text("concept,mean_size\n")
    (folder / "equity.json").write_text("{}")
    assert page_of(folder).ids == ALWAYS


def test_intervals_stand_beside_their_figure():
    made = table_of("t", [
        {"score": "a", "auroc": 0.7, "low": 0.6, "high": 0.8, "net_benefit": -0.00001},
        {"score": "b", "auroc": None, "low": None, "high": None, "net_benefit": float("inf")},
        {"score": True, "auroc": 0.5, "low": None, "high": None, "net_benefit": 1},
    ], Counts("invented"))  # fmt: skip
    assert made.header == ("score", "AUROC (95 %)", "net benefit")
    assert made.rows == (
        ("a", "0.700 (0.600 to 0.800)", "0.0000"), ("b", NOTHING, NOTHING),
        ("yes", "0.500", "1.0000"),
    )  # fmt: skip
    assert made.right == {1, 2}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-3.0, "−3"), (1234567.0, "1,234,567"), (0.1, "0.1"), (-0.12345, "−0.123"),
     (99.96, "100"), (1e-9, "0"), (12.34, "12.3")],
)  # fmt: skip
def test_a_figure_has_few_digits(value, shown):
    assert few_digits(value) == shown


def test_a_minus_never_stands_before_nothing():
    assert [decimals(2)(value) for value in (-0.004, -0.006, 0.0)] == ["0.00", "−0.01", "0.00"]


def test_the_examples_of_figures_hold():
    assert doctest.testmod(training.report.figure_words) == (0, 5)


def test_a_document_refuses_what_a_reader_could_not_follow():
    with pytest.raises(ValueError, match="has a row of another length"):
        Table("t", ("a", "b"), (("1",),))
    with pytest.raises(ValueError, match="two sections of a document have one name"):
        Document("t", (), (Section("a", "A", ()), Section("a", "B", ())))
    made = Section("a", "A", (Heading("h"), Words("w", note=True), Points(("p",))))
    assert Page(as_page(Document("t", ("x",), (made,)))).words.endswith("A h w p")
