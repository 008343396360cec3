"""One place of the list in the words of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from serving.api.worklist import ListedNow, Standing, tier_of
from serving.cost_words import window_in_words
from serving.pages.recorded_before import was_reached
from serving.pages.words import WORDS, clock, day, in_100, say, sentence, weekday
from serving.store.actions import Action
from serving.store.night_tables import QUEUE_TASK
from serving.store.standings import TO_BE_CALLED, OpenedBy
from serving.worklist import TIERS

_AS_OF = re.compile(r"as of ([^:]{1,40}): (.+)", re.DOTALL)
"""How `serving.reasons` says that something is true of a day."""

_AGAIN: Mapping[OpenedBy, str] = {
    "deferral": "list.again_due",
    "guideline": "list.again_over",
    "discharge": "list.again_discharged",
}


@dataclass(frozen=True)
class Due:
    """By when a call is due, in words; how it is to be marked."""

    words: str
    mark: str
    """"overdue", "today" or "later"."""


@dataclass(frozen=True)
class Row:
    """One place on the page. `why` is the first reason, `more` the others; `seen` goes along with
    whatever is recorded here."""

    entry_id: str
    rank: int
    patient_id: str
    manager: int
    why: str
    more: str
    tier: str
    """The one that a case manager gave, else that of the night."""
    override: str
    put_down: bool
    """Whether a case manager gave him a lower tier than that of his place."""
    facts: str
    risk: str
    risk_of: str
    cost: str
    rising: str
    """Where the high-cost risk rises: what it was a month ago."""
    due: Due | None
    change: str
    change_why: str
    status: str
    status_counts: bool
    """Whether the status is more than that nobody has called yet."""
    is_open: bool
    tried_today: bool
    """Whether nobody answered today, so that others come first."""
    undoes: str
    """The action that whoever looks may take back from here; "" where there is none."""
    seen: str
    warnings: Sequence[str]


def row_of(
    one: ListedNow,
    as_of: date,
    horizons: Mapping[str, int],
    zone: tzinfo,
    now: datetime,
    undoes: str = "",
    calls_at: datetime | None = None,
    taken: Sequence[Action] | None = None,
) -> Row:
    """A place as the page shows it. `now` has a zone; what is due is told as of `calls_at`, now
    unless told; times and the words for today are those of `zone`, the reader's. `undoes` is the
    action that may be taken back; `taken` is all that was recorded about him: where it is not
    given, nobody is said not to be reached."""
    is_open = one.standing.status in TO_BE_CALLED
    risk, risk_of = _risk(one, as_of, horizons)
    standing = one.standing
    cost = one.high_cost.expected_cost
    tier = tier_of(one.tier, standing.override_tier)
    call = due(one.due_at, zone, calls_at or now) if one.due_at is not None and is_open else None
    reasons = [reason_sentence(w) for w in one.why] or [say("list.no_reason")]
    if taken is not None and (out := out_since(one.discharged_on, call, taken)):
        reasons.insert(0, out)
    return Row(
        entry_id=one.entry_id,
        rank=one.rank,
        patient_id=one.patient_id,
        manager=one.manager,
        why=reasons[0],
        more=" ".join(reasons[1:]),
        tier=tier,
        override=_override(one),
        put_down=TIERS.index(tier) > TIERS.index(one.tier),
        facts=_facts(one),
        risk=risk,
        risk_of=risk_of,
        cost="" if cost is None else sentence(cost.words),
        rising="" if one.rose_from is None else say("list.rising", before=in_100(one.rose_from)),
        due=call,
        change=WORDS[f"change.{one.change}"] if one.change else "",
        change_why=sentence(one.change_why or ""),
        status=status_words(standing, zone, now),
        status_counts=standing.status != "open" or standing.before is not None,
        is_open=is_open,
        tried_today=_tried_today(standing, zone, now),
        undoes=undoes,
        seen=standing.newest_action,
        warnings=[sentence(w) for w in one.warnings],
    )


def _override(one: ListedNow) -> str:
    """Whose judgement the tier is, and what the night said of the place."""
    if one.standing.override_tier is None:
        return ""
    if one.standing.override_tier == one.tier:
        return say("list.override")
    return say("list.override_moves", tier=WORDS[f"tier.{one.tier}"].lower())


def out_since(discharged_on: date | None, call: Due | None, taken: Sequence[Action]) -> str:
    """That somebody left the hospital and was not reached since, where a `call` after that is due;
    else "". Where he went is not said: it need not be his home."""
    if discharged_on is None or call is None or was_reached(taken, discharged_on):
        return ""
    return say("list.out_since", day=day(discharged_on))


def reason_sentence(words: str) -> str:
    """A reason as a sentence; the day that it is true of stands behind what is true."""
    told = _AS_OF.fullmatch(words)
    return sentence(words if told is None else say("list.as_of", words=told[2], day=told[1]))


def _facts(one: ListedNow) -> str:
    """Why somebody is on the list at all."""
    queue = WORDS[f"queue.{one.queue}"]
    if one.discharged_on is None:
        return queue
    is_for_it = QUEUE_TASK[one.queue] == "readmission"
    return say("list.discharged" if is_for_it else "list.and_discharged", queue=queue,
               day=day(one.discharged_on))  # fmt: skip


def _risk(one: ListedNow, as_of: date, horizons: Mapping[str, int]) -> tuple[str, str]:
    """The risk by which somebody stands where he stands, and what it is of."""
    if QUEUE_TASK[one.queue] == "readmission":
        told: Any = one.readmission
        # as if all days were left: by this one tier and order go
        risk = told.risk if told.all_days_risk is None else told.all_days_risk
        of = say("risk.of_readmission", days=horizons["readmission"])
    else:
        told = one.high_cost
        risk = told.risk
        asked_on = told.asked_on or as_of
        window = window_in_words(horizons["high-cost"], asked_on, as_of)
        of = say("risk.of_high_cost", window=window)
    return (say("risk.none"), "") if risk is None else (in_100(risk), of)


def due(at: datetime, zone: tzinfo, now: datetime) -> Due:
    """By when, seen from now."""
    there, here = at.astimezone(zone), now.astimezone(zone)
    days, told = (there.date() - here.date()).days, {"clock": clock(there)}
    if at <= now:
        hours = int((now - at) / timedelta(hours=1))
        if hours < 48:
            return Due(say("due.overdue_hours", hours=max(hours, 1)), "overdue")
        return Due(say("due.overdue_days", days=hours // 24), "overdue")
    if days == 0:
        return Due(say("due.today", **told), "today")
    if days == 1:
        return Due(say("due.tomorrow", **told), "later")
    return Due(say("due.later", weekday=weekday(there.date()), day=day(there.date()), **told),
               "later")  # fmt: skip


def _tried_today(standing: Standing, zone: tzinfo, now: datetime) -> bool:
    if standing.status != "no answer" or standing.since is None:
        return False
    return standing.since.astimezone(zone).date() == now.astimezone(zone).date()


def status_words(standing: Standing, zone: tzinfo, now: datetime) -> str:
    """Where somebody stands, since when, and by whom; of whom is to be called again, why."""
    words = WORDS[f"status.{standing.status}"]
    if standing.status == "deferred" and standing.until is not None:
        words = say("list.deferred_until", day=day(standing.until))
    elif standing.again_on is not None:
        words = say("list.again_on", status=words, day=day(standing.again_on))
    if standing.since is None or standing.who is None:
        if standing.before is None:
            return words
        before = standing.before
        told = {"status": WORDS[f"status.{before.status}"],
                "when": moment(before.since, zone, now)}  # fmt: skip
        return say(_AGAIN[before.opened_by], **told)
    recorded = say("list.recorded", status=words, when=moment(standing.since, zone, now),
                   who=standing.who)  # fmt: skip
    if _tried_today(standing, zone, now):
        return say("list.tried_today", recorded=recorded)
    return recorded


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """A moment in the zone, seen from now: "today 14:05", "2 January 2025, 14:05"."""
    there, today = at.astimezone(zone), now.astimezone(zone).date()
    if there.date() == today:
        return say("list.at_today", clock=clock(there))
    return say("list.at", day=day(there.date()), clock=clock(there))
