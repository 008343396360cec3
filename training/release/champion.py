"""The champion on the test rows of its challenger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from data.errors import InputError, RefusalError
from data.home import Home
from features.history import Histories
from serving.model import RiskModel
from training.evaluation.evaluate import Scored
from training.fitting.matrix import asked
from training.release.gate import CHAMPION_SCORE
from training.release.registry import CHAMPION, champion_model, version_at
from training.settings.tasks import Task, flat

_SPLIT = ("split.salt", "split.test_share")
"""Settings that decide which people only ever test."""


@dataclass(frozen=True)
class BesideChampion:
    """``champion``: its version, "" for none. ``scored`` has it among the baselines, unless
    `why_not` says why it does not; `may_pass`: a challenger can do without. ``model`` and
    ``settings`` (`tasks.flat`, and what its fit came to) are the champion's where it was asked."""

    scored: Scored
    champion: str
    why_not: str = ""
    may_pass: bool = True
    model: RiskModel | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def beside_champion(
    home: Home, task: Task, scored: Scored, histories: Histories, rows: pd.DataFrame
) -> BesideChampion:
    """The test rows `scored` of a challenger of `task`, asked of the champion too; `rows` are their
    questions."""
    version = version_at(home, task.name, CHAMPION)
    if version is None:
        return BesideChampion(scored, "", "there is no champion yet")
    own = flat(task)
    if any(version.settings.get(name) != own[name] for name in _SPLIT):
        why = (
            f"version {version.number}, the champion, was split otherwise and may have learned "
            "from people who test here, so that nothing can be compared"
        )
        return BesideChampion(scored, version.number, why, may_pass=False)
    try:
        champion = champion_model(home, version)
    except InputError:
        why = (
            f"the files of version {version.number}, the champion, cannot be fetched from MLflow "
            "or are damaged, so that nothing can be compared"
        )
        return BesideChampion(scored, version.number, why, may_pass=False)
    except RefusalError:
        why = (
            f"version {version.number}, the champion, cannot be asked any more, because features "
            "are declared otherwise now"
        )
        return BesideChampion(scored, version.number, why)
    margin = champion.margin(asked(histories, rows, champion.cuts, champion.features).X)
    return BesideChampion(
        scored.beside({CHAMPION_SCORE: margin}), version.number, model=champion,
        settings=version.settings,
    )  # fmt: skip
