"""How long what was recorded keeps a patient off the list, and when he comes back.

A case manager closes a case by what he records; the guideline says for how long. Somebody who was
reached needs no second call tomorrow; somebody who declined is asked again after half a year;
somebody who does not answer is tried on several days and then left alone for a while. Whoever is
discharged again comes back at once, whatever the guideline says (`serving.store.standings`);
"do not contact" stands until it is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Days = Annotated[int, Field(ge=1, le=3650)]


class Guidelines(BaseModel):
    """Days without a further call after somebody was reached, declined, or was closed; and after
    how many days with a try that nobody answered, `no_answer_tries`, the next one waits for
    `not_reached_days`. Who is enrolled is somebody's own patient until he is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contacted_days: Days = 30
    declined_days: Days = 180
    closed_days: Days = 90
    no_answer_tries: Annotated[int, Field(ge=1, le=100)] = 3
    not_reached_days: Days = 14

    def again_on(self, kind: str, recorded_on: date) -> date | None:
        """The first day on which the patient is to be called again after an action of this kind;
        None where no day brings him back.

        >>> Guidelines().again_on("contacted", date(2025, 1, 2))
        datetime.date(2025, 2, 1)
        """
        days = {
            "contacted": self.contacted_days,
            "declined": self.declined_days,
            "closed": self.closed_days,
        }.get(kind)
        return None if days is None else recorded_on + timedelta(days=days)

    def rests_until(self, tried_on: Sequence[date]) -> date | None:
        """Until when nobody tries again, by the days of the tries that nobody answered; None where
        there were too few. After a rest they are counted anew.

        >>> Guidelines().rests_until([date(2025, 1, day) for day in (2, 2, 3)])
        >>> Guidelines().rests_until([date(2025, 1, day) for day in (2, 3, 6)])
        datetime.date(2025, 1, 20)
        """
        count, until = 0, None
        for day in sorted(set(tried_on)):
            if until is not None and day >= until:
                count, until = 0, None
            count += 1
            if count >= self.no_answer_tries:
                until = day + timedelta(days=self.not_reached_days)
        return until
