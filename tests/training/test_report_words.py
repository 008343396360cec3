"""Words of a report that a reader could take wrongly, each beside the figures that it stands on."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pandas as pd
import pytest

import training.report.baseline_notes
import training.report.groups_judged
import training.robustness.constraint_price
from data.small_cells import Counts
from tests.training.made_run import made_run
from training.evaluation.evaluate import Interval
from training.report.baseline_notes import notes_on
from training.report.document import Table, Words
from training.report.figure_words import table_of
from training.report.known_tables import AFTER_RESULT, EQUITY, blocks_of
from training.report.result import companion_blocks, score_blocks
from training.report.run_report import PICTURES
from training.robustness.constraint_price import price_words
from training.robustness.plausibility import Plausibility

TREATED = next(known for known in AFTER_RESULT if known.name == "treated")


@pytest.mark.parametrize("module", [
    training.robustness.constraint_price, training.report.baseline_notes,
    training.report.groups_judged,
])  # fmt: skip
def test_the_examples_hold(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 0


def told(blocks) -> str:
    return " | ".join(block.text for block in blocks if isinstance(block, Words))


def test_no_effect_of_calling_stands_by_itself(tmp_path):
    run = made_run(tmp_path, treated={
        "treated": "include", "dropped": 0, "effect_log_odds": [-0.176, -0.33, -0.021],
        "words": ["51 reached"], "roles": [{"role": "train", "rows": 90, "reached": 51}],
    })  # fmt: skip
    blocks = blocks_of(run, TREATED)
    tables = [cell for block in blocks if isinstance(block, Table) for row in block.rows
              for cell in row]  # fmt: skip
    assert "51" in tables
    assert not any("0.176" in str(one) for one in (told(blocks), *tables))
    assert "no figure here tells what calling does" in told(blocks)


def test_a_comparison_says_what_the_baselines_were_made_for_and_what_they_lack(tmp_path):
    run = made_run(tmp_path)
    said = told(score_blocks(run, "t"))
    assert said == (
        "Made for another outcome (death or unplanned readmission within 30 days of a discharge) "
        "and judged here by ours: LACE."
    )
    assert notes_on(["firstcall", "prior admissions", "prior-year cost", "champion"]) == []
    partial = notes_on(["HOSPITAL 2016 without H, O, S", "HOSPITAL 2013 without H, O, S"])
    assert (
        "HOSPITAL 2016 and HOSPITAL 2013 stand here without haemoglobin at discharge, oncology "
        "discharge, sodium at discharge"
    ) in partial[1].text
    made_for = replace(run, evaluation=run.evaluation | {"companion": run.evaluation})
    assert "LACE" not in told(companion_blocks(made_for)), "this outcome is LACE's own"


def test_shares_of_a_list_are_per_cent_and_their_differences_points():
    made = table_of("", [{
        "group": "women", "people": 21, "judgeable": True, "share_of_rows": 0.143,
        "share_of_rows_low": 0.124, "share_of_rows_high": 0.164, "share_called": 0.27,
        "counted_need_minus_score": -0.122,
    }], Counts("invented"), labels=EQUITY.labels)  # fmt: skip
    assert made.rows == (("women", "21", "yes", "14% (12% to 16%)", "27%", "−12.2"),)
    assert made.header[2] == "20 people or more, and as many others"
    assert made.header[-1].endswith("percentage points")


def test_means_by_twentieth_of_risk_stay_in_the_file(tmp_path):
    line = {"grouping": "sex", "group": "women", "rows": 30, "people": 25}
    run = made_run(tmp_path, equity={
        "by_percentile": [{**line, "percentile": 2.5}], "by_label": [line], "findings": ["None."],
    })  # fmt: skip
    captions = [block.caption for block in blocks_of(run, EQUITY) if isinstance(block, Table)]
    assert captions == [
        "Everybody who tested (not the list): what each group costs, and how ill it is"
    ]


def test_each_picture_has_a_place_and_words():
    assert PICTURES["dependence"][0] == "importance"
    assert PICTURES.keys().isdisjoint(("stability", "at_same_risk", "subgroups")), (
        "nobody draws them"
    )


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ((0.004, 0.001, 0.007), "cost some AUROC: without them it would be higher by 0.004"),
        ((-0.004, -0.007, -0.001), "help the AUROC: without them it would be lower by 0.004"),
        ((-0.0001, -0.002, 0.001), "cost no AUROC that is shown: without them it would be the same "
         "(95 % interval: lower by 0.002 to higher by 0.001)"),
    ],
)  # fmt: skip
def test_a_price_reads_without_knowing_what_is_taken_from_what(price, said):
    assert said in price_words(Interval(*price))
    assert "-" not in price_words(Interval(*price)).replace("30-day", "")


def test_a_price_that_was_not_asked_has_no_words():
    assert price_words(None) == ""


def test_nobody_whose_risk_a_stay_lowers_is_no_per_cent():
    of = pd.DataFrame(columns=["concept", "fall", "people", "feature"])
    none = Plausibility(1000, 0, 0, 0, 1.16, (1.1,) * 9, of)
    assert none.words == (
        "one earlier unplanned hospital stay more lowers the risk of none of 1,000 people; half of "
        "the risks become 1.16 times as high or more"
    )
    some = replace(none, lowered=24, by_a_percent=10)
    # 24 of 1,000 is 2.4 %, and 10 of 1,000 is 1.0 %
    assert "risk of 2.4% of 1,000 people (of 1.0% by more than a hundredth of it);" in some.words
