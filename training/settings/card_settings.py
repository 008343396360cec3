"""What a model's card says that no training can know: who answers for the model, what it is for,
where it was validated.

A training writes its card before anybody has seen its model. What was found out of one model
(`OF_A_VERSION`: sign-off, validation, local results) therefore names its version, and no other
model's card repeats it as its own; `firstcall card` writes the card again once it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from pydantic import Field

from training.settings.setting_types import IsoDay, Prose, Strict, Words, setting

INTENDED_USE = (
    "To order outreach by case managers: whom to call first, within the number of people that "
    "they can take on. A person decides, and may decide otherwise with a reason."
)
INTENDED_USERS = (
    "Case managers, discharge planners and care coordinators who know their patients, and those "
    "who supervise them."
)
DECISION_ROLE = (
    "It informs: a list to work through, with reasons in words. It replaces no judgement and "
    "triggers nothing by itself."
)
MISUSE = (
    "Never to deny, delay, limit or price care or coverage, nor to end it. Not for diagnosis or "
    "treatment, not for emergencies, not to rate clinicians, and not for people unlike those whom "
    "the model learned from."
)


ModelVersion = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
"""As a card and `serving.model.version_of` tell it: 16 hex digits."""


@dataclass(frozen=True)
class CardSettings(Strict):
    """What the model's card says of use, answerability and validation; what is left out is shown
    there as missing."""

    intended_use: Prose | None = setting(INTENDED_USE, "what the score is for")
    intended_users: Prose | None = setting(INTENDED_USERS, "who works with it, and what they know")
    decision_role: Prose | None = setting(DECISION_ROLE, "whether it informs, augments, replaces")
    misuse: Prose | None = setting(MISUSE, "what it is not to be used for")
    known_limits: Prose | None = setting(
        None, "risks and limits known on the site, beside those that the card finds itself"
    )
    developer: Words | None = setting(None, "who made the model and answers for it")
    contact: Prose | None = setting(None, "how to reach them")
    funding: Prose | None = setting(None, "who paid for its development, and their part in it")
    of_version: ModelVersion | None = setting(
        None, "the model version that sign-off, validation and local results here were given of"
    )
    signed_off_by: Prose | None = setting(
        None, "the clinician who signed it off for use, name and role"
    )
    signed_off_on: IsoDay | None = setting(None, "the day of that, such as 2026-03-31")
    validated_at: Prose | None = setting(
        None, "site and period on whose people it was validated before use"
    )
    validated_by: Prose | None = setting(None, "the party that validated it")
    validation_process: Prose | None = setting(None, "how it was validated there")
    validation_people: Prose | None = setting(
        None, "who the people of that validation were: race, ethnicity, language, sex, age, needs"
    )
    validation_results: Prose | None = setting(
        None, "how valid the score was there, with intervals"
    )
    validation_fairness: Prose | None = setting(None, "how fair it was there, by group")
    outcome_evaluation: Prose | None = setting(
        None, "studies of what using it did to people, with their sources"
    )
    validity_monitoring: Prose | None = setting(
        None, "how and how often its validity is watched in use"
    )
    fairness_monitoring: Prose | None = setting(
        None, "how and how often its fairness is watched in use"
    )
    local_validity: Prose | None = setting(None, "how valid it is on the site's own people now")
    local_fairness: Prose | None = setting(None, "how fair it is among the site's own people now")
    update_schedule: Prose | None = setting(None, "how and how often it is trained anew")
    correction_schedule: Prose | None = setting(
        None, "how soon it is corrected where it is found to be invalid or unfair"
    )
    rationale: Prose | None = setting(
        None, "the problem of care behind it, and why a model is made, with sources"
    )
    care_setting: Prose | None = setting(
        None, "where the people of the training were cared for: kind, number, place of centres"
    )
    relevance: Prose | None = setting(
        None, "why the data of the training fit the people whom it is used on"
    )
    inequalities: Prose | None = setting(
        None, "known inequalities of health between groups of these people"
    )
    interpretation: Prose | None = setting(
        None, "what its makers make of the results, beside earlier studies and of fairness"
    )
    ethics: Prose | None = setting(None, "the board that approved the work, and consent or waiver")
    conflicts: Prose | None = setting(None, "conflicts of interest of those who made it")
    protocol: Prose | None = setting(None, "where its protocol is, or that there was none")
    registration: Prose | None = setting(None, "where it was registered, or that it was not")
    data_sharing: Prose | None = setting(None, "whether the data can be had, and where")
    code_sharing: Prose | None = setting(None, "whether the code can be had, and where")
    involvement: Prose | None = setting(
        None, "how patients and the public took part, or that they did not"
    )
    next_steps: Prose | None = setting(None, "what is to be studied next before wider use")


OF_A_VERSION = (
    "signed_off_by", "signed_off_on", "validated_at", "validated_by", "validation_process",
    "validation_people", "validation_results", "validation_fairness", "local_validity",
    "local_fairness",
)  # fmt: skip
"""What was found out of one model, and says nothing of another."""


def is_of_another(card: CardSettings, name: str, version: str) -> bool:
    """Whether a setting was given of another model than `version`, or of none that is named."""
    given = getattr(card, name) is not None
    return given and name in OF_A_VERSION and card.of_version != version


def missing_from(card: CardSettings, version: str) -> tuple[str, ...]:
    """The names of the settings that the card of model `version` lacks, in their order: those that
    are not given, or were given of another model."""
    return tuple(
        entry.name for entry in fields(card)
        if entry.name != "of_version"
        and (getattr(card, entry.name) is None or is_of_another(card, entry.name, version))
    )  # fmt: skip
