"""The picture of expected cost: what was said and what was spent, tenth by tenth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.small_cells import Counts
from training.evaluation.judged_cost import JudgedCost
from training.pictures.plots import COLOURS, legend_below, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_cost(path: Path, judged: JudgedCost, amount: str, counts: Counts) -> Path:
    """Write the mean expected and actual dollars of each tenth of the test rows, from the lowest
    expected cost up, into `path`; `amount` is the kind of cost, in words. A tenth of fewer than 11
    real people has no bar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(path, "Expected cost beside what was spent", f"{amount} of the next year",
                _deciles, judged, counts)  # fmt: skip


def _deciles(axes: Axes, judged: JudgedCost, counts: Counts) -> None:
    from matplotlib.ticker import FuncFormatter

    told = judged.deciles.dropna(subset=["expected", "actual"])
    told = told[[not counts.hides(many) for many in told["rows"]]]
    place = told["decile"].to_numpy(dtype=np.float64)
    expected, actual = (told[c].to_numpy(dtype=np.float64) for c in ("expected", "actual"))
    axes.bar(place - 0.2, expected, 0.4, color=COLOURS[0], label="expected")
    axes.bar(place + 0.2, actual, 0.4, color=COLOURS[1], label="spent")
    for at, line in zip(place, told.to_dict("records"), strict=True):
        if not np.isfinite(line["ratio"]):  # nothing was spent
            continue
        words = f"{line['ratio']:.2f}"
        if np.isfinite(line["low"]):
            words += f"\n{line['low']:.2f}–{line['high']:.2f}"
        highest = max(line["expected"], line["actual"])
        axes.annotate(words, (at, highest), (0, 3), ha="center", fontsize=7,
                      textcoords="offset points", color="0.3")  # fmt: skip
    axes.set_xticks(place, [f"{int(p)}" for p in place])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda dollars, _: f"${dollars:,.0f}"))
    axes.set(xlabel="tenth of the rows that test, by expected cost (1 is expected to cost least)",
             ylabel="mean dollars of a person and year")  # fmt: skip
    axes.margins(x=0.02, y=0.12)
    legend_below(
        axes,
        f"above the bars expected : spent (in total {judged.total}), with 95 % intervals",
    )
