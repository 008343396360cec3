"""Expected cost as a second output: its arithmetic, its files, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError, RefusalError
from features.as_of import fingerprint
from features.definitions import FEATURES
from serving.calibrator import Calibrator
from serving.expected_cost import FILE, KEY, DollarCalibration, said_dollars
from serving.model import (
    RiskModel,
    load_lightgbm,
    publish_model,
    read_model_files,
    version_of,
    write_model,
)

NAMES = [feature.name for feature in FEATURES[:4]]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    lightgbm = load_lightgbm()
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, len(NAMES)))
    y = np.exp(X[:, 0]) * 1000
    plain = {"verbose": -1, "num_threads": 2, "deterministic": True, "force_row_wise": True,
             "max_depth": 3, "seed": 1}  # fmt: skip
    targets = {"binary": y > 1000, "tweedie": y, "l2": np.log1p(y)}
    made = {}
    for objective, target in targets.items():
        data = lightgbm.Dataset(X, target.astype(float), feature_name=NAMES)
        made[objective] = lightgbm.train(plain | {"objective": objective}, data, 8)
    return {name: booster.model_to_string() for name, booster in made.items()}


def metadata(cost: str | None, output: str = "dollars", **changes) -> dict:
    told = {
        "output": output, "calibration": {"said": [10.0, 1000.0], "expected": [20.0, 1000.0]},
        "sha256": "" if cost is None else hashlib.sha256(cost.encode()).hexdigest(),
    }  # fmt: skip
    return {
        "format": 1, "task": "high-cost", "label": "Allowed cost", "features": NAMES,
        "fingerprint": fingerprint(NAMES), "cuts": {}, "calibrator": Calibrator().to_json(),
        "carries": [], "origin": "invented", "tiers": {"high": 0.6, "moderate": 0.4},
        "threshold_cents": 1, "data_through": "2024-12-31", "trained_on": {}, "asked_on": "any",
        "horizon_days": 365,
    } | ({} if cost is None else {KEY: told | changes})  # fmt: skip


def written(folder: Path, texts: dict[str, str], **changes) -> Path:
    write_model(folder, texts["binary"], metadata(texts["tweedie"], **changes), texts["tweedie"])
    return folder


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (10, 20),
        (1000, 1000),
        (100, (20 * 1000) ** 0.5),  # half-way on the logarithm's scale: the geometric mean
        (5, 10),  # below the first knot in its proportion: 5 x 20 / 10
        (3000, 3000),  # above the last in its own: 3000 x 1000 / 1000
        (0, 2),  # nothing is as one dollar: 1 x 20 / 10
    ],
)
def test_between_knots_and_outside_them(said, expected):
    calibration = DollarCalibration((10.0, 1000.0), (20.0, 1000.0))
    assert calibration.apply(said) == pytest.approx(expected)


def test_one_knot_is_one_factor():
    assert DollarCalibration((100.0,), (150.0,)).apply([0.5, 200, 4]).tolist() == pytest.approx(
        [1.5, 300, 6]
    )


KNOTS = st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1e6)), min_size=1, max_size=8)


@given(KNOTS, st.lists(st.floats(0, 1e8), min_size=2, max_size=20))
def test_it_never_turns_the_order_round(steps, said):
    knots = np.cumsum(np.array(steps) + 1e-3, axis=0)
    calibration = DollarCalibration(tuple(knots[:, 0]), tuple(knots[:, 1]))
    found = calibration.apply(np.sort(said))
    assert (np.diff(found) >= -1e-9 * found[1:]).all()
    assert (found > 0).all()
    assert DollarCalibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize(
    ("said", "expected"),
    [((), ()), ((1.0,), (1.0, 2.0)), ((0.0,), (1.0,)), ((1.0,), (float("nan"),)),
     ((2.0, 1.0), (1.0, 2.0)), ((1.0, 1.0), (1.0, 2.0)), ((1.0, 2.0), (2.0, 1.0))],
)  # fmt: skip
def test_knots_that_cannot_be_are_refused(said, expected):
    with pytest.raises(InputError, match="knots of expected cost"):
        DollarCalibration(said, expected)


def test_what_was_saved_is_what_is_loaded(tmp_path, texts):
    model = RiskModel.load(written(tmp_path, texts))
    X = pd.DataFrame(np.random.default_rng(3).normal(size=(20, 4)), columns=NAMES)
    booster = load_lightgbm().Booster(model_str=texts["tweedie"])
    said = booster.predict(X.to_numpy(dtype=np.float32))
    assert (said > 0).all()
    calibration = DollarCalibration((10.0, 1000.0), (20.0, 1000.0))
    assert model.expected_dollars(X).tolist() == calibration.apply(said).tolist()
    assert len(model.expected_dollars(X.iloc[:0])) == 0
    assert model.expected_dollars(X.iloc[[7]])[0] == model.expected_dollars(X)[7]
    with pytest.raises(InputError, match="features that the model needs"):
        model.expected_dollars(X[NAMES[:2]])


def test_log_dollars_are_brought_back(texts):
    booster = load_lightgbm().Booster(model_str=texts["l2"])
    X = np.zeros((1, 4), dtype=np.float32)
    log = float(booster.predict(X)[0])
    assert said_dollars(booster, "log dollars", X, 1)[0] == pytest.approx(np.exp(log) - 1)
    assert said_dollars(booster, "dollars", X, 1)[0] == pytest.approx(log)


def test_a_model_without_it_says_so(tmp_path, texts):
    write_model(tmp_path, texts["binary"], metadata(None))
    model = RiskModel.load(tmp_path)
    assert not (tmp_path / FILE).exists()
    with pytest.raises(InputError, match="does not say what anybody will cost"):
        model.expected_dollars(pd.DataFrame(np.zeros((1, 4)), columns=NAMES))


def test_another_booster_of_cost_is_another_version(texts):
    one, other = (metadata(texts[name]) for name in ("tweedie", "l2"))
    assert version_of(texts["binary"], one) != version_of(texts["binary"], other)


def test_a_file_that_is_not_there_or_another_is_refused(tmp_path, texts):
    folder = written(tmp_path, texts)
    (folder / FILE).write_text(texts["l2"])
    with pytest.raises(RefusalError, match="is not the one that"):
        RiskModel.load(folder)
    (folder / FILE).unlink()
    with pytest.raises(InputError, match=f"There is no {FILE}"):
        RiskModel.load(folder)


@pytest.mark.parametrize(
    "changes",
    [{"output": "francs"}, {"calibration": {}}, {"sha256": 7},
     {"calibration": {"said": [1.0], "expected": [-1.0]}},
     {"calibration": {"said": "much", "expected": [1.0]}}, {"calibration": [1.0]},
     {"calibration": {"said": [10**400], "expected": [1.0]}},
     {"calibration": {"said": [True], "expected": [1.0]}}],
)  # fmt: skip
def test_what_model_json_cannot_mean_is_refused(tmp_path, texts, changes):
    folder = written(tmp_path, texts)
    told = json.loads((folder / "model.json").read_text())
    told[KEY] |= changes
    (folder / "model.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="no usable expected_cost"):
        read_model_files(folder)


def test_a_booster_of_other_columns_is_refused(tmp_path, texts):
    lightgbm = load_lightgbm()
    data = lightgbm.Dataset(np.random.default_rng(1).normal(size=(99, 2)), np.arange(99.0),
                            feature_name=NAMES[:2])  # fmt: skip
    narrow = lightgbm.train({"verbose": -1, "num_threads": 1}, data, 2).model_to_string()
    write_model(tmp_path, texts["binary"], metadata(narrow), narrow)
    with pytest.raises(RefusalError, match="do not fit"):
        RiskModel.load(tmp_path)


def test_a_text_that_is_no_booster_is_refused(tmp_path, texts):
    write_model(tmp_path, texts["binary"], metadata("no booster"), "no booster")
    with pytest.raises(InputError, match="is not a LightGBM model"):
        RiskModel.load(tmp_path)


def test_the_file_and_what_is_told_of_it_are_written_together(tmp_path, texts):
    for told, cost in ((texts["tweedie"], None), (texts["tweedie"], texts["l2"])):
        with pytest.raises(ValueError, match="tells of another"):
            write_model(tmp_path, texts["binary"], metadata(told), cost)
    with pytest.raises(ValueError, match="tells of another"):
        write_model(tmp_path, texts["binary"], metadata(None), texts["l2"])


def test_it_is_published_with_the_model(tmp_path, texts):
    told = metadata(texts["tweedie"])
    folder = publish_model(tmp_path, "high-cost", texts["binary"], told, texts["tweedie"])
    assert RiskModel.load(folder).cost is not None
    (folder / FILE).write_text("damaged")
    publish_model(tmp_path, "high-cost", texts["binary"], told, texts["tweedie"])
    assert RiskModel.load(folder).cost is not None, "a damaged version is written anew"
