"""What case managers decided about a patient, as an EHR is told it: what and when, never who, and
never in their own words, which may hold anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from serving.reasons import written_date
from serving.store.standings import SAID

if TYPE_CHECKING:
    from serving.ehr.told import Tier
    from serving.store.standings import Status, StatusName

_OVER: dict[StatusName, str] = {
    "do not contact": "Do not contact", "declined": "Declined", "closed": "Outreach closed",
}  # fmt: skip
"""Where no outreach is wanted any more, in the words of a card's summary."""
_SAID: dict[StatusName, str] = {
    "do not contact": "Do not contact this patient",
    "declined": "The patient declined outreach",
    "closed": "Outreach is closed",
    "not reached": "Several calls found no answer",
    "contacted": "The patient was contacted",
    "enrolled": "The patient is enrolled",
    "no answer": "A call found no answer",
    "deferred": "The next call waits",
}


@dataclass(frozen=True)
class StandingTold:
    """Where a patient stands: `status` since a day, `until` the day of the next call while it is
    deferred, the tier of the override that stands, with its day, and what stood (`before`, since
    `before_since`) until a new discharge opened him again, or (`by_guideline`) the days that the
    site's guideline leaves between two calls were over. Days are the site's."""

    status: StatusName = "open"
    since: date | None = None
    until: date | None = None
    override_tier: Tier | None = None
    overridden_on: date | None = None
    before: StatusName | None = None
    before_since: date | None = None
    by_guideline: bool = False

    @classmethod
    def of(cls, now: Status, zone: ZoneInfo) -> StandingTold:
        """Of what the store says, in the site's time zone."""

        def day(at: datetime | None) -> date | None:
            return None if at is None else at.astimezone(zone).date()

        stood = now.before if now.opened_by != "deferral" else None
        return cls(
            now.name,
            day(now.since),
            now.until,
            cast("Tier | None", now.override and now.override.tier),
            day(now.override.at) if now.override else None,
            SAID[stood.kind] if stood else None,
            day(stood.at) if stood else None,
            now.opened_by == "guideline",
        )

    @property
    def is_over(self) -> bool:
        """Whether nobody is to reach out to the patient any more."""
        return self.status in _OVER

    @property
    def takes_suggestions(self) -> bool:
        """Whether a next step may be suggested: not where outreach is over, nor where a case
        manager holds the low tier to be right, in which nothing is suggested to anybody."""
        return not self.is_over and self.override_tier != "low"

    @property
    def in_brief(self) -> list[str]:
        """What has to be seen at a glance."""
        said = [_OVER[self.status]] if self.status in _OVER else []
        return [*said, f"Overridden: {self.override_tier} tier"] if self.override_tier else said

    def sentences(self, told_on: date, of_models: Iterable[tuple[str, str | None]]) -> list[str]:
        """A line for where the patient stands, or stood until he was discharged again, and one for
        the override, each where there is one. `of_models` are the risks by name with the tiers that
        the models give; the year of a day is told where it is not that of `told_on`.

        >>> StandingTold("enrolled", date(2025, 1, 2)).sentences(date(2024, 12, 31), [])
        ['The patient is enrolled: recorded in care management on 2 January 2025.']
        """
        said = []
        if self.status in _SAID:
            words = _SAID[self.status]
            if self.until is not None:
                words += f" until {written_date(self.until, told_on)}"
            said.append(f"{words}: recorded in care management{_on(self.since, told_on)}.")
        elif self.before in _SAID:
            words = _SAID[self.before]
            since = "a discharge became known after the list by which this was recorded"
            if self.by_guideline:
                since = "the days that the guideline gives are over since this was recorded"
            said.append(
                f"To be called again: {since} in care management"
                f"{_on(self.before_since, told_on)}: {words[0].lower()}{words[1:]}."
            )
        if self.override_tier is not None:
            others = ", ".join(f"{name} {tier}" for name, tier in of_models if tier is not None)
            said.append(
                f"{self.override_tier.capitalize()} tier by the judgement of care management"
                f"{_on(self.overridden_on, told_on)}; by the models: {others or 'none'}."
            )
        return said


def _on(day: date | None, told_on: date) -> str:
    return "" if day is None else f" on {written_date(day, told_on)}"


NOTHING_DECIDED = StandingTold()
