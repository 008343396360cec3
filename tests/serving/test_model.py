"""A model on disk: what was saved is what is loaded, and what does not fit is refused."""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from features.as_of import fingerprint
from features.definitions import FEATURES
from serving.calibrator import Calibrator
from serving.model import (
    RiskModel,
    load_lightgbm,
    publish_model,
    read_model_files,
    tier_limits,
    version_of,
    write_model,
)

ROOT = Path(__file__).resolve().parents[2]
NAMES = [feature.name for feature in FEATURES[:6]]
TOO_LONG = 10**400
"""JSON holds it, and no double does."""


@pytest.fixture(scope="module")
def fitted() -> tuple[str, pd.DataFrame]:
    lightgbm = load_lightgbm()
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, len(NAMES))).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0]) + rng.normal(size=400) > 0).astype(float)
    told = {"objective": "binary", "verbose": -1, "num_threads": 2, "deterministic": True,
            "force_row_wise": True, "max_depth": 3, "seed": 1}  # fmt: skip
    booster = lightgbm.train(told, lightgbm.Dataset(X, y, feature_name=NAMES), 12)
    return booster.model_to_string(), pd.DataFrame(X, columns=NAMES)


def metadata(**changes) -> dict:
    return {
        "format": 1, "task": "readmission", "label": "Unplanned readmission within 30 days",
        "features": NAMES, "fingerprint": fingerprint(NAMES), "cuts": {},
        "calibrator": Calibrator("platt", slope=0.9, intercept=0.1).to_json(), "carries": [],
        "origin": "invented", "tiers": {"high": 0.6, "moderate": 0.4}, "threshold_cents": None,
        "data_through": "2024-12-31", "trained_on": {"rows": 400}, "asked_on": "any",
        "horizon_days": 30,
    } | changes  # fmt: skip


def test_what_was_saved_is_what_is_loaded(tmp_path, fitted):
    text, X = fitted
    write_model(tmp_path, text, metadata())
    model = RiskModel.load(tmp_path)
    assert model.features == NAMES
    booster = load_lightgbm().Booster(model_str=text)
    assert (model.margin(X) == booster.predict(X.to_numpy(), raw_score=True)).all()
    assert model.risk(model.margin(X)) == pytest.approx(
        1 / (1 + np.exp(-(0.9 * model.margin(X) + 0.1)))
    )
    assert model.version == RiskModel.load(tmp_path).version


def test_one_row_and_a_batch_give_the_same_bits(tmp_path, fitted):
    text, X = fitted
    write_model(tmp_path, text, metadata())
    model = RiskModel.load(tmp_path)
    alone = np.concatenate([model.margin(X.iloc[[k]]) for k in range(30)])
    assert (alone == model.margin(X)[:30]).all()
    shares = np.concatenate([model.contributions(X.iloc[[k]]) for k in range(30)])
    assert (shares == model.contributions(X)[:30]).all()


def test_contributions_add_up_to_the_margin(tmp_path, fitted):
    text, X = fitted
    write_model(tmp_path, text, metadata())
    model = RiskModel.load(tmp_path)
    shares = model.contributions(X)
    assert shares.shape == (400, len(NAMES) + 1)
    assert np.abs(shares.sum(axis=1) - model.margin(X)).max() < 1e-6


def test_columns_are_found_by_name_and_a_missing_one_is_named(tmp_path, fitted):
    text, X = fitted
    write_model(tmp_path, text, metadata())
    model = RiskModel.load(tmp_path)
    turned = X[NAMES[::-1]].assign(more=1.0)
    assert (model.margin(turned) == model.margin(X)).all()
    with pytest.raises(InputError, match=f"the first of them {NAMES[2]}"):
        model.margin(X.drop(columns=NAMES[2]))


def test_nobody_asked_gives_nothing(tmp_path, fitted):
    text, X = fitted
    write_model(tmp_path, text, metadata())
    model = RiskModel.load(tmp_path)
    assert model.risk(model.margin(X.iloc[:0])).shape == (0,)
    assert model.contributions(X.iloc[:0]).shape == (0, len(NAMES) + 1)


def test_tiers_begin_at_their_limits(tmp_path, fitted):
    write_model(tmp_path, fitted[0], metadata(calibrator=Calibrator().to_json()))
    tiers = RiskModel.load(tmp_path).tier(log_odds(0.59, 0.6000001, 0.4000001, 0.39))
    assert tiers.tolist() == ["moderate", "high", "moderate", "low"]
    limits = tier_limits(np.arange(1, 101) / 100, [("high", 0.05), ("moderate", 0.2)])
    assert limits == pytest.approx({"high": 0.9505, "moderate": 0.802})


def log_odds(*risks: float) -> np.ndarray:
    p = np.array(risks)
    return np.log(p / (1 - p))


BY_DAY = log_odds(0.5, 0.2, 0.1).tolist()
"""Of a model of landmarks: half are still to come back on day 0, a fifth on day 1, then a tenth."""


def test_the_risk_is_that_of_the_days_that_are_left_and_the_tier_is_not(tmp_path, fitted):
    told = metadata(calibrator=Calibrator().to_json(), horizon_days=3, landmark_log_odds=BY_DAY)
    write_model(tmp_path, fitted[0], told)
    model = RiskModel.load(tmp_path)
    double = np.log([2.0] * 5)  # twice the odds of everybody else, on each day
    # 1 : 1 on day 0, 1 : 4 on day 1, 1 : 9 from day 2 on; a day before the discharge is day 0
    risk = model.risk(double, np.array([0, 1, 2, 9, -1]))
    assert risk == pytest.approx([2 / 3, 2 / 6, 2 / 11, 2 / 11, 2 / 3])
    assert model.risk(double[:1]) == pytest.approx([2 / 3])
    assert model.tier(double).tolist() == ["high"] * 5


def test_a_slope_leaves_the_odds_of_the_day_as_they_are(tmp_path, fitted):
    write_model(tmp_path, fitted[0], metadata(horizon_days=3, landmark_log_odds=BY_DAY))
    # slope 0.9, intercept 0.1
    model = RiskModel.load(tmp_path)
    risk = model.risk(np.zeros(3), np.array([0, 1, 2]))
    assert risk / (1 - risk) == pytest.approx(np.exp(0.1) * np.array([1, 1 / 4, 1 / 9]))


def test_without_landmarks_the_day_changes_nothing(tmp_path, fitted):
    write_model(tmp_path, fitted[0], metadata())
    model = RiskModel.load(tmp_path)
    margin = log_odds(0.2, 0.7)
    assert (model.risk(margin, np.array([0, 20])) == model.risk(margin)).all()


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"fingerprint": "0" * 64}, RefusalError, "trained with other feature definitions"),
        ({"features": NAMES[::-1], "fingerprint": fingerprint(NAMES[::-1])}, RefusalError,
         "do not fit"),
        ({"features": ["gone", *NAMES[1:]]}, RefusalError, "no longer declared"),
        ({"asked_on": "1 April"}, RefusalError, "asked on days that are not known"),
        ({"asked_on": None}, InputError, "no usable asked_on"),
        ({"format": 2}, InputError, "not of format 1"),
        ({"features": "age"}, InputError, "no usable features"),
        ({"features": [NAMES[0]] * 2}, InputError, "no usable features"),
        ({"features": []}, InputError, "no usable features"),
        ({"carries": [1]}, InputError, "no usable carries"),
        ({"cuts": {NAMES[0]: []}}, InputError, "no usable cuts"),
        ({"cuts": {NAMES[0]: [2.0, 1.0]}}, InputError, "no usable cuts"),
        ({"cuts": [1.0]}, InputError, "no usable cuts"),
        ({"tiers": {"high": 0.6}}, InputError, "no usable tiers"),
        ({"tiers": {"high": "0.6", "moderate": 0.4}}, InputError, "no usable tiers"),
        ({"tiers": {"high": float("nan"), "moderate": 0.4}}, InputError, "no usable tiers"),
        ({"threshold_cents": "much"}, InputError, "no usable threshold_cents"),
        ({"data_through": "yesterday"}, InputError, "no usable data_through"),
        ({"trained_on": {"minimum_age": "65"}}, InputError, "no usable trained_on"),
        ({"trained_on": {"test_from": 2024}}, InputError, "no usable trained_on"),
        ({"calibrator": []}, InputError, "no usable calibrator"),
        ({"calibrator": {"kind": "guess"}}, InputError, "calibrator"),
        ({"calibrator": {"kind": "platt", "slope": -1.0}}, InputError, "calibrator"),
        ({"calibrator": {"kind": "platt", "slope": TOO_LONG}}, InputError, "calibrator"),
        ({"calibrator": {"kind": "isotonic", "margins": [0, TOO_LONG], "risks": [0, 1]}},
         InputError, "calibrator"),
        ({"tiers": {"high": TOO_LONG, "moderate": 0.4}}, InputError, "no usable tiers"),
        ({"tiers": {"high": True, "moderate": False}}, InputError, "no usable tiers"),
        ({"cuts": {NAMES[0]: [1, TOO_LONG]}}, InputError, "no usable cuts"),
        ({"cuts": {NAMES[0]: [False, True]}}, InputError, "no usable cuts"),
        ({"trained_on": {"minimum_age": TOO_LONG}}, InputError, "no usable trained_on"),
        ({"horizon_days": 0}, InputError, "no usable horizon_days"),
        ({"horizon_days": True}, InputError, "no usable horizon_days"),
        ({"horizon_days": TOO_LONG}, InputError, "no usable horizon_days"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, fitted, changed, error, words):
    write_model(tmp_path, fitted[0], metadata(**changed))
    with pytest.raises(error, match=words) as refused:
        RiskModel.load(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("log_odds_by_day", "more"),
    [
        ([], {}), (-2.0, {}), ([float("nan")], {"horizon_days": 1}),
        ([-2.0, -1.0], {"horizon_days": 2}),  # they rise
        ([-1.0, -2.0], {"horizon_days": 1}),  # one a day, no more
        ([-2.0], {}),  # and no fewer: one of 30
        ([TOO_LONG, 1], {"horizon_days": 2}), ([True, False], {"horizon_days": 2}),
        ([1e308, -1e308], {"horizon_days": 2}),
        ([-1.0, -2.0], {"horizon_days": 2, "task": "high-cost"}),  # no question by days
        ([-1.0, -2.0], {"horizon_days": 2, "kind": "encounter"}),
    ],
)  # fmt: skip
def test_log_odds_by_day_that_cannot_be_are_refused(tmp_path, fitted, log_odds_by_day, more):
    write_model(tmp_path, fitted[0], metadata(landmark_log_odds=log_odds_by_day, **more))
    with pytest.raises(InputError, match="no usable landmark_log_odds"):
        RiskModel.load(tmp_path)


def test_any_kind_of_readmission_may_have_log_odds_by_day(tmp_path, fitted):
    told = metadata(landmark_log_odds=BY_DAY, horizon_days=3)
    for more in ({}, {"kind": "readmission", "task": "of our own"}, {"task": "readmission-pcr"}):
        write_model(tmp_path, fitted[0], told | more)
        assert RiskModel.load(tmp_path).has_landmarks


def test_missing_and_broken_files_are_named(tmp_path, fitted):
    with pytest.raises(InputError, match=r"There is no model.txt"):
        RiskModel.load(tmp_path)
    write_model(tmp_path, "not a booster", metadata())
    with pytest.raises(InputError, match=r"is not a LightGBM model"):
        RiskModel.load(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        RiskModel.load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(InputError, match="lacks task"):
        RiskModel.load(tmp_path)


LOADS = """
import sys
from pathlib import Path
from data.errors import RefusalError
from serving.model import RiskModel
try:
    RiskModel.load(Path(sys.argv[1]))
except RefusalError as error:
    assert "lightgbm" not in sys.modules
    print(error)
"""


def test_a_damaged_text_is_refused_before_lightgbm_sees_it(tmp_path, fitted):
    """In a process of its own: LightGBM ends the process over some damaged texts."""
    text = fitted[0]
    write_model(tmp_path, text, metadata())
    (tmp_path / "model.txt").write_text(text.replace("split_feature=", "split_feature=999999 ", 1))
    asked = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADS, str(tmp_path)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    assert "is not the one that model.json was written with: train the model anew." in asked.stdout


@pytest.mark.parametrize("damage", ["cut", "swapped", "no sum", "not even text"])
def test_files_that_are_not_a_pair_are_refused(tmp_path, fitted, damage):
    text = fitted[0]
    write_model(tmp_path, text, metadata())
    about = json.loads((tmp_path / "model.json").read_text())
    match damage:
        case "cut":
            (tmp_path / "model.txt").write_text(text[: len(text) // 2])
        case "swapped":
            (tmp_path / "model.txt").write_text(text.replace("tree_sizes", "tree_sizes ", 1))
        case "no sum":
            about.pop("model_sha256")
            (tmp_path / "model.json").write_text(json.dumps(about))
        case _:
            (tmp_path / "model.txt").write_bytes(b"\xff\xfe" + text.encode())
    with pytest.raises(RefusalError, match=r"not the one that model\.json was written with"):
        RiskModel.load(tmp_path)


def test_the_sum_is_in_the_file_and_does_not_change_the_version(tmp_path, fitted):
    text = fitted[0]
    write_model(tmp_path, text, metadata())
    _, read = read_model_files(tmp_path)
    assert read["model_sha256"] == hashlib.sha256((tmp_path / "model.txt").read_bytes()).hexdigest()
    assert (
        version_of(text, read) == version_of(text, metadata()) == RiskModel.load(tmp_path).version
    )


def test_a_model_of_another_task_is_refused(tmp_path, fitted):
    write_model(tmp_path, fitted[0], metadata())
    assert RiskModel.load(tmp_path, "readmission").task == "readmission"
    with pytest.raises(RefusalError, match=r"another question: run `firstcall train --task high"):
        RiskModel.load(tmp_path, "high-cost")


def test_both_files_come_from_one_folder_though_the_link_moves(tmp_path, fitted, monkeypatch):
    """The link moves after the first file was read: the second still comes from beside it."""
    text = fitted[0]
    link = publish_model(tmp_path, "readmission", text, metadata())
    first = RiskModel.load(link).version
    read_bytes, moved = Path.read_bytes, []

    def read_and_move(path: Path) -> bytes:
        content = read_bytes(path)
        if not moved:
            moved.append(publish_model(tmp_path, "readmission", text + "\n", metadata()))
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_move)
    assert RiskModel.load(link).version == first
    assert moved
    assert RiskModel.load(link).version != first


def test_publishing_again_mends_a_damaged_copy(tmp_path, fitted):
    link = publish_model(tmp_path, "readmission", fitted[0], metadata())
    version = RiskModel.load(link).version
    about = json.loads((link / "model.json").read_text())
    about.pop("model_sha256")
    (link / "model.json").write_text(json.dumps(about))
    publish_model(tmp_path, "readmission", fitted[0], metadata())
    assert RiskModel.load(link).version == version


def test_loading_unpickles_and_compiles_nothing(tmp_path, fitted, monkeypatch):
    write_model(tmp_path, fitted[0], metadata())
    load_lightgbm()

    def forbidden(*_, **__):
        raise AssertionError("loading a model must run no code of its own")

    before = set(sys.modules)
    for place, name in [(pickle, "loads"), (pickle, "load"), (pickle, "Unpickler"),
                        (builtins, "eval"), (builtins, "exec")]:  # fmt: skip
        monkeypatch.setattr(place, name, forbidden)
    RiskModel.load(tmp_path)
    assert not {m for m in set(sys.modules) - before if m.split(".")[0] in ("joblib", "mlflow")}


def test_publishing_puts_a_whole_model_in_place_of_another(tmp_path, fitted):
    text = fitted[0]
    first = publish_model(tmp_path, "readmission", text, metadata())
    one = RiskModel.load(first).version
    publish_model(tmp_path, "readmission", text, metadata(data_through="2025-01-31"))
    two = RiskModel.load(first).version
    assert one != two
    assert first == tmp_path / "readmission"
    publish_model(tmp_path, "readmission", text, metadata())
    assert RiskModel.load(first).version == one
    assert len(list((tmp_path / ".versions").iterdir())) == 2


def test_a_plain_folder_in_the_way_is_kept_aside(tmp_path, fitted):
    write_model(tmp_path / "readmission", fitted[0], metadata(data_through="2020-01-31"))
    publish_model(tmp_path, "readmission", fitted[0], metadata())
    loaded = RiskModel.load(tmp_path / "readmission")
    assert loaded.metadata["data_through"] == "2024-12-31"
    assert any(p.name.endswith(".before") for p in (tmp_path / ".versions").iterdir())


@pytest.mark.parametrize(
    "calibrator",
    [Calibrator(), Calibrator("platt", 0.7, -0.2),
     Calibrator("isotonic", margins=(-2.0, 0.0, 1.0), risks=(0.05, 0.2, 0.6))],
)  # fmt: skip
def test_calibrators_survive_json(calibrator):
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    margin = np.linspace(-4, 4, 50)
    assert (again.apply(margin) == calibrator.apply(margin)).all()
    assert (np.diff(again.apply(margin)) >= 0).all()
