"""The picture of the shares, and the shares themselves beside shap's own tree walk."""

from __future__ import annotations

import warnings
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from data.home import Home
from features.as_of import features_as_of
from features.history import Histories
from serving.model import RiskModel
from training.shares_picture import draw_shares


@pytest.fixture(scope="module")
def asked(small_home: Home) -> tuple[RiskModel, pd.DataFrame]:
    model = RiskModel.load(small_home.models / "high-cost")
    histories = Histories.open(small_home.histories)
    people = histories.patients()[:300]
    index = pd.DataFrame({"patient_id": people, "as_of": pd.Timestamp("2024-06-30")})
    return model, features_as_of(histories, index)


def test_the_same_rows_give_the_same_picture(
    asked: tuple[RiskModel, pd.DataFrame], tmp_path: Path
) -> None:
    model, X = asked
    one, two = (draw_shares(tmp_path / f"{n}.png", model, X, "Invented") for n in (1, 2))
    assert one.read_bytes().startswith(b"\x89PNG")
    assert one.read_bytes() == two.read_bytes()


def test_shap_walks_the_trees_to_the_same_shares(asked: tuple[RiskModel, pd.DataFrame]) -> None:
    """LightGBM computes our shares; shap's own C code, told the bare trees, is the reference."""
    model, X = asked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        booster = lightgbm.Booster(model_str=model.booster.model_to_string())
        explainer = shap.TreeExplainer(booster)
        explainer.model.model_type = "internal"  # else shap asks LightGBM for the answer
        rows = X[model.features].to_numpy(dtype=np.float64)
        reference = explainer.shap_values(rows, check_additivity=False)
    ours = model.contributions(X)[:, :-1]
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(np.asarray(reference).reshape(ours.shape), ours, atol=1e-6)
