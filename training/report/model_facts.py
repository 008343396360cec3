"""What a run tells of its model in sentences, and the limits that it shows of itself."""

from __future__ import annotations

from training.evaluate import OURS
from training.report.document import Cell, Marked
from training.report.figure_words import base_rate
from training.report.result import TWO, told
from training.report.run_folder import RunFolder
from training.report.summary import ORIGINS

_LABEL_LIMITS = {
    "readmission": "The outcome follows a published definition on claims: planned returns do not "
    "count, deaths do not count (they are told apart), and stays that the data do not hold are not "
    "seen.",
    "high-cost": "Cost is not need: past and future cost reflect access to care, and people who "
    "get too little care look cheap.",
    "encounter": "The outcome is an encounter as the source reports it: who cannot get there has "
    "none.",
}  # fmt: skip


def facts_of(run: RunFolder) -> dict[str, str]:
    """Sentences by name, as `training.report.tripod.items` asks for them."""
    model, trained, count = run.model, run.model["trained_on"], run.counts.count
    source = trained.get("source") or "not named"
    origin = str(model["origin"]).replace("_", " ")
    judged = run.evaluation
    learned = (
        f"learned from {count(trained['rows'])} questions about {count(trained['people'])} people "
        f"({count(trained['cases'])} cases)" if "rows" in trained else "learned from people"
    )  # fmt: skip
    tested = (
        f"tested on {count(judged['rows'])} about {count(judged['people'])} other people "
        f"({count(judged['events'])} cases)"
    )
    age = trained.get("minimum_age")
    look_back = trained.get("look_back_days")
    eligible = "people " + (f"aged {age} and over " if age else "") + (
        f"covered for {look_back} days before the question" if look_back else "of the cohort"
    )  # fmt: skip
    asked = "any day" if model["asked_on"] == "any" else str(model["asked_on"])
    if model.get("kind") == "readmission":
        asked = "the day of a discharge and on the days after it"
    return {
        "predicted": f"{model['label']}; horizon {model['horizon_days']} days; asked on {asked}",
        "inputs": f"each of the {len(model['features'])} is declared with its window, source and "
        "words (features.definitions); model.json lists them",
        "source": f"source {source}, origin {origin}: records of routine care as taken in"
        if origin == "own" else f"source {source}, origin {origin}",
        "dates": f"asked from {trained.get('first_as_of', 'a day not told')} to "
        f"{trained.get('last_as_of', 'a day not told')}, tested from "
        f"{trained.get('test_from', 'a day not told')}, data through {model['data_through']}",
        "eligible": eligible,
        "learned": f"{learned}; {tested}; people who test are never learned from, and test later",
        "size": f"all who were eligible: {count(judged['events'])} cases test the model",
        "missing_data": "kept as missing (no imputation); people whose outcome is not known yet "
        "are censored, never counted as negative",
        "fit": f"gradient-boosted trees (LightGBM), calibrator: {model['calibrator']['kind']}; "
        "stopped by log loss on people held out; settings in task.toml of this run",
        "output": "a probability between 0 and 1, calibrated; tiers by capacity",
        "origin_gap": f"same source ({source}), other people, a later time",
        "code": "model.txt (LightGBM's own text) and model.json of this run; no code runs on load",
    }  # fmt: skip


def limits_of(run: RunFolder) -> tuple[Cell, ...]:
    """What the run shows, or any model of this kind has, one sentence each."""
    model, judged = run.model, run.evaluation
    found: list[Cell] = []
    if origin := ORIGINS.get(str(model["origin"])):
        found.append(Marked(origin, "bad"))
    if age := model["trained_on"].get("minimum_age"):
        found.append(f"It learned of nobody under {age}: scores of younger people carry a warning.")
    found += [
        _LABEL_LIMITS.get(str(model.get("kind")), _LABEL_LIMITS["encounter"]),
        "Reasons are associations: they say what the score hangs on, and not what would help.",
        "It was tested on the data that it was trained on, at a later time, and on no other site; "
        "what is validated elsewhere stands above.",
        "It predicts under usual practice. Whether calling people changes anything is another "
        "question, and whoever is called because of a high score falls back by himself "
        "(regression to the mean).",
    ]
    ratio = judged["scores"][OURS].get("observed_to_expected")
    if ratio is not None and not ratio[1] <= 1 <= ratio[2]:
        found.append(Marked(
            f"Its risks do not fit those who tested it: observed : expected is {told(TWO, ratio)}.",
            "bad"))  # fmt: skip
    unproven = [name for name, metrics in judged["better_than"].items()
                if "auroc" in metrics and not metrics["auroc"][1] > 0]  # fmt: skip
    if unproven:
        found.append(Marked(f"Not shown to be better than {', '.join(unproven)}.", "bad"))
    groups = run.records("subgroups.csv") or []
    few = [f"{row.get('grouping')}: {row.get('group')}" for row in groups
           if row.get("judgeable") is False]  # fmt: skip
    if few:
        found.append(f"Too few cases to judge it among {', '.join(few)}.")
    found.append(
        f"{run.counts.count(judged['events'])} cases among {run.counts.count(judged['rows'])} "
        f"questions ({base_rate(judged, run.counts)}) tested it: the intervals say how much that "
        "is."
    )
    return tuple(found)
