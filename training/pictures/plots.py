"""Pictures of one evaluation: ROC, calibration and gain, as PNG and SVG. The same numbers give the
same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.small_cells import SMALLEST_SHOWN, Counts
from training.evaluation.evaluate import OURS, Evaluation, Scored
from training.statistics.called import share_of, top_of
from training.statistics.discrimination import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#0b5394", "#c55a11", "#7f7f7f", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000",
)  # fmt: skip
"""Blue and orange first, then Okabe and Ito's: told apart by people who confuse red and green."""
_STYLES = ("-", "--", ":", "-.")
_GROUPS = 10
_BARS = 40
_MARKS = (1, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0)
"""Where a scale of risks may have a mark, the highest first."""


def draw(
    folder: Path, scored: Scored, evaluation: Evaluation, title: str, counts: Counts
) -> list[Path]:
    """Write roc.png, calibration.png and gain.png into `folder`; gives their paths. Of real people
    no point stands for fewer than 11 cases or others, and no bar for fewer than 11 rows."""
    usable = {n: s for n, s in scored.baselines.items() if n in evaluation.scores}
    scores = {OURS: scored.margin, **usable}
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "roc": (_roc, "Ranking: cases flagged against others flagged (ROC)"),
        "calibration": (_calibration, "Calibration: the risk said and the outcome seen"),
        "gain": (_gain, "Gain: cases found from the top of the list"),
    }
    return [
        save(folder / f"{name}.png", words, title, drawing, scored, scores, evaluation, counts)
        for name, (drawing, words) in drawn.items()
    ]


def save(path: Path, title: str, subtitle: str, drawing: Any, *about: Any) -> Path:
    """Write what `drawing(axes, *about)` draws into `path` (a .png) and as .svg beside it, under
    its titles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(7.0, 5.4), dpi=120,
                    layout=ConstrainedLayoutEngine(h_pad=0.08))  # fmt: skip
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawing(axes, *about)
    axes.set_title(subtitle, loc="left", fontsize=9, color="0.35")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    return save_figure(figure, path)


def save_figure(figure: Figure, path: Path, **more: Any) -> Path:
    """Write a figure into `path` (a .png) and as .svg beside it, the same bytes each time. Its
    words may hold dollars: only matplotlib's own numbers on an axis are mathematics."""
    import matplotlib
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(text.get_text().startswith("$\\mathdefault{"))
    figure.savefig(path, metadata={"Software": None}, **more)
    with matplotlib.rc_context({"svg.hashsalt": "firstcall"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None}, **more)
    return path


def _cumulative(
    score: NDArray[np.float64], scored: Scored, counts: Counts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cases and others found so far, from the highest score down; ties in one step. Of real people
    each step is of 11 cases and 11 others or more, so that a curve does not hold who stands
    where."""
    known = np.where(np.isfinite(score), score, -np.inf)
    rank = Ranking.of(known)
    case, other = scored.outcome, 1 - scored.outcome
    found = np.array([
        np.r_[0.0, np.cumsum(np.add.reduceat(of[rank.order], rank.starts)[::-1])]
        for of in (scored.weights * case, scored.weights * other, case, other)
    ])  # fmt: skip
    if counts.guarded:
        found = found[:, _far_apart(found[2], found[3])]
    return found[0], found[1]


def _far_apart(cases: NDArray[np.float64], others: NDArray[np.float64]) -> list[int]:
    """The first and the last place, and of those between as many as lie SMALLEST_SHOWN cases and
    others apart."""
    kept, last = [0], len(cases) - 1
    for place in range(1, last):
        if all(
            many[place] - many[kept[-1]] >= SMALLEST_SHOWN
            and many[last] - many[place] >= SMALLEST_SHOWN
            for many in (cases, others)
        ):
            kept.append(place)
    return [*kept, last]


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def legend_below(axes: Axes, title: str) -> None:
    """The legend under the picture, which grows by it: inside, many baselines hide the curves."""
    from matplotlib.figure import Figure

    figure = axes.figure
    assert isinstance(figure, Figure)
    handles, labels = axes.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    lines = len(labels) + (title.count("\n") + 1 if title else 0)
    figure.set_size_inches(width, height + 0.2 * lines)
    figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=9,
                  title=title or None, title_fontsize=9, alignment="left")  # fmt: skip


def _roc(
    axes: Axes,
    scored: Scored,
    scores: dict[str, NDArray[np.float64]],
    evaluation: Evaluation,
    counts: Counts,
) -> None:
    for (name, score), colour, style in zip(
        scores.items(), cycle(COLOURS), cycle(_STYLES), strict=False
    ):
        found, wrong = _cumulative(score, scored, counts)
        axes.plot(
            wrong / wrong[-1], found / found[-1], style, color=colour, linewidth=2,
            label=f"{name}: AUROC {evaluation.scores[name]['auroc']}",
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
    axes.set(xlabel="non-cases flagged", ylabel="cases flagged", xlim=(0, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    legend_below(axes, "with 95 % intervals" + _steps(counts))
    _percent(axes)


def _steps(counts: Counts) -> str:
    """What a curve of real people leaves out."""
    if not counts.guarded:
        return ""
    return f"\neach bend stands for {SMALLEST_SHOWN} cases and {SMALLEST_SHOWN} others, or more"


@dataclass(frozen=True)
class Tenth:
    """A tenth of the rows that test, by the score (of real people several together where one has
    too few cases or others to be shown): the mean risk said, the share with the outcome and
    Wilson's 95 % interval of it, the mean true risk (None where it is not known)."""

    said: float
    seen: float
    low: float
    high: float
    true: float | None


def tenths(scored: Scored, counts: Counts) -> list[Tenth]:
    """From the lowest score up; fewer than ten where there are fewer rows, none where all are too
    few to be shown."""
    made = []
    for part in _parts(scored, counts):
        w = scored.weights[part]
        rate, n = float(np.average(scored.outcome[part], weights=w)), len(part)
        # Wilson's interval: honest for small groups and rates near 0
        z = 1.96
        centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        true = None
        if scored.truth is not None and np.isfinite(scored.truth[part]).any():
            true = float(np.nanmean(scored.truth[part]))
        made.append(Tenth(
            float(np.average(scored.risk[part], weights=w)), rate,
            min(max(float(centre - half), 0.0), rate), max(float(centre + half), rate), true,
        ))  # fmt: skip
    return made


def _parts(scored: Scored, counts: Counts) -> list[NDArray[np.int64]]:
    """The rows of each tenth; of real people joined until cases and others are enough."""
    parts: list[NDArray[np.int64]] = []
    waiting = np.empty(0, dtype=np.int64)
    for part in np.array_split(np.argsort(scored.margin, kind="stable"), _GROUPS):
        waiting = np.r_[waiting, part]
        if len(waiting) and not counts.small(int(scored.outcome[waiting].sum()), len(waiting)):
            parts.append(waiting)
            waiting = np.empty(0, dtype=np.int64)
    if len(waiting) and parts:
        parts[-1] = np.r_[parts[-1], waiting]
    return parts


def _calibration(
    axes: Axes,
    scored: Scored,
    scores: dict[str, NDArray[np.float64]],
    evaluation: Evaluation,
    counts: Counts,
) -> None:
    found = tenths(scored, counts)
    said, seen, low, high = np.array([(t.said, t.seen, t.low, t.high) for t in found]).reshape(
        -1, 4
    ).T  # fmt: skip
    joined = " (some together, of few cases)" if counts.guarded and len(found) < _GROUPS else ""
    axes.errorbar(said, seen, yerr=[seen - low, high - seen], fmt="o", color=COLOURS[0], capsize=3,
                  label=f"seen in each tenth of the rows{joined}, with 95 % interval")  # fmt: skip
    true = [(t.said, t.true) for t in found if t.true is not None]
    if true:
        axes.plot(*np.array(true).T, "x", color=COLOURS[1], markersize=8, mew=2,
                  label="true risk of the tenth (the people are invented)")  # fmt: skip
    right = min(1.0, 1.2 * max([*said, 0.01]))
    top = min(1.0, 1.05 * max([right, *(max(t.high, t.true or 0.0) for t in found)]))
    axes.plot([0, top], [0, top], color="0.6", linewidth=1, zorder=0, label="said = seen")
    axes.set(ylabel="share with the outcome")
    _from_zero(axes, right, top)
    axes.tick_params(axis="x", labelbottom=False)
    _risks_below(axes, scored, right, counts)
    ours = evaluation.scores[OURS]
    told = [
        f"calibration slope {ours['calibration_slope']}, intercept {ours['calibration_intercept']}",
        f"observed : expected {ours['observed_to_expected']}; with 95 % intervals",
    ]
    if beyond := int((scored.risk > right).sum()):
        told.append(
            f"the last bar of rows holds the {counts.count(beyond)} of a higher risk as well"
        )
    if counts.guarded:
        told.append(f"a bar of fewer than {SMALLEST_SHOWN} rows is left out")
    legend_below(axes, "\n".join(told))


def _risks_below(axes: Axes, scored: Scored, right: float, counts: Counts) -> None:
    """How many rows have which risk, in a strip under `axes`."""
    strip = axes.inset_axes((0, -0.25, 1, 0.2))
    edges = np.linspace(0, np.sqrt(right), _BARS + 1) ** 2
    rows = np.histogram(np.minimum(scored.risk, right), edges)[0]
    strip.stairs([counts.drawn(many) for many in rows], edges, fill=True, color="0.65")
    strip.set(xlabel="risk said (square-root scale), and how many rows have it", ylabel="rows")
    _from_zero(strip, right)
    strip.spines[["top", "right"]].set_visible(False)


def _from_zero(axes: Axes, right: float, top: float | None = None) -> None:
    """Square-root steps, as few carry most of the risk: on even ones the others lie on one spot,
    and on logarithmic ones a tenth without a case has no place."""
    from matplotlib.scale import FuncScale

    for axis, name, most in ((axes.xaxis, "x", right), (axes.yaxis, "y", top)):
        if most is None:
            continue
        scale = FuncScale(axis, (lambda v: np.sqrt(np.maximum(v, 0)), np.square))
        axes.set(**{f"{name}scale": scale, f"{name}lim": (0, most)})
        marks: list[float] = []
        for mark in _MARKS:
            if mark <= most and (not marks or np.sqrt(marks[-1]) - np.sqrt(mark)
                                 > 0.07 * np.sqrt(most)):  # fmt: skip
                marks.append(mark)
        axis.set_ticks(marks, [f"{100 * mark:g}%" for mark in marks])


def _gain(
    axes: Axes,
    scored: Scored,
    scores: dict[str, NDArray[np.float64]],
    evaluation: Evaluation,
    counts: Counts,
) -> None:
    for (name, score), colour, style in zip(
        scores.items(), cycle(COLOURS), cycle(_STYLES), strict=False
    ):
        found, wrong = _cumulative(score, scored, counts)
        taken = (found + wrong) / (found[-1] + wrong[-1])
        axes.plot(taken, found / found[-1], style, color=colour, linewidth=2, label=name)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0, label="by chance")
    asked = dict.fromkeys(evaluation.capacities["capacity"])
    shares = [share for share in map(share_of, asked) if share is not None]
    for place, share in enumerate(sorted(shares)):  # one below the other: small ones stand close
        axes.axvline(share, color="0.85", linewidth=1, zorder=0)
        axes.annotate(top_of(share), (share, 0.985 - 0.035 * place), fontsize=8, color="0.4",
                      xytext=(3 if share < 0.9 else -3, 0), textcoords="offset points", va="top",
                      ha="left" if share < 0.9 else "right")  # fmt: skip
    axes.set(xlabel="people called, from the top of the list", ylabel="cases among them",
             xlim=(0, 1), ylim=(0, 1.01))  # fmt: skip
    legend_below(axes, _steps(counts).strip())
    _percent(axes)
