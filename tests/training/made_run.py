"""A run folder as small as can be, made up line by line: what a page says of it can be counted by
hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.report.run_folder import RunFolder

MODEL = {
    "task": "readmission", "kind": "readmission", "horizon_days": 30, "asked_on": "any",
    "label": "Unplanned readmission within 30 days (cms_hwr)", "origin": "invented",
    "data_through": "2024-12-31", "calibrator": {"kind": "platt"}, "carries": ["outreach"],
    "fingerprint": "f" * 64, "tiers": {"high": 0.3, "moderate": 0.2},
    "features": ["age", "acute_stays_count_365", "acute_stays_days_since"],
    "trained_on": {
        "rows": 206, "people": 150, "cases": 40, "first_as_of": "2022-01-04",
        "last_as_of": "2022-10-15", "test_from": "2023-03-14", "minimum_age": 65,
        "look_back_days": 365, "source": "canonical",
    },
}  # fmt: skip
EVALUATION = {
    "rows": 90, "people": 80, "events": 20, "base_rate": 2 / 9, "capacities": [], "remarks": [],
    "scores": {"firstcall": {"auroc": [0.7, 0.6, 0.8], "observed_to_expected": [1.0, 0.8, 1.2],
                             "calibration_slope": [1.0, 0.8, 1.2]},
               "LACE": {"auroc": [0.6, 0.5, 0.7]}},
    "better_than": {"LACE": {"auroc": [0.1, 0.05, 0.15]}},
}  # fmt: skip
SETTINGS = {
    "landmark_days": "(0, 2, 7, 14)", "fit.monotone": "True", "fit.least_seen": "20",
    "evaluation.judgeable_events": "200", "gate.least_observed_in_group": "0.67",
    "gate.most_observed_in_group": "1.5",
}  # fmt: skip
COUNTS = """\
role,rows,people,cases,first_as_of,last_as_of
train,181,140,30,2022-01-04,2023-09-11
validation,44,40,8,2022-01-04,2023-09-11
calibration,227,200,31,2022-01-04,2023-09-11
test,90,80,20,2024-02-08,2024-08-01
"""
ATTRITION = """\
rule,evaluable,rows_removed,people_removed,rows_left,people_left,outcomes_left,rows_untried,note
acute inpatient stays,True,0,0,900,700,,0,
joined with another stay into one episode,True,50,0,850,700,150,0,
left against medical advice,True,12,9,838,691,148,0,
rehabilitation,True,0,0,838,691,148,0,
discharged from an exempt hospital,False,0,0,838,691,148,838,
"""


def made_run(
    folder: Path,
    model: dict[str, Any] | None = None,
    evaluation: dict[str, Any] | None = None,
    **files: Any,
) -> RunFolder:
    """The run, with these parts of its model and evaluation otherwise, and these `files`: by their
    stem, a text becomes a CSV and anything else a JSON."""
    lines = [f'{name},"{value}",what it is' for name, value in SETTINGS.items()]
    told = {
        "settings": "\n".join(("setting,value,meaning", *lines)), "counts": COUNTS,
        "attrition": ATTRITION, **files,
    }  # fmt: skip
    for stem, content in told.items():
        suffix = "csv" if isinstance(content, str) else "json"
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return RunFolder(
        folder, MODEL | (model or {}), "0123456789abcdef", EVALUATION | (evaluation or {})
    )
