"""How the stages of a training lie on disk (`training.fitting.checkpoints`): arrays, JSON and
text."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from training.fitting.fit import Fitted
from training.fitting.matrix import Matrix, index_of
from training.fitting.selection import Selected


def write_matrix(folder: Path, matrix: Matrix) -> None:
    """The features (float32, one row a question), the columns' names, the cut points, and a sum of
    the questions; not the rows themselves, which name patients and are found again anyway."""
    np.save(folder / "X.npy", matrix.X.to_numpy(dtype=np.float32, copy=False), allow_pickle=False)
    about = {
        "names": [str(name) for name in matrix.X.columns],
        "cuts": {name: [float(cut) for cut in cuts] for name, cuts in matrix.cuts.items()},
        "questions": questions_sum(matrix.rows),
    }  # fmt: skip
    _write_json(folder / "matrix.json", about)


def read_matrix(folder: Path, rows: pd.DataFrame) -> Matrix:
    """The matrix of the questions `rows`; raises ValueError where it is of others."""
    about = json.loads((folder / "matrix.json").read_bytes())
    X = np.load(folder / "X.npy", allow_pickle=False)
    if X.dtype != np.float32 or X.shape != (len(rows), len(about["names"])):
        raise ValueError("the matrix is of another shape")
    if about["questions"] != questions_sum(rows):
        raise ValueError("the matrix is of other questions")
    kept = pd.DataFrame(X, columns=about["names"])
    return Matrix(kept, rows.reset_index(drop=True), about["cuts"])


def questions_sum(rows: pd.DataFrame) -> str:
    """sha256 (hex) over who is asked about and as of which day, in their order."""
    hashed = pd.util.hash_pandas_object(index_of(rows), index=False).to_numpy()
    return hashlib.sha256(np.ascontiguousarray(hashed).data).hexdigest()


def write_selected(folder: Path, selected: Selected) -> None:
    """What `select` found."""
    _write_json(folder / "selected.json", selected.to_json())


def read_selected(folder: Path) -> Selected:
    """What `write_selected` wrote."""
    return Selected.from_json(json.loads((folder / "selected.json").read_bytes()))


def write_fitted(folder: Path, fitted: Fitted) -> None:
    """The booster's own text, and how many trees it has and why."""
    (folder / "booster.txt").write_bytes(fitted.text.encode())
    _write_json(folder / "fitted.json", {"rounds": fitted.rounds, "stopped_at": fitted.stopped_at})


def read_fitted(folder: Path) -> Fitted:
    """What `write_fitted` wrote."""
    about = json.loads((folder / "fitted.json").read_bytes())
    text = (folder / "booster.txt").read_bytes().decode()
    return Fitted(text, about["rounds"], tuple(about["stopped_at"]))


def _write_json(path: Path, told: object) -> None:
    path.write_text(json.dumps(told) + "\n", encoding="utf-8")
