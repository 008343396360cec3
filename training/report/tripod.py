"""The items of TRIPOD+AI (Collins 2024, BMJ 385:e078378) and where a run or its card tells of each.

Numbers and names are those of the 27 items with their parts; what each asks is told in short.
† Taken from transcriptions that agree with one another, not from the paper itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from training.report.document import Cell, Marked


class Item(NamedTuple):
    """``number`` and ``name`` in the checklist, ``answer``: what is said here, or where."""

    number: str
    name: str
    answer: Cell


def items(
    given: Callable[[str], Cell], see: Callable[[str], Cell], facts: Mapping[str, Cell]
) -> list[Item]:
    """Every item, in order. `given` has the card's setting of a name or says that it is missing;
    `see` points at a section of this card or of the report, or says that it is missing; `facts` are
    sentences of the run (`training.report.model_facts.facts_of`).
    """
    none = "not applicable: counted by rule from codes and dates, nobody judges"
    return [
        Item("1", "title: model, people, outcome", facts["predicted"]),
        Item("2", "abstract", see("summary")),
        Item("3a", "context and rationale", given("rationale")),
        Item("3b", "people, purpose, place in care, users",
             _all(facts["intended_people"], given("intended_use"), given("intended_users"))),
        Item("3c", "known health inequalities", given("inequalities")),
        Item("4", "objectives: development, validation or both",
             "development, and validation on other people at a later time"),
        Item("5a", "sources of data and why", facts["source"]),
        Item("5b", "dates", facts["dates"]),
        Item("6a", "setting and centres", given("care_setting")),
        Item("6b", "eligibility", facts["eligible"]),
        Item("6c", "treatments", "usual practice; contacts of care management are no inputs"),
        Item("7", "preparation and checks of data",
             "each row is checked against its table on intake, what is refused is kept with its "
             "reason; alike for all groups"),
        Item("8a", "outcome, horizon, assessment", facts["predicted"]),
        Item("8b", "assessors of the outcome", none),
        Item("8c", "blinding of the outcome", none),
        Item("9a", "choice of predictors",
             facts["chosen"]),
        Item("9b", "definition of predictors", facts["inputs"]),
        Item("9c", "assessors of predictors", none),
        Item("10", "study size", facts["size"]),
        Item("11", "missing data", facts["missing_data"]),
        Item("12a", "how the data were used", facts["learned"]),
        Item("12b", "handling of predictors",
             facts["predictors"]),
        Item("12c", "type of model, building, internal validation", facts["fit"]),
        Item("12d", "heterogeneity across clusters",
             "patients are kept together in split and bootstrap; not studied by hospital"),
        Item("12e", "measures of performance",
             "AUROC, AUPRC, calibration, capacities, paired differences: see “How to read it”"),
        Item("12f", "updating after evaluation", facts["updated"]),
        Item("12g", "how predictions were calculated",
             "by the files of this model with the code that serves (serving.model)"),
        Item("13", "class imbalance", "no resampling and no class weights: risks stay risks"),
        Item("14", "fairness", facts["fairness"]),
        Item("15", "output and thresholds", facts["output"]),
        Item("16", "training versus evaluation", facts["origin_gap"]),
        Item("17", "ethical approval", given("ethics")),
        Item("18a", "funding", given("funding")),
        Item("18b", "conflicts of interest", given("conflicts")),
        Item("18c", "protocol", given("protocol")),
        Item("18d", "registration", given("registration")),
        Item("18e", "data sharing", given("data_sharing")),
        Item("18f", "code sharing", given("code_sharing")),
        Item("19", "patient and public involvement", given("involvement")),
        Item("20a", "flow of participants", see("people")),
        Item("20b", "characteristics of participants",
             Marked("missing: beyond the shares of groups (20c) no table of characteristics and of "
                    "missing values is made", "missing")),
        Item("20c", "comparison with the data of development", facts["represented"]),
        Item("21", "participants and events in each analysis", see("people")),
        Item("22", "the full model", facts["code"]),
        Item("23a", "performance with intervals and subgroups", see("performance")),
        Item("23b", "heterogeneity in performance", see("backtests")),
        Item("24", "results of updating", facts["updated_results"]),
        Item("25", "interpretation and fairness", given("interpretation")),
        Item("26", "limitations", see("limits")),
        Item("27a", "poor or missing input in use",
             facts["poor_input"]),
        Item("27b", "what users do with input and output",
             "they enter nothing; they read a list with reasons and may override it"),
        Item("27c", "next steps", given("next_steps")),
    ]  # fmt: skip


def _all(*cells: Cell) -> Cell:
    """Several answers of one item; what is missing of any stands out."""
    missing = [one for one in cells if not isinstance(one, str)]
    return missing[0] if missing else "; ".join(str(one).rstrip(".") for one in cells)
