"""A model that was recalibrated: what was moved, on whom, and what the roles of its run are then.

Its trees are those of another version, and what it learned from is that version's
(`training.recalibrate`).
"""

from __future__ import annotations

from typing import Any

from training.report.run_folder import RunFolder

OF = "recalibrated"
"""Where `model.json` tells of it."""
_ROLES = {
    "train": "train (not used: nothing was learned anew)",
    "validation": "validation (not used: nothing was learned anew)",
    "calibration": "calibration (recalibrated on those asked since)",
}


def told_of(run: RunFolder) -> dict[str, Any] | None:
    """What `model.json` tells of a recalibration, None where there was none."""
    told = run.model.get(OF)
    return told if isinstance(told, dict) else None


def words(run: RunFolder) -> str:
    """What was done, in a sentence, "" where the model was not recalibrated."""
    told = told_of(run)
    if told is None:
        return ""
    count, on, asked = run.counts.count, "", ""
    if "rows" in told:
        on = f", on {count(told['rows'])} questions ({count(told.get('cases', 0))} cases)"
    if told.get("first_as_of") and told.get("last_as_of"):
        asked = f" asked from {told['first_as_of']} to {told['last_as_of']}"
    version, how = told.get("version", "not told"), told.get("how", "calibrator")
    return (
        f"recalibrated: the {how} of version {version} was moved{on}{asked}, by people whom no fit "
        "saw; nothing was learned anew"
    )


def roles(run: RunFolder) -> list[dict[str, Any]]:
    """The rows of counts.csv; of a recalibrated model each role says what it was for."""
    found = run.records("counts.csv") or []
    if told_of(run) is None:
        return found
    return [{**line, "role": _ROLES.get(str(line.get("role")), line.get("role"))} for line in found]


def test_from(run: RunFolder) -> str:
    """The first day on which those who test were asked, "" where nobody tells it."""
    for line in run.records("counts.csv") or ():
        if line.get("role") == "test" and line.get("first_as_of"):
            return str(line["first_as_of"])
    return str(run.model["trained_on"].get("test_from") or "")
