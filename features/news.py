"""Since when nothing new has been known of somebody."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.compiling import called
from features.history import THREADS, Histories
from features.questions import Questions
from features.shards import Shard

NEVER = -(2**31)
"""Of whom no event is seen."""
_OWN_DOING = "OUTREACH/"
"""Care management's own steps are no news of a person: a call must not move anybody's risk."""


def last_news(histories: Histories, index: pd.DataFrame) -> np.ndarray:
    """The last day up to as_of on which an event came to be seen, or was replaced or withdrawn;
    steps of care management do not count.

    One a question of `index` (patient_id, as_of), in its order: int64, days since 1970, NEVER
    where nothing was. Asked as of that day, a feature is what the news made it; asked as of a
    later one, it also moves because events leave its window.
    """
    return last_news_of(histories, Questions.of(index))


def last_news_of(histories: Histories, questions: Questions) -> np.ndarray:
    """As `last_news`, of questions that were read."""
    out = np.full(len(questions), NEVER, np.int64)

    def one_shard(shard: Shard, rows: np.ndarray, patients: np.ndarray) -> None:
        codes = shard.vocabulary.codes
        counts = np.array([not code.startswith(_OWN_DOING) for code in codes], dtype=np.bool_)
        _last(out, rows, patients, questions.day[rows], shard.first_event, shard.happened,
              shard.known, shard.superseded, shard.code, counts)  # fmt: skip

    questions.each_shard(histories, one_shard, THREADS)
    return out


@called
def _last(out, rows, patients, day, first_event, happened, known, superseded, code, counts):
    for q in range(len(rows)):
        p, as_of = patients[q], np.int64(day[q])
        if p < 0:
            continue
        last = np.int64(NEVER)
        for e in range(first_event[p], first_event[p + 1]):
            if not counts[code[e]]:
                continue
            seen, gone = max(happened[e], known[e]), superseded[e]
            if seen <= as_of:
                last = max(last, seen)
                if gone <= as_of:
                    last = max(last, gone)
        out[rows[q]] = last
