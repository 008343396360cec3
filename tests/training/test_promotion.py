"""Promotion and rollback on a real registry, and a real process killed between any two steps."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.model import RiskModel, publish_model, read_model_files, version_of
from serving.model_json import CARD
from serving.models.sources import HomeModels
from tests.serving.quick import write_quick_model
from tests.training.at_once import at_once, how_it_ended, kill_this_process
from training.evaluation.evaluate import Scored
from training.release import promotion
from training.release.champion import BesideChampion, beside_champion
from training.release.gate import Criterion, Verdict
from training.release.promotion import (
    CALLED_BACK,
    OVERRIDE,
    PROMOTED_FROM,
    ROLLED_BACK_FROM,
    Moved,
    promote,
    roll_back,
    tags_of_verdict,
)
from training.release.registry import (
    CHALLENGER,
    CHAMPION,
    MODEL_VERSION,
    move_champion,
    record,
    version_at,
)
from training.settings.tasks import READMISSION, flat

TASK = "readmission"
PASSED = Criterion("ranking", passed=True, words="as good as the champion")
MISSED = Criterion("ranking", passed=False, words="AUROC is lower by 0.05")


@pytest.fixture
def home(tmp_path: Path, mlflow_tables: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One in which nothing was trained yet."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = Home(tmp_path / "home")
    made.make()
    shutil.copy(mlflow_tables, made.tracking_database)
    return made


def trained(
    home: Home, label: str, champion: str = "", *criteria: Criterion, **changed: Any
) -> str:
    """A challenger as training leaves it, `changed` in its model.json; the version of its files."""
    files = home.root / label
    write_quick_model(files / "model", TASK, label=label, **changed)
    (files / CARD).write_text(f"# Card of {label}")
    version = version_of(*read_model_files(files / "model"))
    verdict = Verdict(criteria or (PASSED,), champion)
    told = flat(READMISSION), {}, {MODEL_VERSION: version}
    record(home, TASK, *told, files, tags_of_verdict(verdict))
    return version


def served(home: Home) -> str:
    return RiskModel.load(home.models / TASK).version


def card_served(home: Home) -> str | None:
    return HomeModels(home).find().cards().get(TASK)


def champion_of(home: Home) -> str | None:
    found = version_at(home, TASK, CHAMPION)
    return None if found is None else found.number


def test_training_alone_changes_nobody_s_list(home: Home) -> None:
    trained(home, "one")
    assert champion_of(home) is None
    assert not (home.models / TASK).exists()


def test_who_passed_becomes_champion_and_the_way_back_is_one_step(home: Home) -> None:
    one = trained(home, "one")
    assert promote(home, TASK) == Moved("promoted", "1", "")
    assert served(home) == one
    two = trained(home, "two", "1")
    assert (served(home), champion_of(home)) == (one, "1")
    assert promote(home, TASK) == Moved("promoted", "2", "1")
    assert (served(home), card_served(home)) == (two, "# Card of two")
    assert promote(home, TASK) == Moved("was champion", "2", "2")
    assert roll_back(home, TASK) == Moved("rolled back", "1", "2")
    assert (served(home), card_served(home)) == (one, "# Card of one")
    found = version_at(home, TASK, CHAMPION)
    assert found is not None
    assert found.tags[ROLLED_BACK_FROM] == "2"
    with pytest.raises(InputError, match="Version 1 of readmission is the first champion"):
        roll_back(home, TASK)


def test_who_did_not_pass_stays_challenger_unless_a_reason_is_given_which_is_kept(
    home: Home,
) -> None:
    trained(home, "one")
    promote(home, TASK)
    two = trained(home, "two", "1", PASSED, MISSED)
    with pytest.raises(RefusalError) as refused:
        promote(home, TASK)
    assert str(refused.value) == (
        "Version 2 of readmission did not pass the gate: AUROC is lower by 0.05. To promote it all "
        'the same: `firstcall promote --task readmission --override "reason"`.'
    )
    assert champion_of(home) == "1"
    for empty in ("", "  ", "a" * 501):
        with pytest.raises(InputError, match="a reason of 1 to 500 characters"):
            promote(home, TASK, override=empty)
    assert promote(home, TASK, override="agreed  on 3 May\n") == Moved("promoted", "2", "1")
    assert served(home) == two
    found = version_at(home, TASK, CHAMPION)
    assert found is not None
    assert (found.tags[OVERRIDE], found.tags[PROMOTED_FROM]) == ("agreed on 3 May", "1")


def test_a_verdict_beside_another_champion_does_not_count(home: Home) -> None:
    trained(home, "one")
    promote(home, TASK)
    trained(home, "two", "1")
    promote(home, TASK)
    trained(home, "three", "1")  # began before the second was promoted
    with pytest.raises(RefusalError, match="judged beside version 1, and version 2 is champion"):
        promote(home, TASK)
    trained(home, "four", "")  # began when there was no champion
    with pytest.raises(RefusalError, match="judged beside no champion, and version 2 is champion"):
        promote(home, TASK)


def test_without_challenger_champion_or_verdict_the_answer_is_one_sentence(home: Home) -> None:
    with pytest.raises(InputError, match="no challenger of readmission: run `firstcall train"):
        promote(home, TASK)
    with pytest.raises(InputError, match="There is no champion of readmission"):
        roll_back(home, TASK)
    for call in (promote, roll_back):
        for name in ("mine.toml", "a'b", ""):
            with pytest.raises(InputError, match="is no name of a task: small letters"):
                call(home, name)
    files = home.root / "bare"
    write_quick_model(files / "model", TASK)
    record(home, TASK, {}, {}, {}, files, {})
    with pytest.raises(RefusalError, match="was not judged by the gate: train anew"):
        promote(home, TASK)


def dying(root: Path, call: str, before: str) -> None:
    setattr(promotion, before, kill_this_process)
    getattr(promotion, call)(Home(root), TASK)


def killed(home: Home, call: str, before: str) -> None:
    """Run a call in a process of its own that is killed just before one of its steps."""
    assert how_it_ended(dying, home.root, call, before) == -signal.SIGKILL


@pytest.mark.parametrize("step", ["tag_version", "move_champion", "publish_files"])
def test_a_promotion_killed_at_any_step_leaves_a_champion_and_can_be_done_again(
    home: Home, step: str
) -> None:
    one = trained(home, "one")
    promote(home, TASK)
    two = trained(home, "two", "1")
    killed(home, "promote", step)
    moved = step == "publish_files"
    assert champion_of(home) == ("2" if moved else "1")
    assert served(home) == one, "the night goes on with whole files"
    assert promote(home, TASK) == (
        Moved("finished", "2", "") if moved else Moved("promoted", "2", "1")
    )
    assert served(home) == two
    assert roll_back(home, TASK) == Moved("rolled back", "1", "2")


@pytest.mark.parametrize("step", ["tag_version", "move_champion", "publish_files"])
def test_a_rollback_killed_at_any_step_goes_back_once(home: Home, step: str) -> None:
    for label, champion in (("one", ""), ("two", "1"), ("three", "2")):
        trained(home, label, champion)
        promote(home, TASK)
    killed(home, "roll_back", step)
    moved = step == "publish_files"
    assert champion_of(home) == ("2" if moved else "3")
    again = roll_back(home, TASK)
    assert again == (Moved("finished", "2", "") if moved else Moved("rolled back", "2", "3"))
    assert champion_of(home) == "2", "not one further back"
    assert version_at(home, TASK, CHALLENGER) is not None


def files_of(home: Home, number: int) -> Path:
    """Where the files of a version lie."""
    version = version_at(home, TASK, CHAMPION, number)
    assert version is not None
    return home.root / "mlflow-artifacts" / TASK / version.run_id / "artifacts" / "model"


def test_nobody_goes_back_to_a_model_whose_files_are_gone(home: Home) -> None:
    trained(home, "one")
    promote(home, TASK)
    two = trained(home, "two", "1")
    promote(home, TASK)
    shutil.rmtree(files_of(home, 1))
    with pytest.raises(InputError):
        roll_back(home, TASK)
    assert (champion_of(home), served(home)) == ("2", two), "the alias did not move"
    three = trained(home, "three", "2")
    assert promote(home, TASK) == Moved("promoted", "3", "2")
    assert served(home) == three


def test_nobody_goes_back_to_a_model_that_cannot_be_asked_any_more(home: Home) -> None:
    trained(home, "one", fingerprint="of another release")
    with pytest.raises(RefusalError, match="other feature definitions"):
        promote(home, TASK, override="whatever")
    assert champion_of(home) is None
    move_champion(home, TASK, "1")  # as it was before the release
    two = trained(home, "two", "1")
    assert promote(home, TASK) == Moved("promoted", "2", "1")
    with pytest.raises(RefusalError, match="other feature definitions"):
        roll_back(home, TASK)
    assert (champion_of(home), served(home)) == ("2", two)


def test_a_champion_whose_files_are_lost_can_be_left(home: Home) -> None:
    trained(home, "one")
    promote(home, TASK)
    trained(home, "two", "1")
    killed(home, "promote", "publish_files")  # version 2 is champion, the files of 1 are served
    shutil.rmtree(files_of(home, 2))
    with pytest.raises(InputError):
        promote(home, TASK)
    assert roll_back(home, TASK) == Moved("rolled back", "1", "2")
    move_champion(home, TASK, "2")
    three = trained(home, "three", "2")
    assert promote(home, TASK) == Moved("promoted", "3", "2")
    assert served(home) == three


def test_a_model_that_was_called_back_does_not_come_back_by_itself(home: Home) -> None:
    trained(home, "one")
    promote(home, TASK)
    two = trained(home, "two", "1")
    promote(home, TASK)
    roll_back(home, TASK)
    with pytest.raises(RefusalError, match="Version 2 of readmission was champion and was called"):
        promote(home, TASK)
    found = version_at(home, TASK, CHALLENGER)
    assert found is not None
    assert found.tags[CALLED_BACK] == "1"
    assert promote(home, TASK, override="it was not the model") == Moved("promoted", "2", "1")
    assert served(home) == two


def test_a_model_of_other_people_does_not_take_over(home: Home) -> None:
    trained(home, "one", origin="own")
    promote(home, TASK)
    trained(home, "two", "1", origin="invented")  # such as of a demo on the same registry
    with pytest.raises(RefusalError) as refused:
        promote(home, TASK)
    assert str(refused.value).startswith(
        "Version 2 of readmission was made of people of origin invented, and the model in use was "
        "made of people of origin own. To promote it all the same: "
    )
    assert champion_of(home) == "1"
    assert promote(home, TASK, override="a rehearsal") == Moved("promoted", "2", "1")


def test_a_first_model_of_other_people_than_those_of_this_home_does_not_pass(
    small_home: Home, home: Home
) -> None:
    (home.root / "tables").symlink_to(small_home.tables)  # invented people
    trained(home, "one", origin="own")
    with pytest.raises(RefusalError, match="origin own, and this home holds people of origin inv"):
        promote(home, TASK)
    trained(home, "two", origin="invented")
    assert promote(home, TASK) == Moved("promoted", "2", "")


def test_a_champion_registered_by_hand_can_be_replaced(home: Home) -> None:
    files = home.root / "by hand"
    write_quick_model(files / "model", TASK, label="by hand")
    record(home, TASK, {}, {}, {}, files, {})  # no tag tells the version of its files
    move_champion(home, TASK, "1")
    trained(home, "two", "1")
    assert promote(home, TASK) == Moved("finished", "1", "")
    assert card_served(home) is None, "its run has none"
    assert promote(home, TASK) == Moved("promoted", "2", "1")


@pytest.mark.parametrize(
    "criteria",
    [[], [{"name": "ranking", "passed": "false", "words": "worse"}],
     [{"name": "ranking", "passed": True, "words": 3}]],
)  # fmt: skip
def test_a_verdict_of_another_form_is_none(criteria: list[Any]) -> None:
    with pytest.raises(TypeError):
        Verdict.from_json({"criteria": criteria, "champion": ""})


def beside(home: Home) -> BesideChampion:
    """What training learns of a champion that it cannot ask (there is nobody to ask about)."""
    column = np.zeros(1)
    scored = Scored(column, column, column, column, column, {"LACE": column}, column)
    return beside_champion(home, READMISSION, scored, None, None)


def test_a_champion_whose_files_are_lost_or_damaged_is_not_done_without(home: Home) -> None:
    trained(home, "one")
    promote(home, TASK)
    champion = version_at(home, TASK, CHAMPION)
    assert champion is not None
    model = home.root / "mlflow-artifacts" / TASK / champion.run_id / "artifacts" / "model"
    (model / "model.txt").write_text("damaged")
    found = [beside(home)]
    shutil.rmtree(model)
    found.append(beside(home))
    for told in found:
        assert (told.champion, told.may_pass, list(told.scored.baselines)) == ("1", False, ["LACE"])
        assert told.why_not == (
            "the files of version 1, the champion, cannot be fetched from MLflow or are damaged, "
            "so that nothing can be compared"
        )


def test_a_champion_of_features_that_are_declared_otherwise_now_is_done_without(home: Home) -> None:
    trained(home, "one", fingerprint="another")
    move_champion(home, TASK, "1")
    told = beside(home)
    assert (told.champion, told.may_pass) == ("1", True)
    assert "cannot be asked any more, because features are declared otherwise" in told.why_not


def publish_one_after_another(models: Path, folder: Path, times: int) -> int:
    """Publish `times` models; after each a whole one lies there."""
    text, metadata = read_model_files(folder)
    for number in range(times):
        publish_model(models, TASK, text, {**metadata, "label": str(number)})
        read_model_files(models / TASK)
    return times


def test_processes_that_publish_the_same_models_at_once_leave_whole_ones(tmp_path: Path) -> None:
    write_quick_model(tmp_path / "one", TASK)
    calls = [(publish_one_after_another, tmp_path / "models", tmp_path / "one", 30)] * 2
    assert at_once(calls) == [30, 30]
    kept = list((tmp_path / "models" / ".versions").iterdir())
    assert len(kept) == 30, "no draft is left"
    for folder in kept:
        read_model_files(folder)


def moved_there_and_back(root: Path, times: int) -> list[str]:
    """What each promotion and each rollback did, or why it did nothing."""
    did: list[str] = []
    for call in (promote, roll_back) * times:
        more = {"override": "a test"} if call is promote else {}
        try:
            did.append(call(Home(root), TASK, **more).what)
        except FirstcallError as error:
            did.append(str(error))
    return did


def test_promotions_and_rollbacks_at_once_leave_the_files_of_the_champion(home: Home) -> None:
    versions = {"1": trained(home, "one")}
    promote(home, TASK)
    versions["2"] = trained(home, "two", "1")
    did = at_once([(moved_there_and_back, home.root, 4)] * 2)
    allowed = {"promoted", "was champion", "rolled back",
               "Version 1 of readmission is the first champion: none before."}  # fmt: skip
    assert {what for each in did for what in each} <= allowed
    assert sum(each.count("promoted") for each in did) >= 4
    assert served(home) == versions[str(champion_of(home))]
