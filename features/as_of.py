"""Features as of a date: the one stair that training, the night and the live API all take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from features.definitions import feature
from features.events import translation_fingerprint
from features.history import THREADS, Histories
from features.kernel import AGE, KERNEL_VERSION, answer
from features.plan import Plan, plan, window_days
from features.questions import Questions
from features.shards import Shard
from features.window import completed_years

_ONLY_WORDS = ("family", "concept", "words", "noun", "zero", "fewer", "last_event", "actionable",
               "sensitive")  # fmt: skip


def features_as_of(
    histories: Histories,
    index: pd.DataFrame,
    names: Sequence[str] | None = None,
    threads: int = THREADS,
) -> pd.DataFrame:
    """The features of each question, from what could be seen at the end of the day as_of.

    `index` has one row a question: patient_id (text) and as_of (a date). The answer has one row
    a question in the same order with the same index, one float32 column a feature: those called
    `names`, in that order, or all in the declared order. NaN is missing. A patient without any
    event is answered like everybody else: zero where a count found nothing, missing elsewhere.
    The numbers do not depend on `threads`, nor on who else is asked about.
    Raises InputError where a column or a date is missing, or where no feature has a name.
    """
    questions = Questions.of(index)
    wanted = plan(None if names is None else tuple(names), histories.carries)
    out = np.empty((len(index), len(wanted.names)), np.float32)

    def one_shard(shard: Shard, rows: np.ndarray, patients: np.ndarray) -> None:
        answer(
            out, shard.first_event, shard.happened, shard.known, shard.superseded, shard.code,
            shard.value, patients, questions.day[rows], rows,
            *wanted.channels_of(shard.codes), wanted.needs, window_days(), *wanted.features,
        )  # fmt: skip

    questions.each_shard(histories, one_shard, threads)
    _finish_ages(out, wanted, questions.day)
    return pd.DataFrame(out, index=index.index, columns=list(wanted.names), copy=False)


def fingerprint(names: Sequence[str]) -> str:
    """sha256 (hex) over all that decides the numbers in these columns, their order included.

    The declarations without their words, all that decides which events a row means (the code
    lists among it), and the version of the kernel. A model that was trained under another
    fingerprint must not be asked.
    """
    digest = hashlib.sha256()
    digest.update(f"{KERNEL_VERSION} {translation_fingerprint()}\n".encode())
    for name in names:
        declared = {k: v for k, v in asdict(feature(name)).items() if k not in _ONLY_WORDS}
        digest.update(json.dumps(declared, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _finish_ages(out: np.ndarray, wanted: Plan, day: np.ndarray) -> None:
    """The kernel leaves the day of birth; the calendar turns it into years completed."""
    for column in np.flatnonzero(wanted.features[0] == AGE):
        born = out[:, column]
        known = ~np.isnan(born)
        out[known, column] = completed_years(born[known].astype(np.int64), day[known])
