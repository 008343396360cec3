"""Between what the service is sent or has stored and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from data.tables import TABLES
from features.history import Histories
from features.indices import score_called
from serving.answer_schemas import (
    Listed,
    PatientScore,
    Place,
    PublishedPatient,
    ScoreAnswer,
)
from serving.cost_words import COLUMN, cost_of_row
from serving.horizons import days_left, horizons_of_models, horizons_of_run
from serving.known_scores import Known, told
from serving.masking import known_scores_shown, step_of
from serving.population_of_rows import population_of_rows
from serving.reasons import WITHHELD
from serving.request_columns import (
    beside_each_other,
    event_tables,
    told_apart,
    unknown_codes,
)
from serving.risk_schemas import (
    ExpectedCost,
    HighCostRisk,
    KnownScore,
    ReadmissionRisk,
    Reason,
)
from serving.schemas import ScoreRequest
from serving.scoring import TASKS, TOLD_TIERS, Models, Scored, score
from serving.sent_rows import Columns, SentRows
from serving.sight import Sight
from serving.stale_data import Reach, stale
from serving.store.night_tables import ENTRY_DETAILS

if TYPE_CHECKING:
    import pyarrow as pa

    from serving.store import Run


NOTHING_SENSITIVE = Sight()


@dataclass(frozen=True)
class _Asked:
    """What requests that are answered in one call have in common."""

    as_of: date
    carries: tuple[str, ...]
    cost_covers: str


class Scorer:
    """Answers score requests with one pair of models.

    Nothing is kept between two calls. One call is worked on at a time, because each uses all
    threads that it may.
    """

    def __init__(
        self, models: Models, next_step: Callable[[str], str | None] | None = None
    ) -> None:
        """`next_step` gives the suggestion to a concept (`serving.next_steps`); without it there
        are none."""
        self.models = models
        self._next_step = next_step or (lambda _: None)

    def warm_up(self) -> None:
        """Compiles what is compiled on first use, so that the first caller does not wait."""
        day = date(2020, 1, 31)
        seen = {"patient_id": "warm-up", "record_id": "1", "known_on": day}
        asked = ScoreRequest.model_validate(
            {
                "as_of": day,
                "member": [seen | {"birth_on": date(1940, 1, 1)}],
                "coverage": [seen | {"start_on": date(2018, 1, 1)}],
                "encounter": [
                    seen | {"kind": "acute_inpatient", "started_on": day, "ended_on": day}
                ],
            }
        )
        self.answer(SentRows.of(asked))

    def answer(self, request: SentRows, sight: Sight = NOTHING_SENSITIVE) -> ScoreAnswer:
        """Both risks of everybody whom the request names, with their reasons; those about sensitive
        matters as far as `sight` shows them."""
        return self.answer_together([request], [sight])[0]

    def answer_together(
        self, requests: Sequence[SentRows], sights: Sequence[Sight] | None = None
    ) -> list[ScoreAnswer]:
        """What `answer` says of each request and its sight, to the last bit, in far less time than
        one by one.

        Requests may name the same people: each is answered from its own rows. Raises what the
        first one raises that cannot be answered.
        """
        carried = [
            tuple(self.models.carries if one.carries is None else sorted(set(one.carries)))
            for one in requests
        ]
        alike: dict[_Asked, list[int]] = {}
        for place, (one, carries) in enumerate(zip(requests, carried, strict=True)):
            asked = _Asked(one.as_of, carries, one.cost_covers)
            alike.setdefault(asked, []).append(place)
        answers: dict[int, ScoreAnswer] = {}
        for asked, places in alike.items():
            matters = [() if sights is None else sights[place].matters for place in places]
            sent = [requests[place].tables for place in places]
            reach = [Reach(requests[p].data_through, requests[p].asked_on) for p in places]
            told = self._answered(sent, reach, matters, asked)
            answers.update(zip(places, told, strict=True))
        return [answers[place] for place in range(len(requests))]

    def answer_rows(
        self,
        rows: Mapping[str, pa.Table],
        carries: Collection[str],
        as_of: date,
        sight: Sight = NOTHING_SENSITIVE,
        data_through: date | None = None,
        cost_covers: str = "claim",
    ) -> ScoreAnswer:
        """As `answer`, of canonical tables: all of them, with all of their columns."""
        sent = {name: rows[name].to_pydict() for name in TABLES}
        asked = _Asked(as_of, tuple(sorted(set(carries))), cost_covers)
        return self._answered([sent], [Reach(data_through)], [sight.matters], asked)[0]

    def _answered(
        self,
        sent: Sequence[Mapping[str, Columns]],
        reach: Sequence[Reach],
        matters: Sequence[Collection[str]],
        asked: _Asked,
    ) -> list[ScoreAnswer]:
        as_of, carries = asked.as_of, asked.carries
        columns = beside_each_other(sent)
        people = population_of_rows(columns, carries, as_of)
        histories = Histories.of_tables(
            event_tables(columns), carries, cost_covers=asked.cost_covers
        )
        scored = score(people, histories, self.models, as_of)
        windows = Windows(horizons_of_models(self.models), as_of)
        reasons: list[list[dict[str, Any]]] = [[] for _ in range(len(people))]
        everyone = np.ones(len(people), dtype=bool)
        shown = [matters[told_apart(patient)[0]] for patient in people.patient_id]
        for task, place, _, reason in scored.told(dict.fromkeys(TASKS, everyone), shown):
            told = {"task": task, **reason.__dict__}
            reasons[place].append(told | {"next_step": step_of(told, self._next_step)})
        patients: list[list[PatientScore]] = [[] for _ in sent]
        for row, of_row in zip(_score_rows(scored), reasons, strict=True):
            number, row["patient_id"] = told_apart(row["patient_id"])
            sight = Sight(frozenset(matters[number]))
            row["known_scores"] = known_scores_shown(row["known_scores"], sight)
            patients[number].append(patient_score(row, of_row, windows))
        about_models = self.models.warnings(carries)
        return [
            ScoreAnswer(
                as_of=as_of,
                models=self.models.versions,
                patients=of_request,
                warnings=[*about_models, *stale(tables, reaching, as_of), *about_codes],
            )
            for of_request, tables, reaching, about_codes in zip(
                patients, sent, reach, unknown_codes(sent), strict=True
            )
        ]


def _score_rows(scored: Scored) -> list[dict[str, Any]]:
    """The store's score columns of each person, missing as None, with known_scores."""
    columns = {
        name: [None if value != value else value for value in values.tolist()]
        for name, values in scored.columns.items()
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row, said in zip(rows, scored.warnings, strict=True):
        row |= {"warnings": said, "known_scores": []}
    for asked in scored.known_asked:
        told = (asked.low.tolist(), asked.high.tolist(), asked.lacking.tolist())
        for place, low, high, lacking in zip(asked.rows.tolist(), *told, strict=True):
            one = {"score": asked.name, "low": low, "high": high, "lacking": lacking}
            rows[place]["known_scores"].append(one)
    return rows


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


def published_places(rows: Sequence[Mapping[str, Any]], run: Run) -> list[Listed]:
    """Stored places of a run's list (`serving.masking.masked`), as they are answered."""
    windows = Windows.of(run)
    return [
        Listed(
            **{name: row[name] for name in (*Place.model_fields, "why", *ENTRY_DETAILS)},
            **_score_fields(row, row["reasons"], windows),
        )
        for row in rows
    ]


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
    return {
        "risk": row[f"{prefix}_risk"],
        "tier": row[f"{prefix}_tier"],
        "asked_on": row[f"{prefix}_asked_on"],
        "not_scored": row[f"{prefix}_null_reason"],
        "reasons": None
        if reasons is None
        else [_reason(one) for one in reasons if one["task"] == task],
    }


def _reason(one: Mapping[str, Any]) -> Reason:
    """A stored or a new reason; runs of before hold neither matter nor suggestion."""
    optional = {"sensitive": one.get("sensitive"), "next_step": one.get("next_step")}
    return Reason(
        concept=one["concept"], words=one["words"], share=one["share"],
        direction=one["direction"], actionable=one["actionable"], **optional,
    )  # fmt: skip
