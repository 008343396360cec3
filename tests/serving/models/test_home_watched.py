"""Models of the home's own folder: found at start, watched, replaced as a pair."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from serving.api.app import create_app
from serving.model import publish_card
from serving.models import sources
from serving.models.in_use import ModelsInUse
from serving.models.placed import Placed, key_of
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.models.pairs import asked, body, promoted, version, versions


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def in_use_of(home: Home, **settings: bool) -> ModelsInUse:
    return ModelsInUse(home, ServiceSettings(**settings))


def test_what_is_promoted_is_taken_up_and_whoever_was_answered_by_the_old_pair_still_is(home):
    promoted(home, "one")
    models = in_use_of(home)
    assert models.why_not == "The service is starting."
    assert models.look()
    assert (models.versions, models.why_not, models.remark) == (versions("one"), None, None)
    assert models.sources == {"readmission": "home", "high-cost": "home"}
    begun = models.scorer()
    assert not models.look(), "nothing was promoted"
    assert models.scorer() is begun

    promoted(home, "two", "readmission")
    assert models.look()
    assert models.versions == versions("one") | {"readmission": version("readmission", "two")}
    assert models.scorer().answer(asked()).models == models.versions
    assert begun.answer(asked()).models == versions("one")

    promoted(home, "one", "readmission")  # as `firstcall rollback` does
    assert models.look()
    assert models.versions == versions("one")


def test_without_any_model_it_says_what_to_do_and_takes_the_first_that_comes(home):
    models = in_use_of(home)
    assert not models.look()
    assert models.why_not == (
        "There is no model in FIRSTCALL_HOME/models: `firstcall train --task readmission`, then "
        "`firstcall promote --task readmission`, and so with high-cost."
    )
    with pytest.raises(RefusalError, match="There is no model in FIRSTCALL_HOME"):
        models.scorer()
    promoted(home, "one", "high-cost")
    assert models.look()
    assert models.versions == {"high-cost": version("high-cost", "one")}
    assert models.why_not is None


def test_one_that_does_not_fit_is_refused_once_in_one_sentence_and_the_old_pair_stays(home, caplog):
    promoted(home, "one")
    models = in_use_of(home)
    models.look()
    promoted(home, "two", "readmission", fingerprint="0" * 64)
    said = (
        "The model in FIRSTCALL_HOME/models/readmission was trained with other feature "
        "definitions: run `firstcall train --task readmission`."
    )
    with caplog.at_level(logging.WARNING, logger="firstcall.service"):
        for _ in range(3):
            assert not models.look()
            assert (models.versions, models.remark) == (versions("one"), said)
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warned == [said]
    assert models.scorer().answer(asked()).models == versions("one")

    promoted(home, "one", "readmission")
    assert not models.look()
    assert models.remark is None
    promoted(home, "three")
    assert models.look()
    assert (models.versions, models.remark) == (versions("three"), None)


def test_models_that_are_taken_away_answer_on(home):
    promoted(home, "one")
    models = in_use_of(home)
    models.look()
    shutil.rmtree(home.models)
    assert not models.look()
    assert models.scorer().answer(asked()).models == versions("one")


def test_a_model_that_breaks_while_it_is_tried_is_refused(home, monkeypatch):
    promoted(home, "one")
    models = in_use_of(home)
    models.look()
    promoted(home, "two")
    with monkeypatch.context() as broken:
        broken.setattr("serving.answers.Scorer.warm_up", lambda _: {}["Planted-Patient-0815"])
        assert not models.look()
    assert models.versions == versions("one")
    assert models.remark is not None
    assert models.remark.startswith("The models of home cannot be asked (KeyError at test_home_")
    assert "Planted" not in models.remark
    assert models.look(), "it may have been the machine: it is tried again"
    assert (models.versions, models.remark) == (versions("two"), None)


def test_what_was_wrong_with_the_machine_and_not_with_the_models_is_tried_again(home, monkeypatch):
    promoted(home, "one")
    models = in_use_of(home)
    models.look()
    promoted(home, "two")
    with monkeypatch.context() as machine:
        machine.setattr(tempfile, "tempdir", str(home.root / "nowhere"))
        for _ in range(2):
            assert not models.look()
            assert models.versions == versions("one")
            assert models.remark == (
                "Models cannot be read, or not be kept on the disk: No such file or directory."
            )
    assert models.look()
    assert (models.versions, models.remark) == (versions("two"), None)


def test_a_file_that_was_not_there_yet_is_read_at_the_next_look(home):
    promoted(home, "one")
    models = in_use_of(home)
    models.look()
    promoted(home, "two")
    text = home.models / "readmission" / "model.txt"
    before, put_back = models.scorer(), text.read_bytes()
    text.unlink()
    assert not models.look()
    assert models.remark is not None
    assert "There is no model.txt in FIRSTCALL_HOME/models/readmission" in models.remark
    assert models.scorer() is before
    text.write_bytes(put_back)
    assert models.look()
    assert models.versions == versions("two")


def test_a_wrong_table_of_suggestions_is_told_and_a_corrected_one_taken(home):
    promoted(home, "one")
    table = home.root / "next_steps.toml"
    table.write_text('[next_steps]\n"mised appointments" = false\n')
    models = in_use_of(home)
    with pytest.raises(InputError, match=r"next_steps\.toml: 'mised appointments' is no concept"):
        models.start()
    assert not models.look()
    assert str(models.why_not).startswith("next_steps.toml: 'mised appointments' is no concept")
    table.write_text('[next_steps]\n"missed appointments" = "Consider a call."\n')
    assert models.look()
    assert (models.versions, models.why_not) == (versions("one"), None)
    assert models.next_steps.next_step("missed appointments") == "Consider a call."

    # one table for the life of a worker: a night's reasons and those of a new pair alike
    table.write_text('[next_steps]\n"missed appointments" = false\n')
    promoted(home, "two")
    assert models.look()
    assert models.scorer()._next_step("missed appointments") == "Consider a call."
    assert models.next_steps.next_step("missed appointments") == "Consider a call."


def test_where_the_home_holds_others_than_the_bento_that_answers_it_is_said(
    home, tmp_path, monkeypatch
):
    packed = Home(tmp_path / "packed")
    promoted(packed, "one")
    folders = {task: packed.models / task for task in ("readmission", "high-cost")}
    told = dict.fromkeys(folders, "bento")
    monkeypatch.setattr(sources, "inside", lambda: Placed(folders, told, told, key_of(1)))
    models = in_use_of(home)
    assert models.look()
    assert (models.versions, models.remark) == (versions("one"), None)
    promoted(home, "one")
    models.look()
    assert models.remark is None
    promoted(home, "two", "readmission")
    for _ in range(2):
        assert not models.look()
        assert (models.versions, models.sources) == (versions("one"), told)
        assert models.remark == (
            f"FIRSTCALL_HOME holds other models (readmission {version('readmission', 'two')}, "
            f"high-cost {version('high-cost', 'one')}) than the Bento, whose own answer: "
            "`firstcall bento` packs them."
        )
    (home.models / "readmission" / "model.txt").unlink()
    models.look()
    assert models.remark is None


@pytest.mark.parametrize(
    ("before", "new", "held", "allowed", "taken"),
    [
        ("own", "invented", None, False, False),  # it scored real people
        ("own", "invented", "own", False, False),
        ("own", "invented", "own", True, True),
        ("own", "invented", "invented", False, True),
        ("invented", "own", "own", False, True),
        ("invented", "public_synthetic", None, False, True),  # each request is refused by itself
        ("own", "own", "own", False, True),
    ],
)
def test_a_model_of_made_up_people_does_not_take_the_place_of_one_of_real_ones(
    home, before, new, held, allowed, taken
):
    promoted(home, "one", "readmission", origin=before)
    if held:
        home.tables.mkdir()
        manifest = {"generation": "g", "origin": held}
        (home.tables / "current.json").write_text(json.dumps(manifest))
    models = in_use_of(home, other_origin=allowed)
    models.look()
    promoted(home, "two", "readmission", origin=new)
    assert models.look() is taken
    if not taken:
        assert models.remark is not None
        assert f"trained on data of origin {new} and must not score real people" in models.remark


def test_a_new_card_of_the_same_model_is_taken_up(home):
    promoted(home, "one", "readmission")
    models = in_use_of(home)
    models.look()
    assert publish_card(home.models, "readmission", version("readmission", "one"), "# Signed off")
    assert not publish_card(home.models, "readmission", "of no model", "# Of nobody")
    assert models.look()
    assert models.current is not None
    assert models.current.cards == {"readmission": "# Signed off"}


def test_the_service_takes_up_what_is_promoted_without_a_restart_and_says_so(home, monkeypatch):
    monkeypatch.setattr("serving.models.in_use.HOME_EVERY_SECONDS", 0.05)
    promoted(home, "one")
    (home.models / "readmission" / "card.md").write_text("# Card of one")
    with Client(create_app(home, ServiceSettings(other_origin=True))) as client:
        told = client.get("/v1/model").json()["models"]
        assert [(m["version"], m["source"], m["card"]) for m in told] == [
            (version("readmission", "one"), "home", "# Card of one"),
            (version("high-cost", "one"), "home", None),
        ]
        promoted(home, "two")
        for _ in range(600):
            if client.get("/health").json()["models"] == versions("two"):
                break
            time.sleep(0.05)
        health = client.get("/health").json()
        assert (health["status"], health["models"]) == ("ok", versions("two"))
        assert health["sources"] == {"readmission": "home", "high-cost": "home"}
        assert health["remark"] is None
        assert client.post("/v1/score", json=body()).json()["models"] == versions("two")
