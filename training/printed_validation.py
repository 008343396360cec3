"""What the validation of a champion on other people says on a terminal."""

from __future__ import annotations

import pandas as pd

from data.terminal import say, table
from training.external_validation import Validation
from training.printed import print_calibration, print_scores
from training.report.figure_words import base_rate, table_of

_GROUPS = ("grouping", "group", "rows", "events")
_OF_GROUPS = ("auroc", "observed_to_expected", "calibration_slope")


def print_validation(found: Validation) -> None:
    """Print the scores side by side, calibration, the groups and what the equity audit found; of
    real people no small count."""
    judged, counts = found.judged, found.counts
    say(f"{found.label}, model version {found.model_version}, on people that it never saw.", "")
    rate = base_rate(
        {"rows": judged.rows, "events": judged.events, "base_rate": judged.base_rate}, counts
    )
    print_scores(
        f"{found.task}: {counts.count(judged.rows)} rows of {counts.count(judged.people)} people, "
        f"{counts.count(judged.events)} cases ({rate})",
        judged,
    )
    print_calibration(judged, counts)
    _print_groups(found.examined.by_group, found)
    say(*(f"  {remark}" for remark in found.remarks()), "")


def _print_groups(by_group: pd.DataFrame, found: Validation) -> None:
    columns = [*_GROUPS, *(f"{name}{end}" for name in _OF_GROUPS for end in ("", "_low", "_high"))]
    lines = [{str(name): value for name, value in line.items()}
             for line in by_group[columns].to_dict("records")]  # fmt: skip
    made = table_of(
        f"By group; under {found.judgeable} cases are too few to judge", lines, found.counts,
        labels={"grouping": "", "events": "cases"},
    )  # fmt: skip
    table(made.caption, made.header, made.rows, made.right)
