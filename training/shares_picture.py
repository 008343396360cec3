"""The picture of SHAP shares: which features move the risk, for whom, and which way."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from features.definitions import feature
from serving.model import RiskModel

MOST_ROWS = 2000
MOST_FEATURES = 15


def draw_shares(path: Path, model: RiskModel, X: pd.DataFrame, title: str) -> Path:
    """Write a beeswarm of the shares of the weightiest features among rows of `X` into `path`.

    Shares are in log odds before calibration, as `serving.reasons` tells them. At most
    `MOST_ROWS` rows are drawn, evenly spaced, so that the same rows give the same picture.
    """
    step = max(1, -(-len(X) // MOST_ROWS))
    rows = X.iloc[::step]
    contributions = model.contributions(rows)
    with warnings.catch_warnings():
        # shap and matplotlib warn of each other's coming changes; nothing of ours can arise here
        warnings.simplefilter("ignore")
        import matplotlib

        matplotlib.use("Agg")
        import shap
        from matplotlib import pyplot

        told = shap.Explanation(
            values=contributions[:, :-1],
            base_values=contributions[:, -1],
            data=rows[model.features].to_numpy(dtype=np.float64),
            feature_names=[_words(name) for name in model.features],
        )
        pyplot.figure(dpi=120)
        before = np.random.get_state()
        np.random.seed(0)  # shap scatters its points by numpy's global generator
        try:
            axes = shap.plots.beeswarm(
                told, max_display=MOST_FEATURES, show=False, plot_size=(10.5, 6.5),
                group_remaining_features=False,
            )  # fmt: skip
            axes.set_xlabel("share in log odds: to the right raises the risk", fontsize=10)
            axes.set_title(title, loc="left", fontsize=11)
            axes.tick_params(axis="y", labelsize=9)
            pyplot.savefig(path, bbox_inches="tight", metadata={"Software": None})
        finally:
            np.random.set_state(before)
            pyplot.close("all")
    return path


def _words(name: str) -> str:
    """The feature's concept and window, short enough for an axis."""
    declared = feature(name)
    window = f" ({declared.window.days} days)" if declared.window else ""
    how = declared.how.replace("_", " ")
    said = declared.concept if declared.concept == how else f"{declared.concept}, {how}"
    text = f"{said}{window}"
    return text if len(text) <= 60 else f"{text[:57]}..."
