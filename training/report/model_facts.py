"""What a run tells of its model in sentences, each made of the files of the run."""

from __future__ import annotations

from data.errors import InputError
from features.definitions import FEATURES, Feature, feature
from training.evaluation.evaluate import OURS, Interval
from training.fitting.monotone import either_way, monotone_constraints
from training.report.document import Cell, Marked
from training.report.groups_judged import Groups, by_group, compared
from training.report.recalibrated import test_from, told_of, words
from training.report.result import TWO, told
from training.report.run_folder import RunFolder
from training.robustness.constraint_price import price_words

SOURCES = {
    "canonical": "files in firstcall's own canonical tables", "synpuf": "CMS DE-SynPUF",
}  # fmt: skip
"""The kind of a source → what it is in words."""
_WIDER = {
    "readmission": "whoever left hospital within the last {horizon} days, is alive and not back",
    "high-cost": "members alive and covered as of the night",
    "encounter": "members alive and covered as of the night",
}
"""Of whom the night asks; wider than those that a model learned from."""


def facts_of(run: RunFolder) -> dict[str, Cell]:
    """Sentences by name, as `training.report.tripod.items` and `source_attributes` ask for them."""
    model, trained = run.model, run.model["trained_on"]
    source, origin = source_words(run), str(model["origin"]).replace("_", " ")
    asked = "any day" if model["asked_on"] == "any" else str(model["asked_on"])
    if model.get("kind") == "readmission":
        asked = "the day of a discharge and on the days after it"
    recalibrated = words(run)
    return {
        "predicted": f"{model['label']}; horizon {model['horizon_days']} days; asked on {asked}",
        "inputs": f"each of the {len(model['features'])} is declared with its window, source and "
        "words (features.definitions); model.json lists them",
        "source": f"{source}; origin {origin}"
        + (": records of routine care as taken in" if origin == "own" else ""),
        "dates": f"learned from those asked from {trained.get('first_as_of', 'a day not told')} to "
        f"{trained.get('last_as_of', 'a day not told')}"
        f"{f'; {recalibrated}' if recalibrated else ''}; tested on those asked from "
        f"{test_from(run) or 'a day not told'} on; data through {model['data_through']}",
        "eligible": _eligible(run),
        "intended_people": _intended_people(run),
        "learned": _learned(run),
        "size": _size(run),
        "missing_data": f"{_missing(run)}; people whose outcome is not known yet are censored, "
        "never counted as negative",
        "predictors": f"as they are, for trees take no scaling; {_missing(run)}",
        "poor_input": f"a feed that is not carried is missing, and the model was trained to see it "
        f"so; {_missing(run)}",
        "chosen": _chosen(run),
        "constraints": constraints(run),
        "fit": f"gradient-boosted trees (LightGBM), calibrator: {model['calibrator']['kind']}; "
        "stopped by log loss on people held out; settings in task.toml of this run",
        "output": f"a probability between 0 and 1; {_calibration(run)}; tiers by capacity",
        "origin_gap": f"same source ({source}), other people, a later time",
        "updated": recalibrated or "none: the test changed nothing",
        "updated_results": "those of this card are of the model after it"
        if recalibrated else "none was made",
        "code": "model.txt (LightGBM's own text) and model.json of this run; no code runs on load",
        "demographic": "race, ethnicity, language, sexual orientation and gender identity are no "
        "inputs; age, sex, payer, deprivation of the area, social needs and health status "
        "(diagnoses, drugs, results) are, as far as the source carries them: see “Protected and "
        "proxy inputs”",
        "represented": _represented(run),
        "fairness": fairness(run),
        "by_group": groups_told(run),
        "bias": _bias(run),
    }  # fmt: skip


def source_words(run: RunFolder) -> str:
    """Where the data came from."""
    source = run.model["trained_on"].get("source") or ""
    return SOURCES.get(source, source) or "a source that is not named"


def feeds_of(run: RunFolder) -> str:
    """What the model's own inputs listen to; the source may carry more."""
    return ", ".join(sorted({one.feed for one in _declared(run)}))


def constraints(run: RunFolder) -> str:
    """Which inputs may move a risk one way alone, and what it costs."""
    if run.setting("fit.monotone") != "True":
        return "none: more of what makes people ill may lower a risk"
    up, down = _directions(run)
    price = (run.told("plausibility.json") or {}).get("price_auroc")
    cost = f"; {price_words(Interval(*price))}" if isinstance(price, list) else ""
    return (
        f"no risk falls with one earlier unplanned hospital stay more: {up} inputs may only raise "
        f"it as they grow, {down} may only lower it{cost}"
    )


def fairness(run: RunFolder) -> Cell:
    """By what groups the list was audited; missing where none has people enough."""
    found = compared(run)
    if found is None:
        return Marked("missing: this run holds no equity.json", "missing")
    if not any(one.judged for one in found):
        return Marked("missing: audited, and no group has people enough to be compared in this "
                      "run: see “Equity”", "missing")  # fmt: skip
    return f"nothing is adjusted; the list is audited {_by(found)}: see “Equity”"


def groups_told(run: RunFolder) -> Cell:
    """By what groups the figures are judged; missing where none has cases enough."""
    found = by_group(run)
    if found is None:
        return Marked("missing: this run holds no subgroups.csv", "missing")
    if not any(one.judged for one in found):
        return Marked("missing: no group has cases enough to be judged in this run: see “Groups of "
                      "people”", "missing")  # fmt: skip
    return f"judged {_by(found)}: see “Groups of people”"


def _by(found: tuple[Groups, ...]) -> str:
    judged = [one.words for one in found if one.judged]
    few = [one.grouping for one in found if not one.judged]
    return f"by {', '.join(judged)}" + (f"; too few to judge by {', '.join(few)}" if few else "")


def _bias(run: RunFolder) -> str:
    least, most = (run.setting(f"gate.{name}_observed_in_group") for name in ("least", "most"))
    limits = f" ({least} to {most})" if least and most else ""
    cases = run.setting("evaluation.judgeable_events")
    few = f"; groups of fewer than {cases} cases are not judged" if cases else ""
    return (
        "race and ethnicity are no inputs; inputs that stand in for them are registered with what "
        "was done about each; the gate refuses a model where the whole 95 % interval of a group's "
        f"observed : expected lies beyond limits{limits}{few}, so that passing it does not prove "
        "that all groups are right"
    )


def _declared(run: RunFolder) -> list[Feature]:
    found = []
    for name in run.model["features"]:
        try:
            found.append(feature(name))
        except InputError:  # of a version that declared others
            continue
    return found


def _directions(run: RunFolder) -> tuple[int, int]:
    """How many inputs may only raise a risk as they grow, and how many only lower it."""
    held = monotone_constraints([one.name for one in _declared(run)])
    return held.count(1), held.count(-1)


def _missing(run: RunFolder) -> str:
    if run.setting("fit.monotone") != "True":
        return "a missing value stays missing (no imputation)"
    up, down = _directions(run)
    return (
        f"a missing value stays missing, but for the {up + down} inputs that are held to one "
        "direction: there it is taken for none (0, or never), which is the end of the lower risk"
    )


def _chosen(run: RunFolder) -> str:
    least = run.setting("fit.least_seen")
    said = f"{len(run.model['features'])} of the declared features: those that " + (
        f"at least {least} of the people learned from have" if least else "enough people have"
    )
    if run.setting("fit.monotone") == "True":
        names = [one.name for one in FEATURES if one.predictor]
        either = either_way(names, after_discharge=run.model.get("kind") == "readmission")
        said += (
            f", but for {len(either)} that one earlier stay more may move up as well as down, "
            "which no model with constraints learns from"
        )
    return said + ("; see the selection in report.html" if run.records("selection.csv") else "")


def _eligible(run: RunFolder) -> str:
    trained = run.model["trained_on"]
    age, look_back = trained.get("minimum_age"), trained.get("look_back_days")
    return "people " + (f"aged {age} and over " if age else "") + (
        f"covered for {look_back} days before the question" if look_back else "of the cohort"
    )  # fmt: skip


def _intended_people(run: RunFolder) -> str:
    kind = str(run.model.get("kind"))
    wider = _WIDER.get(kind, _WIDER["encounter"]).format(horizon=run.model["horizon_days"])
    return (
        f"{wider}; that is more people than it learned from ({_eligible(run)}; see “Data and "
        "people” for who was taken out, and “Known limits”)"
    )


def _learned(run: RunFolder) -> str:
    trained, judged, count = run.model["trained_on"], run.evaluation, run.counts.count
    said = "learned from people"
    if "rows" in trained:
        said = (
            f"learned from {count(trained['rows'])} questions about {count(trained['people'])} "
            f"people ({count(trained['cases'])} cases){asked_again(run)}"
        )
    before = told_of(run)
    if before is not None:
        said = f"version {before.get('version', 'not told')} {said}, and was {words(run)}"
    return (
        f"{said}; tested on {count(judged['rows'])} about {count(judged['people'])} other people "
        f"({count(judged['events'])} cases); people who test are never learned from, and test later"
    )


def asked_again(run: RunFolder) -> str:
    """That each question of those learned from was asked on later days again, and how many rows
    this makes; "" where each was asked once."""
    trained = run.model["trained_on"].get("rows") or 0
    days = run.setting("landmark_days").strip("()[], ")
    roles = (run.told("treated.json") or {}).get("roles") or []
    rows = sum(int(line.get("rows") or 0) for line in roles if line.get("role") != "test")
    if told_of(run) is not None or rows <= trained or "," not in days:
        return ""
    return (
        f", each asked on the days {days} after a discharge as long as nobody is back: "
        f"{run.counts.count(rows)} rows in all"
    )


def _size(run: RunFolder) -> str:
    attrition, roles = run.records("attrition.csv") or [], run.records("counts.csv") or []
    count, cases = run.counts.count, run.counts.count(run.evaluation["events"])
    if not attrition or not roles:
        return f"{cases} cases test the model; no size was calculated beforehand"
    eligible, used = int(attrition[-1]["rows_left"]), sum(int(line["rows"]) for line in roles)
    aside = "" if used >= eligible else (
        f", and the other {count(eligible - used)} have no role: their outcome is known too late "
        "to learn from, their people test at another time, or they are more than are learned from"
    )  # fmt: skip
    return (
        f"no size was calculated beforehand: of {count(eligible)} eligible questions {count(used)} "
        f"are used{aside}; {cases} cases test the model"
    )


def _calibration(run: RunFolder) -> str:
    ours = run.evaluation["scores"][OURS]
    figures = [
        f"{name} {told(TWO, ours[key])}"
        for name, key in (("observed : expected", "observed_to_expected"),
                          ("calibration slope", "calibration_slope"))
        if ours.get(key) is not None
    ]  # fmt: skip
    kind = run.model["calibrator"]["kind"]
    return f"calibrator: {kind}" + (f", in the test {', '.join(figures)}" if figures else "")


def _represented(run: RunFolder) -> Cell:
    """The shares of groups among those learned from and those asked about, as the gate tells
    them."""
    for criterion in (run.told("gate.json") or {}).get("criteria") or ():
        if criterion.get("name") == "who it learned from" and "%" in str(criterion.get("words")):
            return str(criterion["words"])
    return Marked("missing: this run does not tell who was learned from by group", "missing")
