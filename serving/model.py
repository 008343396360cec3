"""A model on disk: LightGBM's own text and a JSON file. Loading one runs no code of its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from data.durable import sync_folder
from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from features.matrix import Matrix
from serving.booster import THREADS, load_lightgbm
from serving.calibrator import Calibrator
from serving.expected_cost import FILE, KEY, ExpectedCost, load_expected_cost, read_cost_text
from serving.model_json import CARD, FORMAT, LANDMARKS, NEEDED, unusable

if TYPE_CHECKING:
    from lightgbm import Booster

    from serving.tree_shares import TreeShares

ASKED_ON = ("any", "31 December")
"""On which days a model may be asked: the latter where it knows yearly totals only."""
SUM = "model_sha256"
"""Where `model.json` holds the sha256 of `model.txt`: LightGBM ends the process over a text that
is damaged, so it is never given one."""


Rows = pd.DataFrame | Matrix
"""One row a question: the model's features are among its columns."""


@dataclass(frozen=True)
class TierLimits:
    """The risks from which on the tiers high and moderate begin, and who decided so."""

    high: float
    moderate: float
    owner: str

    def differ_from(self, told: Mapping[str, Any], version: str) -> bool:
        """Whether a run that was made by this version of the model went by others. `told` is what
        its manifest says of the model; one that does not tell its limits went by no others."""
        limits = told.get("tiers", {})
        same = (limits.get("high", self.high), limits.get("moderate", self.moderate))
        return told.get("version") == version and same != (self.high, self.moderate)


OF_TRAINING = "the model's training (the share of people that each tier is to hold)"
"""Who decided the limits that a model brings."""


@dataclass(frozen=True)
class RiskModel:
    """Booster, calibrator and what must be known to use them.

    ``features`` is the order of the columns; ``metadata`` is `model.json` as it was read;
    ``version`` is the first 16 hex digits of the sha256 over all files; ``cost`` is there where
    the model also says what the outcome window is expected to cost; ``site_limits`` are those that
    a site put in the place of the model's own: they change no risk, and so no version.
    """

    booster: Booster
    calibrator: Calibrator
    metadata: Mapping[str, Any]
    version: str
    cost: ExpectedCost | None = None
    site_limits: TierLimits | None = None

    @classmethod
    def load(cls, folder: Path, task: str | None = None) -> RiskModel:
        """Read `model.txt` and `model.json`, and `cost.txt` where the model has one.

        Raises InputError where a file is missing or unreadable, RefusalError where one is damaged
        or not of this pair, where the model answers another question than `task` or is asked on
        days that are none of ASKED_ON, or where the features are no longer computed as they were
        when the model was trained ("The model in .firstcall/models/readmission was trained with
        other feature definitions: run `firstcall train --task readmission`.").
        """
        held = folder.resolve()  # once: the link may move between the files
        text, metadata = read_model_files(held, folder)
        cost = read_cost_text(held, metadata)
        names = metadata["features"]
        again = f"run `firstcall train --task {task or metadata['task']}`."
        if task is not None and metadata["task"] != task:
            raise RefusalError(f"The model in {folder} answers another question: {again}")
        if metadata["asked_on"] not in ASKED_ON:
            raise RefusalError(
                f"The model in {folder} is asked on days that are not known: {again}"
            )
        from features.as_of import fingerprint

        try:
            now = fingerprint(names)
        except InputError as error:
            raise RefusalError(
                f"The model in {folder} uses a feature that is no longer declared: {again}"
            ) from error
        if now != metadata["fingerprint"]:
            raise RefusalError(
                f"The model in {folder} was trained with other feature definitions: {again}"
            )
        lightgbm = load_lightgbm()
        try:
            booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise InputError(f"{folder / 'model.txt'} is not a LightGBM model: {again}") from error
        if booster.feature_name() != list(names):
            raise RefusalError(f"model.txt and model.json in {folder} do not fit: {again}")
        return cls(
            booster,
            Calibrator.from_json(metadata["calibrator"]),
            metadata,
            version_of(text, metadata),
            None if cost is None else load_expected_cost(cost, metadata[KEY], names),
        )

    @property
    def features(self) -> list[str]:
        return list(self.metadata["features"])

    @property
    def cuts(self) -> Mapping[str, Sequence[float]]:
        """The cut points of the training rows, which percentiles are told by."""
        return self.metadata["cuts"]

    @property
    def task(self) -> str:
        return self.metadata["task"]

    @property
    def limits(self) -> TierLimits:
        """From which risk on the tiers begin: the site's limits, else the model's own."""
        own = self.metadata["tiers"]
        return self.site_limits or TierLimits(own["high"], own["moderate"], OF_TRAINING)

    @property
    def is_readmission(self) -> bool:
        return self.metadata.get("kind", self.task) == "readmission"

    def array(self, X: Rows) -> NDArray[np.float32]:
        """The model's features of each row in its order. Raises InputError where one is missing."""
        if isinstance(X, Matrix):
            return X.columns(self.metadata["features"])
        missing = [name for name in self.features if name not in X.columns]
        if missing:
            raise InputError(
                f"{len(missing)} features that the model needs are not there, the first of them "
                f"{missing[0]}: ask features_as_of for model.features."
            )
        return X[self.features].to_numpy(dtype=np.float32)

    def margin(self, X: Rows) -> NDArray[np.float64]:
        """The log odds of each row before calibration, of a model of landmarks without those of
        the day: what people are ordered by; float64[rows]."""
        if len(X) == 0:
            return np.empty(0)
        if self._trees is not None:
            return self._trees.margin(self.array(X))
        raw = self.booster.predict(self.array(X), raw_score=True, num_threads=THREADS)
        return np.asarray(raw, dtype=np.float64)

    @cached_property
    def _trees(self) -> TreeShares | None:
        """The booster's trees with the tables of their shares; None where they are of a kind that
        LightGBM alone can answer for."""
        from serving.tree_shares import TreeShares

        return TreeShares.of(self.booster)

    @property
    def has_landmarks(self) -> bool:
        """Whether it is asked on any day after a discharge about the days that are left."""
        return LANDMARKS in self.metadata

    def risk(
        self, margin: NDArray[np.float64], day: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """The calibrated probability of each margin; float64[rows] within (0, 1).

        Of a model of landmarks: of the days that are left on `day` (whole days after discharge,
        one a row), or of all of them, as on the day of discharge, where none is given.
        """
        if not self.has_landmarks:
            return self.calibrator.apply(margin)
        log_odds = np.asarray(self.metadata[LANDMARKS], dtype=np.float64)
        since = np.zeros(len(margin), np.int64) if day is None else np.asarray(day)
        return self.calibrator.apply(margin, log_odds[np.clip(since, 0, len(log_odds) - 1)])

    def contributions(self, X: Rows) -> NDArray[np.float64]:
        """SHAP values of the margin; float64[rows, features + 1], the last is the base value.

        Each row adds up to its margin within 1e-6.
        """
        if len(X) == 0:
            return np.empty((0, len(self.features) + 1))
        if self._trees is not None:
            return self._trees.contributions(self.array(X))
        shares = self.booster.predict(self.array(X), pred_contrib=True, num_threads=THREADS)
        return np.asarray(shares, dtype=np.float64)

    def expected_dollars(self, X: Rows) -> NDArray[np.float64]:
        """The expected allowed amount of each row's outcome window, in dollars; float64[rows].

        Raises InputError where the model says none.
        """
        if self.cost is None:
            raise InputError(f"The model of {self.task} does not say what anybody will cost.")
        return self.cost.dollars(self.array(X), THREADS)

    def tier(self, margin: NDArray[np.float64]) -> NDArray[np.str_]:
        """``high``, ``moderate`` or ``low`` for each margin; a limit belongs above. Nobody falls
        because fewer days are left: it goes by the risk as on the day of discharge."""
        p, limits = self.risk(margin), self.limits
        return np.where(p >= limits.high, "high", np.where(p >= limits.moderate, "moderate", "low"))


def version_of(text: str, metadata: Mapping[str, Any]) -> str:
    """What tells one model from another: 16 hex digits over its text and its metadata."""
    about = {name: value for name, value in metadata.items() if name != SUM}  # it is of the text
    both = text + json.dumps(about, sort_keys=True)
    return hashlib.sha256(both.encode()).hexdigest()[:16]


def read_model_files(folder: Path, named: Path | None = None) -> tuple[str, dict[str, Any]]:
    """The booster's text and `model.json`, without building anything from them; errors speak of
    `named`, the folder as it was asked for.

    Raises InputError where a file is missing or unreadable, or lacks what is needed, RefusalError
    where `model.txt` is not the text that `model.json` was written with.
    """
    held = folder.resolve()  # once: the link may move between the two files
    folder = named or folder
    for name in ("model.txt", "model.json"):
        if not (held / name).is_file():
            raise InputError(
                f"There is no {name} in {folder}: `firstcall train`, then `firstcall promote`."
            )
    try:
        metadata = json.loads((held / "model.json").read_bytes())
        content = (held / "model.txt").read_bytes()
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The model files in {folder} cannot be read: train anew.") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise InputError(f"model.json in {folder} is not of format {FORMAT}: train the model anew.")
    wrong = unusable(metadata)
    if wrong is not None:
        raise InputError(f"model.json in {folder} {wrong}: train the model anew.")
    if metadata.get(SUM) != hashlib.sha256(content).hexdigest():
        raise RefusalError(
            f"model.txt in {folder} is not the one that model.json was written with: "
            "train the model anew."
        )
    return content.decode(), metadata


def write_model(
    folder: Path, text: str, metadata: Mapping[str, Any], cost: str | None = None
) -> None:
    """Write the files into `folder`: the booster's own text, what `model.json` holds with the sum
    of that text, and the text of the booster of expected cost. On return all are on the disk.

    Raises ValueError where a needed key is missing, or where `cost` and `metadata` do not fit.
    """
    told = metadata.get(KEY, {}).get("sha256")
    if told != (None if cost is None else hashlib.sha256(cost.encode()).hexdigest()):
        raise ValueError(f"model.json tells of another {FILE} than is written")
    lacking = [name for name in NEEDED if name not in metadata]
    if lacking:
        raise ValueError(f"model.json needs {lacking}")
    folder.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    about = dict(metadata) | {SUM: hashlib.sha256(content).hexdigest()}
    listed = json.dumps(about, indent=1, sort_keys=True) + "\n"
    files = [("model.txt", content), ("model.json", listed.encode())]
    if cost is not None:
        files.insert(0, (FILE, cost.encode()))
    for name, held in files:
        with (folder / name).open("wb") as file:
            file.write(held)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)


def read_card(folder: Path) -> str | None:
    """The card beside a model's files; None where it came without one."""
    file = folder / CARD
    return file.read_text(encoding="utf-8") if file.is_file() else None


def publish_model(
    models: Path,
    task: str,
    text: str,
    metadata: Mapping[str, Any],
    cost: str | None = None,
    card: str | None = None,
) -> Path:
    """Put a model into `models/<task>` in one step: a reader sees the old one or the new one.

    The files go into a folder of their own; `models/<task>` is a relative symbolic link to it
    that is replaced atomically. Older folders stay, so that going back is one link. One process
    at a time: another one waits.
    """
    with _publishing(models):
        return _put_in_place(models, task, text, metadata, cost, card)


def publish_card(models: Path, task: str, version: str, card: str) -> bool:
    """Put the card of a version that was published in the place of the one it has; False where it
    was not published here."""
    with _publishing(models):
        kept = _kept(models, task, version)
        if not kept.is_dir():
            return False
        _put_card(kept, card)
        return True


@contextmanager
def _publishing(models: Path) -> Iterator[None]:
    Home(models.parent).make()
    models.mkdir(exist_ok=True)
    with (models / ".publishing").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kept(models: Path, task: str, version: str) -> Path:
    return models / ".versions" / f"{task}-{version}"


def _put_card(folder: Path, card: str) -> None:
    draft = folder / f".{CARD}.draft"
    with draft.open("w", encoding="utf-8") as file:
        file.write(card)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / CARD)
    sync_folder(folder)


def _put_in_place(
    models: Path,
    task: str,
    text: str,
    metadata: Mapping[str, Any],
    cost: str | None,
    card: str | None,
) -> Path:
    kept = _kept(models, task, version_of(text, metadata))
    draft = kept.with_name(f"{kept.name}.draft")
    if not kept.is_dir():
        write_model(draft, text, metadata, cost)
        draft.rename(kept)
        sync_folder(kept.parent)
    elif not _is_whole_model(kept):
        write_model(kept, text, metadata, cost)  # no reader takes it as it is
    if card is not None:
        _put_card(kept, card)
    link = models / f".{task}.link"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(".versions") / kept.name, target_is_directory=True)
    target = models / task
    if target.is_dir() and not target.is_symlink():
        target.rename(kept.with_name(f"{kept.name}.before"))
    link.replace(target)
    sync_folder(models)
    return target


def _is_whole_model(folder: Path) -> bool:
    try:
        _, metadata = read_model_files(folder)
        read_cost_text(folder, metadata)
    except FirstcallError:
        return False
    return True


def tier_limits(risk: ArrayLike, shares: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The risk from which on each tier begins: ("high", 0.05) is the quantile 0.95 of `risk`."""
    p = np.asarray(risk, dtype=np.float64)
    return {name: float(np.quantile(p, 1 - share)) for name, share in shares}
