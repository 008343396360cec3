"""Who tests, and from when on: split by time and by patient, with an embargo between.

- People are assigned by a hash of their id: those who test never train, and nobody who trains
  tests. (Taking whoever came first would leave only newcomers to the test.)
- No training outcome, with its run-out, ends after the first test day. The embargo between the
  last training index and the first test index is therefore horizon + run-out.
- Rows that fit neither side are set aside and counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from data.errors import RefusalError
from data.small_cells import Counts
from training.settings.model_settings import SplitSettings

ROLES = ("train", "validation", "calibration", "test")
LEARNING = ("train", "validation")
"""Those that a booster is fitted on."""
FITTED_TO = (*LEARNING, "calibration")
"""Those that anything of a model is fitted to: booster, calibrator, threshold."""


@dataclass(frozen=True)
class Split:
    """``role``: one of `ROLES` a row, or "aside". Test rows begin on ``test_from`` (days since
    1970); ``embargo_days`` lie between the last other index and it."""

    role: NDArray
    test_from: int
    embargo_days: int

    def rows(self, *roles: str) -> NDArray[np.int64]:
        """The positions of the rows of these roles, in order."""
        return np.flatnonzero(np.isin(self.role, roles))


def share_of(patient_ids: Iterable[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each patient, the same on every machine and in every year."""
    ids = patient_ids if isinstance(patient_ids, pd.Series) else pd.Series(list(patient_ids))
    place, patients = pd.factorize(ids.astype(str))
    shares = np.empty(len(patients))
    for n, patient in enumerate(patients.tolist()):
        digest = hashlib.sha256(f"{salt}/{patient}".encode()).digest()
        # 53 bits fill a float exactly: no share can round up to 1
        shares[n] = (int.from_bytes(digest[:8], "big") >> 11) / 2.0**53
    return shares[place]


def thinning_share(rows: pd.DataFrame, salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each question (patient_id, as_of), by which rows are thinned."""
    asked = rows["patient_id"].astype(str) + "@" + rows["as_of"].astype(str)
    return share_of(asked, f"thin/{salt}")


def patient_roles(patient_ids: Iterable[str], settings: SplitSettings) -> NDArray:
    """The role of each patient, by hash alone: test, calibration, validation, else train."""
    share = share_of(patient_ids, settings.salt)
    test = settings.test_share
    calibration = test + settings.calibration_share
    validation = calibration + settings.validation_share
    return np.select(
        [share < test, share < calibration, share < validation],
        ["test", "calibration", "validation"],
        "train",
    ).astype(object)


def first_test_day(as_of: ArrayLike, label_known_on: ArrayLike, train_worth: float) -> int:
    """The first test day.

    Of all index days, the one that maximises train^w x test^(1-w), where train is the share of
    rows whose label is known by that day and test the share asked on it or later. Four years of
    month ends with a year's horizon leave the last two or three months to test; discharges with a
    month's horizon leave about the last fifth. Ties go to the later day. Raises RefusalError where
    no day leaves rows on both sides.
    """
    days = np.asarray(as_of, dtype=np.int64)
    known = np.sort(np.asarray(label_known_on, dtype=np.int64))
    candidates = np.unique(days)
    train = np.searchsorted(known, candidates, "right") / max(len(days), 1)
    test = 1 - np.searchsorted(np.sort(days), candidates, "left") / max(len(days), 1)
    worth = train**train_worth * test ** (1 - train_worth)
    if len(candidates) == 0 or worth.max() <= 0:
        raise RefusalError(
            "The data are too short to train and to test apart: after the horizon and the "
            "run-out no index date is left on both sides of any test date; take in more months, "
            "or shorten run_out_days."
        )
    return int(candidates[len(worth) - 1 - np.argmax(worth[::-1])])


def split_rows(rows: pd.DataFrame, run_out_days: int, settings: SplitSettings) -> Split:
    """The role of each row.

    One row of `rows` is one question: ``patient_id``, ``as_of`` and ``outcome_until`` (the last
    day of the outcome window), days since 1970. A label is known ``run_out_days`` after that.
    """
    as_of = rows["as_of"].to_numpy(dtype=np.int64)
    until = rows["outcome_until"].to_numpy(dtype=np.int64)
    known_on = until + run_out_days
    test_from = first_test_day(as_of, known_on, settings.train_worth)
    role = patient_roles(rows["patient_id"], settings)
    tests = role == "test"
    aside = np.where(tests, as_of < test_from, known_on > test_from)
    role[aside] = "aside"
    embargo = int((known_on - as_of).max()) if len(rows) else run_out_days
    return Split(role, test_from, embargo)


def refuse_if_too_few(
    split: Split, outcome: ArrayLike, settings: SplitSettings, shown: Counts
) -> None:
    """Raises RefusalError, with the counts, where too few cases are left to learn or to test; of
    real people without the small ones."""
    case = np.asarray(outcome) == 1
    learning = split.rows(*FITTED_TO)
    testing = split.rows("test")
    counts = {
        "training": (int(case[learning].sum()), len(learning), settings.least_train_events),
        "test": (int(case[testing].sum()), len(testing), settings.least_test_events),
    }
    for name, (events, rows, least) in counts.items():
        if events < least or rows - events < least:
            only = shown.count(events)
            only = only.capitalize() if shown.hides(events) else f"Only {only}"
            raise RefusalError(
                f"{only} {'case' if only == 'Only 1' else 'cases'} among {shown.count(rows)} "
                f"{name} rows, and at least {least} and as many others are needed: take in more "
                "people or more months, or change in the task's settings what a case is."
            )
