"""The scores that clinicians know beside our risks: asked, stored, answered, printed."""

from __future__ import annotations

import math
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data.home import Home
from data.intake import current
from data.sensitive_matters import MATTERS
from features.indices import known_scores, prior_year_cost
from features.writing import current_histories
from serving.api.app import create_app
from serving.known_scores import (
    FOR_WHO_SEES_ALL,
    SHOWN,
    Known,
    in_words,
    known_of,
    made_for_others,
    told,
)
from serving.nightly import run_night
from serving.printed import print_worklist
from serving.settings import settings_of
from serving.store import KNOWN_COLUMNS, Store
from serving.worklist import Capacity
from tests.features.asked_stays import stay, stays
from tests.features.family_specs import diagnoses, results, together
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows
from tests.serving.a_night import NIGHT, a_night
from tests.serving.client import Client, a_token
from tests.serving.test_nightly import rows_of
from training.cohorts.cohort import readmission_cohort
from training.settings.tasks import READMISSION

# 8 days, an emergency, heart failure, one emergency visit before; haemoglobin 10, sodium 140, by
# cardiology
ILL = together(
    stays(stay(9, 1, specialty="cardiology"), {"kind": "emergency", "started_on": ago(20)}),
    diagnoses((3, "I509")),
    results("718-7", (2, 10.0)), results("2951-2", (2, 140.0)),
    rows("cost", {"happened_on": ago(9), "allowed_cents": 937_600}),
)  # fmt: skip
ADMITTED = np.array([ago(9)], dtype="datetime64[s]")
LACE, HOSPITAL = 5 + 3 + 2 + 1, 1 + 0 + 0 + 0 + 1 + 0 + 2
NO_NULL = {"readmission_null_reason": None, "high_cost_null_reason": None}


def _known(carries: tuple[str, ...] = CARRIES, of_stay: bool = True) -> list[dict[str, Any]]:
    yes = np.array([True])
    found = known_of(["p"], ADMITTED, np.array([of_stay]), yes, histories(ILL, carries), AS_OF)
    assert list(found) == list(KNOWN_COLUMNS)
    return [{str(k): v for k, v in row.items()} for row in found.to_dict("records")]


def test_each_score_of_one_person() -> None:
    assert [(k["score"], k["low"], k["high"], k["lacking"]) for k in _known()] == [
        ("charlson_2011", 2, 2, ""),
        ("hospital_2016", HOSPITAL, HOSPITAL, ""),
        ("lace", LACE, LACE, ""),
        ("prior_year_cost", 9_376, 9_376, ""),
    ]


def test_only_of_whom_there_is_a_question() -> None:
    assert [k["score"] for k in _known(of_stay=False)] == ["charlson_2011", "prior_year_cost"]
    nobody = np.array([False])
    without = np.array(["NaT"], dtype="datetime64[s]")
    none = known_of(["p"], without, nobody, nobody, histories(ILL), AS_OF)
    assert list(none) == list(KNOWN_COLUMNS)
    assert none.empty


def test_in_words_whole_as_a_range_and_not_known() -> None:
    whole = told(NO_NULL, _known())
    assert in_words(whole) == (
        "LACE 11 (high); HOSPITAL 4 (low); Charlson 2; prior-year cost $9,376"
    )
    assert [one.group for one in whole] == ["high", "low", None, None]
    ranged = told(NO_NULL, _known(tuple(f for f in CARRIES if f != "admission_type")))
    assert in_words(ranged).startswith(
        "LACE 8–11 (moderate to high; not known: admission type); HOSPITAL 3–4 (low; not known: "
        "admission type); Charlson"
    )
    nobody = {"readmission_null_reason": "no discharge in the last 30 days",
              "high_cost_null_reason": None}  # fmt: skip
    assert in_words(told(nobody, _known(of_stay=False))) == (
        "Charlson 2; prior-year cost $9,376; LACE, HOSPITAL not known: no "
        "discharge in the last 30 days"
    )


def test_not_evaluable_says_why() -> None:
    found = told(NO_NULL, _known(tuple(f for f in CARRIES if f not in ("diagnosis", "cost_claim"))))
    charlson = next(one for one in found if one.name == "charlson_2011")
    assert charlson == Known("charlson_2011", None, None, "no diagnoses are carried")
    assert charlson.words == "Charlson not known: no diagnoses are carried"
    assert charlson.group is None


def test_of_a_run_that_told_none_the_words_say_so() -> None:
    assert {one.lacking for one in told(NO_NULL, [])} == {"the run did not tell it"}


def test_what_they_were_made_for() -> None:
    said = made_for_others()
    assert len(said) == len(SHOWN) - 1  # last year's cost was made for nothing
    assert said[0].startswith("LACE was made for death or unplanned readmission")
    assert "potentially avoidable" in said[1]


def test_the_store_keeps_them_with_the_run(tmp_path: Path) -> None:
    store = Store.of_home(Home(tmp_path))
    run_id = store.start(NIGHT)
    known = [("a", "lace", 8.0, 11.0, "admission type"),
             ("b", "lace", math.nan, math.nan, "no encounters are carried")]  # fmt: skip
    store.publish(run_id, *a_night("a", "b", known=known))
    of_a = [{"score": "lace", "low": 8.0, "high": 11.0, "lacking": "admission type"}]
    first, second = store.worklist(run_id)
    assert first["known_scores"] == of_a
    assert second["known_scores"] == [
        {"score": "lace", "low": None, "high": None, "lacking": "no encounters are carried"}
    ]
    found = store.patient(run_id, "a")
    assert found is not None
    assert found["known_scores"] == of_a
    # another run's are its own
    other = store.start(NIGHT)
    store.publish(other, *a_night("a"))
    assert [row["known_scores"] for row in store.worklist(other)] == [[]]
    store.close()


@pytest.fixture(scope="module")
def home(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("known")
    shutil.copytree(small_home.root, folder / "home", symlinks=True)
    home = Home(folder / "home")
    run_night(home, NIGHT, Capacity(managers=2, slots=250))
    return home


@pytest.fixture(scope="module")
def listed(home: Home) -> list[dict[str, Any]]:
    store = Store.of_home(home)
    run = store.published()
    assert run is not None
    found = store.worklist(run.run_id)
    store.close()
    return found


def test_the_night_keeps_what_the_histories_say(home: Home, listed: list[dict[str, Any]]) -> None:
    """LACE and HOSPITAL of the episode, as training's baselines are asked."""
    held, taken = current_histories(home), current(home)
    patients = [row["patient_id"] for row in listed]
    index = pd.DataFrame({"patient_id": patients, "as_of": [NIGHT] * len(patients)})
    seen = taken.manifest | {"data_through": NIGHT.isoformat()}
    every = readmission_cohort(taken.tables, seen, READMISSION).every.dropna(subset="discharged_on")
    last = every.sort_values("discharged_on", kind="stable").groupby("patient_id").tail(1)
    began = last.set_index("patient_id")["admitted_on"].reindex(patients).fillna(0)
    index["admitted_on"] = pd.to_datetime(began.to_numpy(), unit="D")
    expected = known_scores(held, index)
    costs = prior_year_cost(held, index)
    of_stays = 0
    for place, row in enumerate(listed):
        stored = {known["score"]: known for known in row["known_scores"]}
        asked = set(SHOWN) if row["readmission_risk"] is not None else set(SHOWN[2:])
        assert set(stored) == asked
        of_stays += "lace" in asked
        for name in asked:
            for bound in ("low", "high"):
                assert stored[name][bound] == expected[f"{name}_{bound}"].iloc[place]
            assert stored[name]["lacking"] == expected[f"{name}_lacking"].iloc[place]
        assert stored["prior_year_cost"]["low"] == costs.iloc[place]
    assert 5 < of_stays < len(listed)


def test_the_api_answers_with_them(home: Home, listed: list[dict[str, Any]]) -> None:
    with Client(create_app(home)) as client:
        on_list = client.get("/v1/worklist?top=500").json()["patients"]
        one = client.get(f"/v1/patients/{listed[0]['patient_id']}").json()
        chosen = [row["patient_id"] for at, row in enumerate(listed)
                  if at < 20 or row["readmission_risk"] is not None]  # fmt: skip
        sent = rows_of(current(home), pa.array(chosen))
        sent |= {"as_of": NIGHT.isoformat()}
        asked = client.post("/v1/score", json=sent).json()["patients"]
        database = client.app.state.service.database
        seeing = a_token(database, "patients", matters=MATTERS)
    with Client(create_app(home, settings_of({"on_consent": []}))) as client:
        header = {"authorization": f"Bearer {seeing}"}
        whole = client.get(f"/v1/patients/{listed[0]['patient_id']}", headers=header).json()
    assert [known["name"] for known in whole["known_scores"]] == list(SHOWN)
    assert whole["known_scores"][2]["low"] is not None
    assert [person["patient_id"] for person in on_list] == [row["patient_id"] for row in listed]
    assert one["known_scores"] == on_list[0]["known_scores"]
    scored = {person["patient_id"]: person["known_scores"] for person in asked}
    assert len(chosen) < len(listed)
    for person, row in zip(on_list, listed, strict=True):
        if person["patient_id"] in chosen:
            assert person["known_scores"] == scored[person["patient_id"]]
        assert [known["name"] for known in person["known_scores"]] == list(SHOWN)
        charlson = person["known_scores"][2]  # its points can name an illness
        assert charlson["words"] == f"Charlson not known: {FOR_WHO_SEES_ALL}"
        lace = person["known_scores"][0]
        if row["readmission_risk"] is None:
            assert lace["low"] is None
            assert lace["words"] == f"LACE not known: {row['readmission_null_reason']}"
        else:
            assert lace["words"] == f"LACE {lace['low']:.0f} ({lace['group']})"
            assert lace["group"] in ("low", "moderate", "high")
        assert lace["made_for"].startswith("death or unplanned readmission")
        assert person["known_scores"][3]["made_for"] is None, "last year's cost predicts nothing"


def test_the_printed_list_says_them(
    home: Home, listed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    print_worklist(home, top=500)
    said = " ".join(capsys.readouterr().out.split())
    lace = {known["low"] for row in listed for known in row["known_scores"]
            if known["score"] == "lace"}  # fmt: skip
    assert lace
    assert all(f"LACE {points:.0f} (" in said for points in lace)
    assert "made for other outcomes: LACE was made for death or unplanned readmission" in said


def test_a_later_night_knows_more_of_the_same_stay() -> None:
    """The haemoglobin of the day of discharge becomes known two days after it."""
    tables = together(
        stays(stay(9, 3, specialty="cardiology")),
        rows("lab_result", {"loinc": "718-7", "happened_on": ago(3), "value": 9.0,
                            "known_on": ago(1)}),
        results("2951-2", (4, 140.0)),
        diagnoses((0, "I509")),  # after the discharge: not of this stay
    )  # fmt: skip

    def on(day: date) -> dict[str, tuple[float, float]]:
        yes = np.array([True])
        found = known_of(["p"], ADMITTED, yes, yes, histories(tables), day)
        return {row["score"]: (row["low"], row["high"]) for row in found.to_dict("records")}

    assert on(ago(3))["hospital_2016"] == (1 + 2, 1 + 1 + 2)
    assert on(ago(0))["hospital_2016"] == (1 + 1 + 2, 1 + 1 + 2)
    assert on(ago(3))["lace"] == on(ago(0))["lace"] == (4 + 3, 4 + 3)
