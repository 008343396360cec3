"""People of the published run, as the API answers them: drawn, and one whose values are written."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from serving.answer_schemas import PublishedPatient
from serving.ehr.standing import StandingTold
from serving.ehr.told import ModelTold
from serving.risk_schemas import (
    ExpectedCost,
    HighCostRisk,
    KnownScore,
    ReadmissionRisk,
    Reason,
)
from serving.store.standings import STATUSES

AS_OF = date(2024, 5, 16)
BASE = "https://firstcall.example/fhir/R4"
MODELS = {"readmission": ModelTold("3", 30), "high-cost": ModelTold("7", 365)}
WITHHELD = "Some information may be withheld."


def reason(words: str, direction: Any = "raises", concept="emergency visits", actionable=True):
    return Reason(
        concept=concept, words=words, share=0.3, direction=direction, actionable=actionable
    )


def person(**changed: Any) -> PublishedPatient:
    """Discharged on 9 May 2024, seven days before the run: 23 of 30 days are left."""
    told: dict[str, Any] = {
        "patient_id": "P-1",
        "run_id": "2024-05-16.ab12",
        "as_of": AS_OF,
        "discharged_on": date(2024, 5, 9),
        "readmission": readmission(),
        "high_cost": high_cost(),
        "known_scores": [
            known("lace", "LACE 12 (high)"),
            known("charlson_2011", "Charlson 4"),
        ],
        "left_out": None,
        "warnings": [],
        "withheld": WITHHELD,
        "place": None,
    }
    return PublishedPatient(**(told | changed))


def readmission(**changed: Any) -> ReadmissionRisk:
    told: dict[str, Any] = {
        "risk": 0.21,
        "tier": "high",
        "asked_on": AS_OF,
        "not_scored": None,
        "reasons": [
            reason("3 emergency visits in the last 90 days"),
            reason("no missed appointments in the last year", "lowers", "missed appointments"),
        ],
        "all_days_risk": 0.25,
        "days_left": 23,
    }
    return ReadmissionRisk(**(told | changed))


def high_cost(**changed: Any) -> HighCostRisk:
    told: dict[str, Any] = {
        "risk": 0.07,
        "tier": "low",
        "asked_on": date(2023, 12, 31),
        "not_scored": None,
        "reasons": None,
        "expected_cost": ExpectedCost(dollars=18_412.7, words="Expected cost $18,400"),
    }
    return HighCostRisk(**(told | changed))


NOT_READMITTED: dict[str, Any] = {
    "risk": None,
    "tier": None,
    "asked_on": None,
    "not_scored": "no discharge in the last 30 days",
    "reasons": [],
    "all_days_risk": None,
    "days_left": None,
}


def known(name: str, words: str) -> KnownScore:
    return KnownScore(
        name=name, words=words, low=None, high=None, lacking=None, group=None, made_for=None
    )


_hostile = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>", "[x](javascript:alert(1))", "![i](https://evil.example/p)",
            "**bold** _it_ ~~s~~ `c`", "| a | b |\n|---|---|", "# head", "1. one", "- - two", "> q",
            "www.evil.example/x", "https://evil.example", "a@evil.example", "&lt;b&gt; &#64;",
            "👩🏽‍⚕️ 3 visits 🏥", "x" * 5000, "\u202eabc\u202c", "a\x00b\x1b[31m", "\ud800",
            "@nurse #12 :tada:", "---", "===", "+ plus", "a\\*b", "12) list", "$x$", "\\", "\t",
        ]
    ),
)  # fmt: skip
_risks = st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.0, 5e-324, 0.07, 0.5, 1.0]))
_tiers = st.sampled_from(["high", "moderate", "low"])
_days = st.dates(date(2000, 1, 1), date(2090, 1, 1))


@st.composite
def drawn_people(draw: st.DrawFn) -> PublishedPatient:
    as_of = draw(_days)
    reasons = st.one_of(
        st.none(),
        st.lists(
            st.builds(
                reason,
                _hostile,
                st.sampled_from(["raises", "lowers"]),
                st.sampled_from(["emergency visits", "age", "INR"]),
                st.booleans(),
            ),
            max_size=6,
        ),
    )

    def risk() -> dict[str, Any]:
        chance = draw(_risks)
        return {
            "risk": chance,
            "tier": None if chance is None else draw(_tiers),
            "asked_on": None if chance is None else as_of - timedelta(draw(st.integers(0, 400))),
            "not_scored": draw(_hostile) if chance is None else None,
            "reasons": draw(reasons),
        }

    first = risk()
    some = first["risk"] is not None
    return person(
        patient_id=draw(st.from_regex(r"[A-Za-z0-9_/ -]{1,40}", fullmatch=True)),
        as_of=as_of,
        discharged_on=as_of - timedelta(draw(st.integers(0, 30))) if some else None,
        readmission=ReadmissionRisk(
            **first,
            all_days_risk=draw(st.one_of(st.none(), st.floats(0, 1))) if some else None,
            days_left=draw(st.integers(0, 30)) if some else None,
        ),
        high_cost=HighCostRisk(**risk(), expected_cost=None),
        known_scores=[known("lace", draw(_hostile)), known("hospital_2016", draw(_hostile))],
        left_out=draw(st.one_of(st.none(), _hostile)),
        warnings=draw(st.lists(_hostile, max_size=3)),
    )


_BEFORE = tuple(one for one in STATUSES if one not in ("open", "deferred", "do not contact"))


@st.composite
def drawn_standings(draw: st.DrawFn) -> StandingTold:
    name, tier = draw(st.sampled_from(STATUSES)), draw(st.one_of(st.none(), _tiers))
    return StandingTold(
        name,
        since=None if name == "open" else draw(_days),
        until=draw(_days) if name == "deferred" else None,
        override_tier=tier,
        overridden_on=draw(_days) if tier else None,
        before=(before := draw(st.sampled_from((None, *_BEFORE))) if name == "open" else None),
        before_since=draw(_days) if before else None,
    )


hostile_texts = _hostile


def empties(value: Any, place: str = "") -> list[str]:
    """Where a JSON value holds null, "", [] or {} (which neither FHIR nor CDS Hooks allow)."""
    if value is None or value in ("", [], {}):
        return [place]
    if isinstance(value, dict):
        return [hit for k, v in value.items() for hit in empties(v, f"{place}.{k}")]
    if isinstance(value, list):
        return [hit for i, v in enumerate(value) for hit in empties(v, f"{place}[{i}]")]
    return []
