"""Who the rows that test are, and the audit of a score on them: of a training as of another
population."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.small_cells import Counts
from training.cohorts.cohort import day_of
from training.cohorts.facts import Source
from training.cohorts.groups import OF_PEOPLE, Grouping, groupings_of
from training.cohorts.need import (
    CAVEAT,
    CAVEAT_OF_YEAR_BEFORE,
    true_conditions,
    with_chronic_conditions,
)
from training.evaluation.equity import EquityAudit, equity_audit
from training.evaluation.evaluate import Scored
from training.fitting.matrix import Matrix
from training.settings.model_settings import EvaluationSettings


def groupings_in(
    matrix: Matrix, tables: Mapping[str, Source], manifest: Mapping[str, Any]
) -> tuple[Grouping, ...]:
    """The groups (`training.cohorts.groups`) of each row of a matrix that has OF_PEOPLE."""
    female, age = (matrix.X[name].to_numpy(dtype=np.float64) for name in OF_PEOPLE)
    through = day_of(manifest["data_through"])
    return groupings_of(matrix.rows, female, age, tables, through)


def audited(
    scored: Scored,
    rows: pd.DataFrame,
    groupings: tuple[Grouping, ...],
    tables: Mapping[str, Source],
    manifest: Mapping[str, Any],
    truth: Path | None,
    settings: EvaluationSettings,
) -> EquityAudit:
    """The equity audit of the rows `scored`: by the illness of the year to come, as a cohort of
    cost has it in its `rows`, else by that of the year before the question."""
    caveat = CAVEAT
    if "chronic_conditions" not in rows:
        caveat = CAVEAT_OF_YEAR_BEFORE
        through = day_of(manifest["data_through"])
        rows = with_chronic_conditions(rows, tables, through, manifest["carries"])
    true = true_conditions(truth, rows)
    counts = Counts(str(manifest["origin"]))
    return equity_audit(scored, rows, groupings, settings, true, caveat, counts)
