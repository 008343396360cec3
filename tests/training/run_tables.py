"""Tables that others write into a run folder, small and made up: one file each that a report knows
by its name."""

from __future__ import annotations

import json
from pathlib import Path

CSV = {
    "subgroups.csv": """\
grouping,group,rows,people,events,judgeable,base_rate,mean_risk,auroc,auroc_low,auroc_high,\
observed_to_expected,observed_to_expected_low,observed_to_expected_high,calibration_slope,\
calibration_slope_low,calibration_slope_high,called,sensitivity,ppv,true_slope
sex,women,1200,900,240,True,0.2,0.19,0.712,0.681,0.745,1.05,0.94,1.17,0.98,0.81,1.15,0.06,0.17,0.41,1.01
race,None,90,70,7,False,0.0778,0.11,0.634,0.402,0.866,0.71,0.22,1.35,,,,0.02,0,0.5,
""",
    "lab/decision_curve.csv": """\
score,threshold,net_benefit,low,high,gain_low,gain_high
firstcall,0.05,0.1201,0.1009,0.1402,0.001,0.01
firstcall,0.1,0.0801,0.0605,0.1003,0.002,0.02
call everybody,0.05,0.1152,,,,
call everybody,0.1,0.0651,,,,
""",
    "lab/backtests.csv": """\
cut,last_asked,learned_rows,learned_cases,trees,calibrator,rows,cases,base_rate,auroc,auroc_low,\
auroc_high,observed_to_expected,observed_to_expected_low,observed_to_expected_high
2022-06-30,2022-12-31,900,110,61,platt,410,52,0.1268,0.664,0.601,0.731,1.31,1.02,1.62
""",
    "lab/learning_curve.csv": """\
share,people,rows,cases,trees,auroc,auroc_low,auroc_high,log_loss
0.5,1100,1400,190,44,0.651,0.602,0.699,0.4021
1.0,2200,2880,420,58,0.689,0.641,0.738,0.3902
""",
    "search.csv": "trial,learning_rate,max_depth,log_loss\n0,0.02,5,0.39021\n",
    "importance.csv": """\
concept,features,mean_size,raises,lowers,first_reason
albumin,4,0.1214,0.43,0.57,0.31
""",
}
JSON = {
    "equity.json": {
        "findings": ["at the 97th percentile black people have 4.8 conditions, white people 3.9"],
        "at_same_risk": [{"group": "black", "percentile": 97, "conditions": 4.81}],
        "shares": [{"group": "black", "share_of_people": 0.14, "share_of_list": 0.11}],
        "by_label": [{"group": "black", "cost": 1234.5, "need": 5.1}],
    },
    "lab/stability.json": {
        "refits": 3, "rows": 305, "called_again": [{"share": 0.05, "called_again": 0.71}],
        "risk_change": 0.021, "mean_risk": 0.157, "words": "it would call again 71% of the top 5%",
    },
    "plausibility.json": {
        "asked": 4000, "lowered": 96, "share": 0.024, "by_a_percent": 12, "below": 96,
        "median_ratio": 1.04, "price_auroc": 0.0012, "deciles": [0.99, 1.0, 1.01, 1.04],
        "by_what": [{"concept": "length of stay", "fall": 0.21, "people": 80, "feature": "mean"}],
        "words": "one earlier stay more lowers the risk of 2.4% of 4,000 people",
    },
    "selection.json": {"kept": 44, "of": 312, "left_out": ["cost_total_30", "age"]},
    "treated.json": {
        "treated": "keep", "dropped": 0, "effect_log_odds": [-0.21, -0.6, 0.18],
        "words": ["51 reached"],
        "roles": [{"role": "train", "rows": 1894, "reached": 40, "mean_part": 0.013}],
    },
}  # fmt: skip
"""By the path in the run folder; some lie in a folder of their own."""


def write_tables(folder: Path) -> None:
    for name, text in CSV.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for name, told in JSON.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(told), encoding="utf-8")
