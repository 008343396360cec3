"""The picture of expected cost: what was said and what was spent, tenth by tenth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.judged_cost import JudgedCost
from training.plots import COLOURS, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_cost(path: Path, judged: JudgedCost, title: str) -> Path:
    """Write the mean expected and actual dollars of each tenth of the test rows, from the lowest
    expected cost up, into `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = "Expected cost, and what was spent, from the tenth of the lowest expected cost up"
    return save(path, title, words, _deciles, judged)


def _deciles(axes: Axes, judged: JudgedCost) -> None:
    from matplotlib.ticker import FuncFormatter

    told = judged.deciles.dropna(subset=["expected", "actual"])
    place = told["decile"].to_numpy(dtype=np.float64)
    expected, actual = (told[c].to_numpy(dtype=np.float64) for c in ("expected", "actual"))
    axes.bar(place - 0.2, expected, 0.4, color=COLOURS[0], label="expected")
    axes.bar(place + 0.2, actual, 0.4, color=COLOURS[1], label="spent")
    for at, line in zip(place, told.to_dict("records"), strict=True):
        highest = max(line["expected"], line["actual"])
        axes.annotate(f"{line['ratio']:.2f}", (at, highest), (0, 3), ha="center", fontsize=8,
                      textcoords="offset points", color="0.3")  # fmt: skip
    axes.set_xticks(place, [f"{int(p)}" for p in place])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda dollars, _: f"${dollars:,.0f}"))
    axes.set(xlabel="tenth of the rows that test; above it expected : spent",
             ylabel="mean allowed cost of the year")  # fmt: skip
    axes.margins(y=0.1)
    axes.legend(
        loc="upper left",
        frameon=False,
        fontsize=9,
        title=f"expected : spent in total {judged.total}",
    )
