"""The features of everybody on disk: the same numbers, whole or not there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError
from features.as_of import features_as_of
from features.definitions import FEATURES
from features.feature_file import FeatureFile, write_features
from tests.features.rows import AS_OF, ago, histories, rows

WORLD = rows(
    "encounter",
    *({"patient_id": p, "kind": "emergency", "started_on": ago(d)}
      for p, d in (("b", 3), ("a", 40), ("a", 3), ("c", 400))),
)  # fmt: skip


def test_the_file_holds_what_features_as_of_answers(tmp_path: Path) -> None:
    told = histories(WORLD)
    written = write_features(told, [AS_OF, ago(30)], tmp_path / "out")
    again = FeatureFile.open(tmp_path / "out")
    questions = again.questions()
    assert list(zip(questions["patient_id"], questions["as_of"], strict=True)) == [
        (p, day) for p in "abc" for day in (ago(30), AS_OF)
    ]
    expected = features_as_of(told, questions, again.names)
    assert again.names == written.names
    assert again.names == [declared.name for declared in FEATURES if declared.predictor]
    assert again.about["columns"][0]["unit"] == "years"
    assert again.array().tobytes() == expected.to_numpy().tobytes()


def test_threads_change_no_bit_and_names_choose_columns(tmp_path: Path) -> None:
    told = histories(WORLD)
    names = ["emergency_visits_count_30", "age"]
    for threads in (1, 3):
        write_features(told, [AS_OF], tmp_path / str(threads), names, threads)
    one, three = (FeatureFile.open(tmp_path / n) for n in ("1", "3"))
    assert one.array().tobytes() == three.array().tobytes()
    np.testing.assert_array_equal(one.array(), [[1, np.nan], [1, np.nan], [0, np.nan]])


def test_who_has_mapped_the_array_keeps_it_when_it_is_written_anew(tmp_path: Path) -> None:
    told = histories(WORLD)
    before = write_features(told, [AS_OF], tmp_path, ["emergency_visits_count_90"]).array()
    after = write_features(told, [ago(50)], tmp_path, ["emergency_visits_count_90"]).array()
    assert before.ravel().tolist() == [2, 1, 0]
    assert after.ravel().tolist() == [0, 0, 0]


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("features.npy", ".features.npy.new"):
        (folder / name).symlink_to(elsewhere)
    write_features(histories(WORLD), [AS_OF], folder, ["age"])
    assert elsewhere.read_text() == "mine"
    assert FeatureFile.open(folder).array().shape == (3, 1)


def test_one_writes_at_a_time_and_what_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = histories(WORLD)
    write_features(told, [AS_OF], tmp_path, ["age"])
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="are being written"):
        write_features(told, [AS_OF], tmp_path, ["age"])
    os.close(held)
    monkeypatch.setattr("features.feature_file._write_questions", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_features(told, [ago(9)], tmp_path, ["age"])
    assert FeatureFile.open(tmp_path).about["days"] == [AS_OF.isoformat()]
    assert {p.name for p in tmp_path.iterdir()} == {
        "features.npy", "questions.parquet", "features.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "names", "sentence"),
    [([], None, "There is no day"), ([AS_OF], ["age", "age"], "asked for twice"),
     ([AS_OF], ["shoe_size"], "no feature called 'shoe_size'")],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_before_anything_is_written(
    tmp_path: Path, days: list, names: list[str] | None, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        write_features(histories(WORLD), days, tmp_path / "out", names)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_whole_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no whole features"):
        FeatureFile.open(tmp_path)


def test_a_feature_asked_for_twice_is_refused() -> None:
    index = pd.DataFrame({"patient_id": ["a"], "as_of": [AS_OF]})
    with pytest.raises(InputError, match="'age' is asked for twice"):
        features_as_of(histories(WORLD), index, ["age", "female", "age"])
