"""A run folder as it is read again: tables, figures, pictures, and the model's own description.

Whoever writes a file into it need not tell anybody here: what is not there is None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.errors import InputError
from data.small_cells import Counts
from serving.model import read_model_files, version_of

_PICTURES = (".svg", ".png")


@dataclass(frozen=True)
class RunFolder:
    """The folder `path`. ``model``: what `model/model.json` holds; ``version``: that of the model's
    files (`serving.model.version_of`); ``evaluation``: what `evaluation.json` holds."""

    path: Path
    model: dict[str, Any]
    version: str
    evaluation: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Raises InputError where there is no model or no evaluation in `path`, or it cannot be
        read ("evaluation.json in run cannot be read: train anew."), RefusalError where the model's
        files do not fit one another."""
        text, model = read_model_files(path / "model")
        evaluation = _json(path / "evaluation.json")
        if not isinstance(evaluation, dict) or "scores" not in evaluation:
            raise InputError(f"There is no evaluation.json of a training in {path}: train anew.")
        return cls(path, model, version_of(text, model), evaluation)

    @property
    def counts(self) -> Counts:
        """How counts are written: of real people, so that no small group can be told."""
        return Counts(str(self.model["origin"]))

    def find(self, name: str) -> Path | None:
        """The file `name` in the folder, or in the first of its folders that has one."""
        for path in (self.path / name, *sorted(self.path.glob(f"*/{name}"))):
            if path.is_file() and path.parent != self.path / "model":
                return path
        return None

    def told(self, name: str) -> Any:
        """What the JSON file `name` holds, None where it is not there."""
        path = self.find(name)
        return None if path is None else _json(path)

    def records(self, name: str) -> list[dict[str, Any]] | None:
        """The rows of the table `name` (`.csv` or `.parquet`) as plain values, None where it is not
        there or has no row. A text that is not there is "", a number None."""
        path = self.find(name)
        if path is None:
            return None
        try:
            if path.suffix == ".parquet":
                table = pd.read_parquet(path)
            else:  # "None" and "NA" are names of groups and settings
                table = pd.read_csv(path, keep_default_na=False, na_values=[""])
        except pd.errors.EmptyDataError:
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"{name} in {self.path} cannot be read: train anew.") from error
        return [{str(k): _plain(v) for k, v in row.items()}
                for row in table.astype(object).to_dict("records")] or None  # fmt: skip

    def texts(self, name: str) -> list[dict[str, str]] | None:
        """The rows of the CSV `name`, each value as it is written."""
        path = self.find(name)
        if path is None:
            return None
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{name} in {self.path} cannot be read: train anew.") from error
        return [{str(k): str(v) for k, v in row.items()} for row in table.to_dict("records")]

    def setting(self, name: str) -> str:
        """A setting of the run as settings.csv holds it, such as `fit.monotone`; "" where it is not
        there."""
        found = (line["value"] for line in self.texts("settings.csv") or ()
                 if line.get("setting") == name)  # fmt: skip
        return next(found, "")

    def pictures(self) -> dict[str, Path]:
        """Each picture by its name, in the order of names: the SVG where there is one, else the
        PNG."""
        found: dict[str, Path] = {}
        for suffix in reversed(_PICTURES):
            for path in sorted((self.path / "pictures").glob(f"*{suffix}")):
                found[path.stem] = path
        return dict(sorted(found.items()))


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} in {path.parent} cannot be read: train anew.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value
