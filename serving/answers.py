"""Between what the service is sent or has stored and what it answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.codes import recognised
from data.tables import TABLES
from features.history import Histories
from features.indices import score_called
from serving.cost_words import COLUMN, cost_of_row
from serving.horizons import days_left, horizons_of_models, horizons_of_run
from serving.known_scores import Known, told
from serving.population import population
from serving.reasons import WITHHELD
from serving.risk_schemas import (
    ExpectedCost,
    HighCostRisk,
    KnownScore,
    ReadmissionRisk,
    Reason,
)
from serving.schemas import (
    Listed,
    PatientScore,
    Place,
    PublishedPatient,
    ScoreAnswer,
    ScoreRequest,
    WorklistAnswer,
)
from serving.scoring import TASKS, TOLD_TIERS, Models, score

if TYPE_CHECKING:
    from serving.store import Run

_CODED = (("diagnosis", "diagnosis"), ("procedure", "procedure"), ("drug_fill", "drug"))


def tables_of(request: ScoreRequest) -> dict[str, pa.Table]:
    """The rows of a request as canonical tables; source_row as the request numbers its rows."""
    sent: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for name, row in request.rows():
        values = row.model_dump()
        values["source_row"] = values["source_row"] or f"request:{name}:{len(sent[name])}"
        sent[name].append(values)
    return {
        name: pa.Table.from_pylist(rows, schema=TABLES[name].schema) for name, rows in sent.items()
    }


def unknown_codes(tables: Mapping[str, pa.Table]) -> list[str]:
    """How many codes of each table are in no code list: a warning each, never the codes."""
    said = []
    for table, word in _CODED:
        rows = tables[table]
        systems = np.array(rows.column("code_system").to_pylist(), dtype=object)
        codes = np.array(rows.column("code").to_pylist(), dtype=object)
        unknown = sum(
            int((~recognised(str(system), codes[systems == system].tolist())).sum())
            for system in sorted(set(systems))
        )
        if unknown:
            said.append(f"{unknown} of {len(codes)} {word} codes are not known")
    return said


class Scorer:
    """Answers score requests with one pair of models.

    Nothing is kept between two requests. The route works on one at a time, because each uses all
    threads that it may.
    """

    def __init__(self, models: Models) -> None:
        self.models = models

    def warm_up(self) -> None:
        """Compiles what is compiled on first use, so that the first caller does not wait."""
        day = date(2020, 1, 31)
        seen = {"patient_id": "warm-up", "record_id": "1", "known_on": day}
        self.answer(
            ScoreRequest.model_validate(
                {
                    "as_of": day,
                    "member": [seen | {"birth_on": date(1940, 1, 1)}],
                    "coverage": [seen | {"start_on": date(2018, 1, 1)}],
                    "encounter": [
                        seen | {"kind": "acute_inpatient", "started_on": day, "ended_on": day}
                    ],
                }
            )
        )

    def answer(self, request: ScoreRequest) -> ScoreAnswer:
        """Both risks of everybody whom the request names, with their reasons."""
        tables = tables_of(request)
        carries = self.models.carries if request.carries is None else sorted(set(request.carries))
        people = population(tables, carries, request.as_of)
        histories = Histories.of_tables(tables, carries)
        scored = score(people, histories, self.models, request.as_of)
        everyone = np.ones(len(people), dtype=bool)
        reasons = scored.reasons(dict.fromkeys(TASKS, everyone))
        of_patient = _by_patient(reasons)
        known = _by_patient(scored.known)
        scores = scored.scores.astype(object)
        scores = scores.where(scores.notna(), None)
        rows = [{str(k): v for k, v in row.items()} for row in scores.to_dict("records")]
        windows = Windows(horizons_of_models(self.models), request.as_of)
        return ScoreAnswer(
            as_of=request.as_of,
            models=self.models.versions,
            patients=[
                patient_score(
                    row
                    | {
                        "warnings": json.loads(row["warnings"]),
                        "known_scores": known.get(row["patient_id"], []),
                    },
                    of_patient.get(row["patient_id"], []),
                    windows,
                )
                for row in rows
            ],
            warnings=[*self.models.warnings(carries), *unknown_codes(tables)],
        )


def _by_patient(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in frame.to_dict("records"):
        found.setdefault(row["patient_id"], []).append({str(k): v for k, v in row.items()})
    return found


@dataclass(frozen=True)
class Windows:
    """How long the outcome windows are, in days by task, and as of which day it is told."""

    horizons: Mapping[str, int]
    told_on: date

    @classmethod
    def of(cls, run: Run) -> Windows:
        return cls(horizons_of_run(run.manifest), run.as_of)


def patient_score(
    row: Mapping[str, Any], reasons: Iterable[Mapping[str, Any]], windows: Windows
) -> PatientScore:
    """One person's scores (the store's score columns and known_scores, missing as None) as they
    are answered."""
    return PatientScore(**_score_fields(row, list(reasons), windows))


def published_patient(found: Mapping[str, Any], run: Run) -> PublishedPatient:
    """What `Store.patient` found, as it is answered: reasons are None of a risk that the night did
    not explain."""
    place = found["place"]
    untold = () if place else [task for task in TASKS if not _was_told(found, task)]
    return PublishedPatient(
        run_id=run.run_id,
        as_of=run.as_of,
        place=None if place is None else Place(**place),
        **_score_fields(found, found["reasons"], Windows.of(run), untold),
    )


def published_worklist(rows: Sequence[Mapping[str, Any]], run: Run) -> WorklistAnswer:
    """What `Store.worklist` found, as it is answered."""
    windows = Windows.of(run)
    return WorklistAnswer(
        run_id=run.run_id,
        as_of=run.as_of,
        capacity=dict(run.manifest["capacity"]),
        patients=[
            Listed(
                **{name: row[name] for name in ("rank", "manager", "tier", "queue", "why")},
                **_score_fields(row, row["reasons"], windows),
            )
            for row in rows
        ],
        warnings=list(run.manifest["warnings"]),
    )


def _was_told(row: Mapping[str, Any], task: str) -> bool:
    """Whether the night told the reasons of a risk of somebody who is not on the list; without a
    risk there are none to tell."""
    prefix = task.replace("-", "_")
    return row[f"{prefix}_risk"] is None or row[f"{prefix}_tier"] in TOLD_TIERS


def _score_fields(
    row: Mapping[str, Any],
    reasons: Sequence[Mapping[str, Any]],
    windows: Windows,
    untold: Collection[str] = (),
) -> dict[str, Any]:
    of_task = {task: _risk(row, task, None if task in untold else reasons) for task in TASKS}
    cost = cost_of_row(row, windows.horizons, windows.told_on)
    left = days_left(row, windows.horizons)
    expected = None if cost is None else ExpectedCost(dollars=row[COLUMN], words=cost)
    return {
        "patient_id": row["patient_id"],
        "discharged_on": row["discharged_on"],
        "left_out": row["left_out"] or None,
        "warnings": row["warnings"],
        "withheld": WITHHELD,
        "known_scores": [_known(one) for one in told(row, row["known_scores"])],
        "readmission": ReadmissionRisk(
            **of_task["readmission"], days_left=left, all_days_risk=row["readmission_all_days_risk"]
        ),
        "high_cost": HighCostRisk(**of_task["high-cost"], expected_cost=expected),
    }


def _known(one: Known) -> KnownScore:
    return KnownScore(
        name=one.name, words=one.words, low=one.low, high=one.high, lacking=one.lacking or None,
        group=one.group, made_for=score_called(one.name).made_for or None,
    )  # fmt: skip


def _risk(
    row: Mapping[str, Any], task: str, reasons: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    prefix = task.replace("-", "_")
    told = Reason.model_fields
    return {
        "risk": row[f"{prefix}_risk"],
        "tier": row[f"{prefix}_tier"],
        "asked_on": row[f"{prefix}_asked_on"],
        "not_scored": row[f"{prefix}_null_reason"],
        "reasons": None
        if reasons is None
        else [Reason(**{k: r[k] for k in told}) for r in reasons if r["task"] == task],
    }
