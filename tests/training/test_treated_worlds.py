"""What each setting makes of a model that learns from the effect of its own list: worlds in which
the risk of somebody unhelped is known."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data.small_cells import Counts
from features.as_of import features_as_of
from features.definitions import FEATURES
from serving.calibrator import logit, sigmoid
from serving.model import load_lightgbm
from tests.features.invented_rows import crowd
from tests.features.rows import AS_OF, ago, histories
from tests.training.small import table_of
from tests.training.test_treated import ASKED, CARRIED, THROUGH, steps
from training.cohorts.groups import Grouping
from training.cohorts.prior_chance import log_odds_by_prior
from training.evaluation.evaluate import Scored
from training.evaluation.fit_apart import FitApart, fit_apart
from training.fitting.calibrate import fit_platt
from training.fitting.fit import fit
from training.fitting.matrix import Matrix, learnable
from training.fitting.treated import Treated, standing_for, treated_rows
from training.release.gate import Calibration
from training.release.judged import _of_unreached
from training.settings.feedback_settings import FeedbackSettings
from training.settings.model_settings import EvaluationSettings, FitSettings

PEOPLE = 10_000
WINDOW = 365
SEEDS = range(4)


class World(NamedTuple):
    """Of ten thousand people the riskiest fifth is mostly called, which halves their risk
    or takes 1 of its log odds; ``risk`` is what it were without a call, ``uncalled`` the
    outcomes had nobody been called."""

    columns: pd.DataFrame
    rows: pd.DataFrame
    risk: np.ndarray
    high: np.ndarray
    reached: np.ndarray
    uncalled: np.ndarray
    outreach: pa.Table


@cache
def treated_world(seed: int, halved: bool = True) -> World:
    rng = np.random.default_rng(seed)
    age = rng.normal(75, 8, PEOPLE)
    stays, visits = rng.poisson(1.0, PEOPLE), rng.poisson(1.0, PEOPLE)
    risk = sigmoid(-2.6 + 0.04 * (age - 75) + 0.7 * stays + 0.35 * visits)
    high = risk > np.quantile(risk, 0.8)
    reached = rng.random(PEOPLE) < np.where(high, 0.7, 0.05)
    helped = risk / 2 if halved else sigmoid(logit(risk) - 1)
    luck = rng.random(PEOPLE)
    ids = [f"p{n:05d}" for n in range(PEOPLE)]
    on = date(1970, 1, 1) + timedelta(ASKED + 1)
    return World(
        pd.DataFrame({
            "age": age, "acute_stays_count_365": stays, "emergency_visits_count_365": visits,
        }),
        pd.DataFrame({
            "patient_id": ids, "as_of": ASKED, "outcome_until": ASKED + WINDOW,
            "outcome": (luck < np.where(reached, helped, risk)).astype(int), "weight": 1.0,
        }),
        risk, high, reached, (luck < risk).astype(int),
        table_of("outreach", [
            {"patient_id": ids[n], "happened_on": on, "step": "contacted"}
            for n in np.flatnonzero(reached)
        ]),
    )  # fmt: skip


ROLE = np.array(
    (["train"] * 10 + ["validation"] * 2 + ["calibration"] * 4 + ["test"] * 4) * (PEOPLE // 20),
    object,
)
TESTED = ROLE == "test"
FIT = FitSettings(rounds=300, patience=15, learning_rate=0.1, feature_fraction=1.0, threads=1)


@cache
def made_of(seed: int, treated: Any, halved: bool = True) -> Treated:
    world = treated_world(seed, halved)
    return treated_rows(
        world.columns, world.rows, ROLE, {"outreach": world.outreach}, THROUGH + WINDOW, CARRIED,
        FeedbackSettings(treated),
    )  # fmt: skip


@cache
def said_by(seed: int, treated: str, halved: bool = True) -> np.ndarray:
    """The risk that a model says of each person; "nobody called" is one that learned in a world
    without calls, as good as any setting can be."""
    world = treated_world(seed, halved)
    made = made_of(seed, "include" if treated == "nobody called" else treated, halved)
    y = (world.uncalled if treated == "nobody called" else world.rows["outcome"]).astype(float)
    return learned_risk(world.columns, np.asarray(y), made)


def learned_risk(columns: pd.DataFrame, y: np.ndarray, made: Treated) -> np.ndarray:
    """The risk of each person by a model of the rows that `made` leaves to learn from."""
    role, start = made.role(ROLE), made.offset
    learning = np.flatnonzero(np.isin(role, ["train", "validation"]))
    held = np.flatnonzero(role == "calibration")
    X = columns.to_numpy(np.float32)
    fitted = fit(
        X[learning].__getitem__, y[learning], made.weight[learning], [*map(str, columns)],
        np.where(role[learning] == "validation", 0, -1), FIT,
        None if start is None else start[learning],
    )  # fmt: skip
    margin = load_lightgbm().Booster(model_str=fitted.text).predict(X, raw_score=True)
    calibrator = fit_platt(
        margin[held], y[held], made.weight[held], None if start is None else start[held]
    )
    return calibrator.apply(margin)


def said_of_the_riskiest(treated: str, halved: bool = True) -> float:
    """Said risk : true risk of the riskiest who test, over all seeds."""
    parts = []
    for seed in SEEDS:
        world, said = treated_world(seed, halved), said_by(seed, treated, halved)
        riskiest = TESTED & world.high
        parts.append((said[riskiest].sum(), world.risk[riskiest].sum()))
    told, true = np.sum(parts, axis=0)
    return told / true


def apart(seed: int, treated: str) -> FitApart:
    """Observed : expected of the riskiest who test."""
    world, said = treated_world(seed), said_by(seed, treated)
    rows = np.flatnonzero(TESTED & world.high)
    scored = Scored(
        world.rows["outcome"].to_numpy(float)[rows], said[rows], said[rows],
        world.rows["patient_id"].to_numpy()[rows], np.zeros(len(rows)), {}, np.ones(len(rows)),
    )  # fmt: skip
    return fit_apart(scored, world.reached[rows], EvaluationSettings(replicates=60))


def test_a_model_that_learns_from_its_own_list_thinks_too_little_of_the_risk_of_the_riskiest():
    reference = said_of_the_riskiest("nobody called")
    assert reference == pytest.approx(1, abs=0.08)
    # 70 % were called and have half the risk: 0.3 + 0.7 / 2 = 0.65 of it is seen
    assert said_of_the_riskiest("include") == pytest.approx(0.65 * reference, abs=0.06)
    found = apart(0, "include")
    assert found.of_others is not None
    assert found.of_reached is not None
    assert found.of_others.low > 1, "the riskiest whom nobody called"
    assert found.of_reached.high < found.of_others.low


@pytest.mark.parametrize("treated", ["exclude", "weight", "flag"])
def test_each_other_setting_brings_the_risk_of_the_riskiest_back(treated):
    reference = said_of_the_riskiest("nobody called")
    assert said_of_the_riskiest(treated) == pytest.approx(reference, abs=0.1)
    plain, found = apart(0, "include"), apart(0, treated)
    assert plain.of_others is not None
    assert found.of_others is not None
    assert found.of_others.low < 1.1
    assert found.of_others.value < plain.of_others.value - 0.2
    json.dumps([made_of(0, treated).to_json(), found.to_json()], allow_nan=False)


def test_a_help_that_takes_the_same_log_odds_from_everybody_is_what_flag_assumes():
    said = said_of_the_riskiest("flag", halved=False)
    assert said == pytest.approx(said_of_the_riskiest("nobody called", halved=False), abs=0.04)
    effect = made_of(0, "flag", halved=False).effect
    assert effect is not None
    assert effect.low < -1 < effect.high


def early_world() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, pa.Table]:
    """Columns, rows, true risks and calls: a quarter are cases on any day of the window, half get a
    call on any day, if they are not a case by then, and no call changes anything."""
    rng = np.random.default_rng(6)
    age = rng.normal(75, 8, PEOPLE)
    risk = sigmoid(-1.2 + 0.05 * (age - 75))
    case, falls = rng.random(PEOPLE) < risk, rng.integers(1, WINDOW + 1, PEOPLE)
    called = rng.random(PEOPLE) < 0.5
    on = np.where(called, rng.integers(1, WINDOW + 1, PEOPLE), 2 * WINDOW)
    reached = on < np.where(case, falls, WINDOW + 1)
    ids = [f"p{n:05d}" for n in range(PEOPLE)]
    rows = pd.DataFrame({
        "patient_id": ids, "as_of": ASKED, "outcome_until": ASKED + WINDOW,
        "days_to": np.where(case, falls, np.nan), "outcome": case.astype(int), "weight": 1.0,
    })  # fmt: skip
    calls = table_of("outreach", [
        {"patient_id": ids[n], "step": "contacted",
         "happened_on": date(1970, 1, 1) + timedelta(int(ASKED + on[n]))}
        for n in np.flatnonzero(reached)
    ])  # fmt: skip
    return pd.DataFrame({"age": age}), rows, risk, calls


@cache
def held_against_those_not_reached(treated: Any) -> tuple[FitApart, FitApart, Calibration]:
    """Of calls without any effect, the fit of a model as the gate holds it, without weights and
    with them: of what was learned by a setting, or of the risk itself ("true")."""
    columns, rows, risk, calls = early_world()
    setting = FeedbackSettings("weight" if treated == "true" else treated)
    through = THROUGH + WINDOW
    made = treated_rows(columns, rows, ROLE, {"outreach": calls}, through, CARRIED, setting)
    y = rows["outcome"].to_numpy(float)
    said = risk if treated == "true" else learned_risk(columns, y, made)
    at = np.flatnonzero(TESTED)
    scored = Scored(
        y[at], said[at], logit(said[at]), rows["patient_id"].to_numpy(object)[at],
        np.zeros(len(at)), {}, np.ones(len(at)),
    )  # fmt: skip
    standing = standing_for(
        columns.iloc[at], rows.iloc[at], made.first[at], np.ones(len(at), bool), setting.seed
    ).weight
    few = EvaluationSettings(replicates=60, judgeable_events=100)
    reached, shown = made.reached[at], Counts("invented")
    sexes = Grouping("sex", np.where(at % 2 == 0, "women", "men").astype(object))
    return (
        fit_apart(scored, reached, few, shown),
        fit_apart(scored, reached, few, shown, standing),
        _of_unreached(scored, (sexes,), standing, few, shown),
    )


@pytest.mark.parametrize("treated", ["true", "weight"])
def test_a_model_of_the_risk_without_help_is_right_of_those_not_reached_once_they_are_weighted(
    treated,
):
    plain, weighted, calibration = held_against_those_not_reached(treated)
    assert plain.of_others is not None
    assert plain.of_others.low > 1.1, "whoever is a case early cannot be reached any more"
    assert weighted.of_others is not None
    assert weighted.of_others.low < 1 < weighted.of_others.high
    assert weighted.of_others.value == pytest.approx(1, abs=0.08)
    assert weighted.of_reached == plain.of_reached
    figures = calibration.evaluation.scores["firstcall"]
    assert figures["observed_to_expected"] == pytest.approx(weighted.of_others)
    assert calibration.by_group["observed_to_expected"].to_numpy() == pytest.approx(1, abs=0.15)


def test_a_model_that_learned_too_many_early_cases_is_not_right_of_them():
    plain, weighted, calibration = held_against_those_not_reached("exclude")
    assert plain.of_others is not None
    assert plain.of_others.low < 1 < plain.of_others.high, "its own mistake is in them too"
    assert weighted.of_others is not None
    assert weighted.of_others.high < 0.9
    assert calibration.evaluation.scores["firstcall"]["observed_to_expected"].high < 0.9


def test_the_words_say_that_those_not_reached_are_weighted():
    plain, weighted, calibration = held_against_those_not_reached("true")
    assert "not reached, weighted by the inverse chance of it, is " in weighted.words
    assert weighted.words.endswith("; a case that came before anybody called is none of these")
    assert "weighted" not in plain.words
    assert plain.words.endswith("a case that came before anybody called counts among the first")
    assert calibration.of_whom == (
        f" among the {weighted.rows - weighted.reached:,} of {weighted.rows:,} rows that nobody "
        "reached, weighted by the inverse chance of it,"
    )


def test_what_each_setting_does_to_which_rows():
    world = treated_world(0)
    plain, excluded, weighted, flagged = (
        made_of(0, kind) for kind in ("include", "exclude", "weight", "flag")
    )
    assert not plain.drop.any()
    assert (set(plain.weight), plain.offset) == ({1.0}, None)
    assert plain.effect == excluded.effect == weighted.effect == flagged.effect
    for made in (excluded, weighted):
        assert (made.drop == (world.reached & ~TESTED)).all()
        assert (made.role(ROLE)[made.drop] == "aside").all()
        assert (made.role(ROLE)[~made.drop] == ROLE[~made.drop]).all()
        assert set(made.weight[made.drop]) == {0.0}
        assert set(made.weight[TESTED]) == {1.0}
        assert made.offset is None
    kept = ~world.reached & ~TESTED
    assert set(excluded.weight[kept]) == {1.0}
    assert weighted.weight[kept].mean() == pytest.approx(1)
    high, low = (weighted.weight[kept & of].mean() for of in (world.high, ~world.high))
    # 1 / 0.3 and 1 / 0.95: 3.2 times as much
    assert high / low == pytest.approx(3.2, rel=0.2)
    assert not flagged.drop.any()
    assert set(flagged.weight) == {1.0}
    assert flagged.effect is not None
    assert (flagged.offset == np.where(world.reached & ~TESTED, flagged.effect.value, 0)).all()
    # half a risk of 0.4 is -0.98 in log odds
    assert flagged.effect.low < -0.98 < flagged.effect.high
    assert "confounded by indication" in flagged.words[-1]


@pytest.mark.parametrize("treated", ["include", "exclude", "weight", "flag"])
def test_calls_that_follow_what_makes_a_case_are_told_whatever_is_done(treated):
    world = treated_world(0)
    cases = np.flatnonzero(world.uncalled)[::4]
    after = steps(*[(f"p{n:05d}", "2024-06-01", "contacted") for n in (*cases, *range(0, 900, 9))])
    made = treated_rows(
        world.columns, world.rows.assign(outcome=world.uncalled), ROLE, {"outreach": after},
        THROUGH + WINDOW, CARRIED, FeedbackSettings(treated),
    )  # fmt: skip
    assert made.effect is not None
    assert made.effect.low > 1
    [told] = [words for words in made.words if "calls seem to follow what makes a case" in words]
    assert "confounded by indication" in told
    assert not any("calls seem to follow" in words for words in made_of(0, treated).words)


def test_the_same_twice():
    one, two = made_of(0, "weight"), made_of.__wrapped__(0, "weight")
    assert one.weight.tobytes() == two.weight.tobytes()
    assert one.to_json() == two.to_json()


def test_outreach_changes_no_column_that_a_model_may_learn_from():
    world = crowd(4, 40)
    people = sorted({row["patient_id"] for rows in world.values() for row in rows})
    bare = {name: rows for name, rows in world.items() if name != "outreach"}
    called = table_of("outreach", [
        {"patient_id": who, "happened_on": ago(days), "step": step}
        for who in people
        for days, step in ((1, "enrolled"), (9, "contacted"), (200, "closed"))
    ])  # fmt: skip
    index = pd.DataFrame({"patient_id": people, "as_of": [AS_OF] * len(people)})
    without, beside = (
        features_as_of(histories(tables), index)
        for tables in (bare, bare | {"outreach": called.to_pylist()})
    )
    predictors = [feature.name for feature in FEATURES if feature.predictor]
    assert without[predictors].to_numpy().tobytes() == beside[predictors].to_numpy().tobytes()
    changed = set(beside.columns[(beside.fillna(-1) != without.fillna(-1)).any()])
    assert changed, "the calls are seen, by columns that are no predictors"
    columns = [
        learnable(Matrix(X, pd.DataFrame({"patient_id": people}), {}), np.arange(len(people)), 1)
        for X in (without, beside)
    ]
    assert columns[0] == columns[1]
    assert not changed & set(columns[1])


def test_nobody_tells_their_own_chance():
    world = treated_world(0)
    ones, every, people = np.ones(PEOPLE), np.ones(PEOPLE, bool), np.arange(PEOPLE)
    label = world.rows["outcome"].to_numpy(float)
    found = log_odds_by_prior(world.columns, label, ones, every, people, 71)
    label[7] = 1 - label[7]
    again = log_odds_by_prior(world.columns, label, ones, every, people, 71)
    assert again[7] == found[7]
    assert (again != found).sum() > PEOPLE / 2
