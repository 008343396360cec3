"""A whole night on a small invented population, and the same people through the API."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from data.errors import InputError, RefusalError
from data.generation import find_current
from data.home import Home
from data.intake import current
from data.tables import TABLES
from serving.api.app import create_app
from serving.eligibility import OF_THE_LIST
from serving.managed import MANAGED
from serving.masking import masked
from serving.model import write_model
from serving.night_list import capacity_said
from serving.nightly import run_night
from serving.settings import read_settings
from serving.sight import Sight
from serving.stale_data import STALE_AFTER_DAYS
from serving.store import Store
from serving.worklist import BEYOND_CAPACITY, NO_PANEL, Capacity
from tests.serving.client import Client, a_token
from tests.serving.list_bytes import list_bytes

ROOT = Path(__file__).resolve().parents[2]
NIGHT = date(2024, 12, 31)


def copied(home, folder):
    shutil.copytree(home.root, folder / "home", symlinks=True)
    return Home(folder / "home")


@pytest.fixture(scope="module")
def home(small_home, tmp_path_factory):
    return copied(small_home, tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def night(home):
    return run_night(home, NIGHT, Capacity(managers=3, slots=20))


@pytest.fixture
def store(home, night):
    store = Store.of_home(home)
    yield store
    store.close()


def everybody(store, run_id):
    """Every person of a run as the store tells of them, by patient_id."""
    with store.database.reading() as connection:
        ids = connection.scalars(
            sa.text("SELECT patient_id FROM score WHERE run_id = :r ORDER BY 1"), {"r": run_id}
        )
        ids = list(ids)
    return {patient_id: store.patient(run_id, patient_id) for patient_id in ids}


@pytest.fixture(scope="module")
def people(home, night):
    store = Store.of_home(home)
    found = everybody(store, night.run_id)
    store.close()
    return found


def test_the_report_adds_up(night, people):
    assert night.population == len(people)
    assert night.listed == 60
    assert night.listed + sum(night.left_out.values()) == night.population
    for task in ("readmission", "high-cost"):
        without = sum(night.without_risk[task].values())
        assert night.with_risk[task] + without == night.population
        assert sum(night.tiers[task].values()) == night.with_risk[task]
    assert 0 < night.with_risk["readmission"] < night.with_risk["high-cost"]
    assert sum(night.queues.values()) == night.listed
    may_take_one = sum(
        found["readmission_tier"] in ("high", "moderate")
        and found["left_out"] in (None, BEYOND_CAPACITY)
        for found in people.values()
    )
    assert night.kept_unused == max(0, night.capacity.kept - may_take_one)
    assert any("invented population" in said for said in night.warnings)


def test_a_risk_or_the_reason_why_there_is_none(people):
    for found in people.values():
        for task in ("readmission", "high_cost"):
            risk, why = found[f"{task}_risk"], found[f"{task}_null_reason"]
            assert (risk is None) == (why is not None)
            assert (risk is None) == (found[f"{task}_tier"] is None)
            assert (risk is None) == (found[f"{task}_asked_on"] is None)
            assert risk is None or 0 < risk < 1


def test_readmission_is_asked_as_of_the_night(people):
    for found in people.values():
        if found["readmission_risk"] is not None:
            assert found["readmission_asked_on"] == NIGHT
            assert NIGHT - timedelta(30) < found["discharged_on"] <= NIGHT
        elif found["left_out"] in (None, "beyond capacity"):
            assert found["discharged_on"] is None


def test_nobody_listed_is_left_out_and_everybody_listed_has_reasons(store, night, people):
    for row in store.worklist(night.run_id):
        found = people[row["patient_id"]]
        assert found["left_out"] is None
        assert found["place"]["rank"] == row["rank"]
        for_everybody = masked(row, Sight())
        assert len(for_everybody["why"]) <= 3
        assert set(for_everybody["why"]) <= set(row["why"])  # which has the sensitive ones too
        assert row["reasons"]
    assert all(p["left_out"] for p in people.values() if p["place"] is None)


def test_the_same_night_twice_gives_the_same_bytes(home, night, store):
    again = run_night(home, NIGHT, Capacity(managers=3, slots=20))
    assert again.run_id != night.run_id
    assert list_bytes(store, again.run_id) == list_bytes(store, night.run_id)
    assert replace(again, run_id=night.run_id) == night


def rows_of(taken, patients):
    """The canonical rows of some patients, as a caller would send them."""
    sent = {}
    for name in TABLES:
        table = pq.read_table(taken.tables[name])
        found = table.filter(pc.is_in(table["patient_id"], pc.cast(patients, "string")))
        sent[name] = json.loads(json.dumps(found.to_pylist(), default=str))
    return sent


def test_the_api_answers_what_the_night_said_to_the_last_bit(home, night, people):
    """200 patients: every recently discharged one first, then others who were explained."""
    chosen = sorted(
        people, key=lambda p: (people[p]["readmission_risk"] is None, not people[p]["reasons"], p)
    )[:200]
    sent = rows_of(current(home), pa.array(chosen))
    with Client(create_app(home)) as client:
        answer = client.post("/v1/score", json={"as_of": NIGHT.isoformat(), **sent})
    assert answer.status_code == 200, answer.text
    answered = answer.json()
    assert answered["models"] == dict(night.models)
    assert [p["patient_id"] for p in answered["patients"]] == sorted(chosen)
    for got in answered["patients"]:
        said = people[got["patient_id"]]
        for task in ("readmission", "high_cost"):
            one = got[task]
            assert one["risk"] == said[f"{task}_risk"]
            assert one["tier"] == said[f"{task}_tier"]
            assert one["not_scored"] == said[f"{task}_null_reason"]
            asked_on = said[f"{task}_asked_on"]
            assert one["asked_on"] == (asked_on and asked_on.isoformat())
            if task == "high_cost":
                cost = one["expected_cost"]
                assert (cost and cost["dollars"]) == said["high_cost_expected_dollars"]
            shown = masked(said, Sight())["reasons"]
            told = [r for r in shown if r["task"] == task.replace("_", "-")]
            names = ("concept", "words", "share", "direction", "actionable", "sensitive")
            if told:
                assert [{k: r[k] for k in names} for r in one["reasons"]] == [
                    {k: r[k] for k in names} for r in told
                ]
        assert got["warnings"] == said["warnings"]
        by_list = said["left_out"] in OF_THE_LIST
        assert got["left_out"] == (None if by_list else said["left_out"])
    assert sum(people[p]["readmission_risk"] is not None for p in chosen) > 10


def test_a_stored_patient_reads_the_same_looked_up_and_scored_anew(home, night, people):
    """To the last bit, reasons, known scores and words included, for who sees what is sensitive
    and for who does not."""
    chosen = sorted(p for p in people if people[p]["reasons"])[:40]
    with Client(create_app(home)) as client:
        database = client.app.state.service.database
        seeing = a_token(database, "patients", matters=("mental health", "HIV"))
        for patient, header in itertools.product(
            chosen, ({}, {"authorization": f"Bearer {seeing}"})
        ):
            kept = client.get(f"/v1/patients/{patient}?days=0", headers=header).json()
            anew = client.post(
                f"/v1/patients/{patient}/rescore", json={"as_of": NIGHT.isoformat()},
                headers=header,
            ).json()["patient"]  # fmt: skip
            for task in ("readmission", "high_cost"):
                if kept[task]["reasons"] is None:  # the night did not explain that one
                    anew[task]["reasons"] = None
                assert kept[task] == anew[task]
            for name in ("known_scores", "warnings", "discharged_on", "withheld"):
                assert kept[name] == anew[name]
    assert any(r["sensitive"] for p in chosen for r in people[p]["reasons"])


def test_reasons_that_the_night_did_not_tell_are_null_and_the_api_tells_them(home, people):
    """Of who is on the list or above the moderate line they are told, of others a request is."""
    tasks = ("readmission", "high_cost")
    kinds = {}
    for patient_id, found in people.items():
        listed = found["place"] is not None
        kinds.setdefault((listed, *(found[f"{task}_tier"] for task in tasks)), patient_id)
    untold = None
    with Client(create_app(home)) as client:
        for (listed, *tiers), patient_id in kinds.items():
            answer = client.get(f"/v1/patients/{patient_id}").json()
            for task, tier in zip(tasks, tiers, strict=True):
                reasons = answer[task]["reasons"]
                if tier is None:
                    assert reasons == []
                elif listed or tier != "low":
                    assert reasons
                else:
                    assert reasons is None
                    untold = patient_id, task
        assert untold is not None
        patient_id, task = untold
        sent = rows_of(current(home), pa.array([patient_id]))
        asked = client.post("/v1/score", json={"as_of": NIGHT.isoformat(), **sent}).json()
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert asked["patients"][0][task]["reasons"]
    told = schemas["ReadmissionRisk"]["properties"]["reasons"]
    assert {"type": "null"} in told["anyOf"]
    assert "reasons" in schemas["ReadmissionRisk"]["required"]


def test_a_night_on_old_data_is_refused_and_the_list_stays(home, night, store):
    through = date.fromisoformat(find_current(home).manifest["data_through"])
    before = store.published().run_id
    with pytest.raises(RefusalError, match="The data end on"):
        run_night(home, through + timedelta(STALE_AFTER_DAYS + 1))
    assert store.published().run_id == before
    run_night(home, through + timedelta(STALE_AFTER_DAYS))


def test_a_day_before_anybody_was_known_is_refused(home):
    with pytest.raises(RefusalError, match="Nobody is known"):
        run_night(home, date(1990, 1, 1))


def test_without_data_or_models_the_night_says_what_to_do(small_home, tmp_path):
    with pytest.raises(InputError):
        run_night(Home(tmp_path / "nothing"), NIGHT)
    home = copied(small_home, tmp_path)
    shutil.rmtree(home.models)
    with pytest.raises(InputError, match="firstcall train"):
        run_night(home, NIGHT)


def test_one_model_alone_scores_what_it_can(small_home, tmp_path):
    home = copied(small_home, tmp_path)
    (home.models / "readmission").unlink()
    report = run_night(home, NIGHT)
    assert report.with_risk["readmission"] == 0
    assert report.with_risk["high-cost"] > 0
    assert "there is no model for it" in report.without_risk["readmission"]


def test_a_model_that_does_not_fit_is_refused(small_home, tmp_path):
    home = copied(small_home, tmp_path)
    folder = home.models / "readmission"
    metadata = json.loads((folder / "model.json").read_text())
    text = (folder / "model.txt").read_text()
    write_model(folder.resolve(), text, metadata | {"fingerprint": "0" * 64})
    with pytest.raises(RefusalError, match="other feature definitions"):
        run_night(home, NIGHT)


def test_a_model_of_invented_people_does_not_score_real_ones(small_home, tmp_path):
    home = copied(small_home, tmp_path)
    manifest = home.tables / "current.json"
    said = json.loads(manifest.read_text()) | {"origin": "own"}
    manifest.write_text(json.dumps(said))
    with pytest.raises(RefusalError, match="must not score real people"):
        run_night(home, NIGHT)
    assert run_night(home, NIGHT, other_origin=True).listed


def test_histories_of_another_intake_are_written_anew(small_home, tmp_path):
    """An intake that was killed before its histories were whole does not stop the night."""
    home = copied(small_home, tmp_path)
    manifest = home.histories / "manifest.json"
    whole = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(whole | {"generation": "another"}))
    assert run_night(home, NIGHT).listed
    assert json.loads(manifest.read_text()) == whole


CHILD = """
import os, signal, sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
import sqlalchemy as sa
from data import progress
from data.home import Home
from serving.masking import masked
from serving.nightly import run_night
from serving.sight import Sight

moment, statements = sys.argv[2], 0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def show(text):
    if text == moment:
        die()
    if text == "Publishing the list" and moment == "halfway through publishing":
        def count(*_):
            global statements
            statements += 1
            if statements == 4:  # scores and reasons are written, the list is not
                die()
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
    return nullcontext()

progress.listen(show)
run_night(Home(Path(sys.argv[1])), date(2024, 12, 31))
"""


@pytest.mark.parametrize("moment", ["Scoring", "halfway through publishing"])
def test_a_killed_night_leaves_last_nights_list_and_the_next_succeeds(home, night, store, moment):
    before = run_night(home, NIGHT, Capacity(1, 7))
    died = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(home.root), moment],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert store.published().run_id == before.run_id
    assert len(store.worklist(before.run_id)) == 7
    again = run_night(home, NIGHT, Capacity(1, 9))
    assert store.published().run_id == again.run_id
    assert len(store.worklist(again.run_id)) == 9
    assert [run.status for run in store.runs()][-2:] == ["abandoned", "published"]


def test_the_panels_of_the_settings_take_whom_they_are_for(small_home, tmp_path):
    home = copied(small_home, tmp_path)
    members = pq.read_table(current(home).tables["member"]).to_pandas()
    regions = members.sort_values("known_on").groupby("patient_id")["region"].last()
    first, second, *_ = sorted(regions.dropna().unique())
    (home.root / "service.toml").write_text(
        f'[[worklist.panels]]\nnumber = 3\nslots = 7\nregions = ["{first}"]\n'
        f'[[worklist.panels]]\nnumber = 5\nslots = 9\nregions = ["{second}"]\n'
        '[[worklist.panels]]\nnumber = 8\nslots = 4\nconditions = ["charlson_heart_failure_730"]\n'
    )
    night = run_night(home, NIGHT)
    store = Store.of_home(home)
    rows = store.worklist(night.run_id)
    manifest = store.published().manifest
    store.close()
    by_panel = {n: [r["patient_id"] for r in rows if r["manager"] == n] for n in (3, 5, 8)}
    assert [len(of) for of in by_panel.values()] == [7, 9, 4]
    assert {regions[p] for p in by_panel[3]} == {first}
    assert {regions[p] for p in by_panel[5]} == {second}
    assert night.left_out[NO_PANEL] > 0
    assert sum(night.left_out.values()) + 20 == night.population
    assert manifest["capacity"] == {"managers": 3, "places": 20}
    assert [panel["number"] for panel in manifest["panels"]] == [3, 5, 8]
    with pytest.raises(InputError, match="go by a draw only where every panel takes everybody"):
        run_night(home, NIGHT, capacity_said(read_settings(home).worklist.panels, None, None, 0.1))


def test_whom_care_management_has_is_not_called(home, night, people):
    taken = current(home)
    steps = pq.read_table(taken.tables["outreach"]).to_pandas().sort_values("happened_on")
    steps = steps[(steps["happened_on"] <= NIGHT) & (steps["known_on"] <= NIGHT)]
    left_out = {p for p, found in people.items() if found["left_out"] == MANAGED}
    assert left_out
    assert night.left_out[MANAGED] == len(left_out)
    for patient in left_out:
        of = steps[steps["patient_id"] == patient]
        assert "enrolled" in set(of["step"])
        assert people[patient]["discharged_on"] is None
