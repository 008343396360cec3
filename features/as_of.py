"""Features as of a date: the one stair that training, the night and the live API all take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from features.cuts import Cuts, percentile
from features.definitions import feature
from features.events import translation_fingerprint
from features.history import THREADS, Histories
from features.kernel import KERNEL_VERSION, answer
from features.layout import Asked, Events
from features.meaning import meaning_fingerprint
from features.plan import Plan, plan
from features.questions import Questions
from features.shards import Shard

_ONLY_WORDS = ("family", "concept", "words", "noun", "zero", "fewer", "last_event", "actionable",
               "sensitive", "predictor", "measure")  # fmt: skip


def features_as_of(
    histories: Histories,
    index: pd.DataFrame,
    names: Sequence[str] | None = None,
    threads: int = THREADS,
    cuts: Cuts | None = None,
) -> pd.DataFrame:
    """The features of each question, from what could be seen at the end of the day as_of.

    `index` has one row a question: patient_id (text) and as_of (a date). The answer has one row
    a question in the same order with the same index, one float32 column a feature: those called
    `names`, in that order, or all in the declared order. NaN is missing. A patient without any
    event is answered like everybody else: zero where a count found nothing, missing elsewhere.
    The numbers do not depend on `threads`, nor on who or which days else are asked about.
    Percentiles are told by `cuts` (see `features.cuts`), and are missing without.
    Raises InputError where a column or a date is missing, or where no feature has a name.
    """
    wanted = plan(None if names is None else tuple(names), histories.carries)
    return answers(histories, index, wanted, threads, cuts)


def answers(
    histories: Histories,
    index: pd.DataFrame,
    wanted: Plan,
    threads: int = THREADS,
    cuts: Cuts | None = None,
) -> pd.DataFrame:
    """As `features_as_of`, of the features of a plan (`features.plan.plan_of`)."""
    out = matrix_of(histories, Questions.of(index), wanted, threads, cuts)
    return pd.DataFrame(out, index=index.index, columns=list(wanted.names), copy=False)


def matrix_of(
    histories: Histories,
    questions: Questions,
    wanted: Plan,
    threads: int = THREADS,
    cuts: Cuts | None = None,
) -> np.ndarray:
    """As `answers`, without a frame: float32[questions, features of the plan]."""
    out = np.empty((len(questions), len(wanted.template)), np.float32)

    def one_shard(shard: Shard, rows: np.ndarray, patients: np.ndarray) -> None:
        fill(out, wanted, shard, patients, questions.day[rows], rows)

    questions.each_shard(histories, one_shard, threads)
    tell_percentiles(out, wanted, cuts or {})
    return out[:, : len(wanted.names)]


def fill(
    out: np.ndarray,
    wanted: Plan,
    shard: Shard,
    patients: np.ndarray,
    days: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Answer questions about one shard's patients: `out[rows[q]]` (float32, a column a column of
    `wanted`). `patients` are places in the shard (−1: not in it), those of one patient together
    and in order of their days (int32)."""
    first = np.flatnonzero(np.append(True, patients[1:] != patients[:-1])[: len(patients)])
    asked = Asked(
        patients[first].astype(np.int64),
        np.append(first, len(patients)).astype(np.int64),
        days.astype(np.int64),
        rows.astype(np.int64),
    )
    events = Events(
        shard.first_event, shard.happened, shard.known, shard.superseded, shard.code, shard.value
    )
    answer(
        out, wanted.template, events, asked, wanted.heard(shard.vocabulary), wanted.profiles,
        wanted.declared, wanted.anchors, wanted.scores, wanted.window_days,
    )  # fmt: skip


def tell_percentiles(out: np.ndarray, wanted: Plan, cuts: Cuts) -> None:
    """Fill the percentile columns of answered rows by the cut points of the columns they are of."""
    for column, of, name in wanted.percentiles:
        if name in cuts:
            out[:, column] = percentile(out[:, of], cuts[name])


def fingerprint(names: Sequence[str]) -> str:
    """sha256 (hex) over all that decides the numbers in these columns, their order included.

    The declarations without their words (of a percentile also what it is of), which events a row
    makes, what their codes mean (the code lists among it), and the version of the kernel. A model
    that was trained under another fingerprint must not be asked.
    """
    digest = hashlib.sha256()
    made = f"{KERNEL_VERSION} {translation_fingerprint()} {meaning_fingerprint()}\n"
    digest.update(made.encode())
    for name in names:
        asked = feature(name)
        for one in (asked, *([feature(asked.of)] if asked.of else ())):
            declared = {k: v for k, v in asdict(one).items() if k not in _ONLY_WORDS}
            digest.update(json.dumps(declared, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
