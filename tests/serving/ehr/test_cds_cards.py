"""Cards: what they hold, and what can never be in them."""

import json
import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from serving.ehr.cds_cards import OVERRIDE_REASONS, cards, no_cards
from serving.ehr.cds_forms import Cards
from serving.ehr.cds_services import SERVICES
from serving.ehr.standing import StandingTold
from serving.next_steps import SHIPPED
from serving.worklist import BEYOND_CAPACITY
from tests.serving.ehr.people import (
    MODELS,
    NOT_READMITTED,
    WITHHELD,
    drawn_people,
    drawn_standings,
    empties,
    high_cost,
    person,
    readmission,
)

VIEW, DISCHARGE = SERVICES.values()
PAGE = "https://firstcall.example/"
RENDERED = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_CARD = {"uuid", "summary", "detail", "indicator", "source", "overrideReasons", "links"}


def answer(patient, service=VIEW, **more):
    told = {"opaque": "8f3a", "next_step": SHIPPED.get, "page_url": PAGE} | more
    return json.loads(json.dumps(cards(patient, service, MODELS, **told)))


def card(patient, service=VIEW, **more):
    (one,) = answer(patient, service, **more)["cards"]
    return one


def test_a_card_tells_both_risks_what_was_seen_and_what_the_score_is_not_for():
    told = card(person(warnings=["the pharmacy feed is 9 days old"]))
    assert told["summary"] == (
        "Readmission risk 25% over the 30 days after discharge, 21% in the 23 days left "
        "(high tier) · High cost risk 7% (low tier)"
    )
    assert told["indicator"] == "warning"
    assert (
        told["detail"]
        == """\
**Readmission:** 25% over the 30 days after the discharge on 9 May, 21% in the 23 days left \
(high tier).

Seen, and raises the score:

- 3 emergency visits in the last 90 days

Seen, and lowers the score:

- no missed appointments in the last year

**High cost:** 7% in the 12 months after 31 December 2023 (low tier). The reasons were not worked \
out in this run.

**Known scores:** LACE 12 (high)

**Suggestions:**

- Consider asking what happened before each visit and who to call first next time.

**Mind:**

- the pharmacy feed is 9 days old

As of 16 May 2024, by the models readmission 3, high-cost 7. Some information may be withheld. The \
score orders outreach. It is never a reason to deny or delay care, coverage or price, and does not \
replace clinical judgement."""
    )


def test_a_card_links_to_the_page_of_the_patient_and_names_him_nowhere_else():
    told = card(person())
    assert told["links"] == [
        {
            "label": "Open in firstcall",
            "url": "https://firstcall.example/patients/P-1",
            "type": "absolute",
        }
    ]
    assert told["source"]["url"] == PAGE
    assert json.dumps(told).count("P-1") == 1
    [odd] = card(person(patient_id="P 1/ä"))["links"]
    assert odd["url"] == "https://firstcall.example/patients/P%201%2F%C3%A4"


def test_a_card_of_invented_data_says_so_before_all_else():
    told = card(person(), invented=True)
    assert told["summary"].startswith("Invented data · Readmission risk 25%")
    assert told["detail"].startswith("**Invented data, of no real person.**\n\n**Readmission:**")
    assert "nvented" not in json.dumps(card(person()))


def test_without_a_page_there_is_no_link():
    told = card(person(), page_url=None)
    assert "links" not in told
    assert set(told["source"]) == {"label", "topic"}


@pytest.mark.parametrize(
    ("first", "second", "indicator"),
    [("high", "low", "warning"), ("low", "high", "warning"), ("moderate", "low", "info"),
     ("low", "low", "info")],
)  # fmt: skip
def test_a_card_warns_of_a_high_tier_and_informs_of_others(first, second, indicator):
    patient = person(readmission=readmission(tier=first), high_cost=high_cost(tier=second))
    assert card(patient)["indicator"] == indicator


@pytest.mark.parametrize(
    ("least", "tier", "shown"),
    [("low", "low", 1), ("moderate", "low", 0), ("moderate", "moderate", 1),
     ("high", "moderate", 0), ("high", "high", 1)],
)  # fmt: skip
def test_no_card_is_shown_below_the_tier_that_the_client_asks_for(least, tier, shown):
    patient = person(readmission=readmission(tier=tier))
    assert len(answer(patient, least_tier=least)["cards"]) == shown


def test_somebody_without_any_risk_has_no_card():
    nothing = {"risk": None, "tier": None, "asked_on": None, "not_scored": "died", "reasons": []}
    patient = person(
        readmission=readmission(**NOT_READMITTED), high_cost=high_cost(**nothing), left_out="died"
    )
    assert answer(patient) == no_cards() == {"cards": []}


def test_at_discharge_the_missing_risk_is_told_with_its_reason():
    told = card(
        person(readmission=readmission(**NOT_READMITTED), left_out="in hospital now"), DISCHARGE
    )
    assert told["summary"] == "High cost risk 7% (low tier)"
    assert "**Readmission:** no risk, no discharge in the last 30 days." in told["detail"]
    assert "Not to be called, as far as known: in hospital now." in told["detail"]


def test_who_was_only_beyond_capacity_is_not_said_to_be_kept_from_calls():
    told = card(person(left_out=BEYOND_CAPACITY))["detail"]
    assert "\n\nNot on the list of 16 May: its places were taken.\n\n" in told
    assert "Not to be called" not in told


@pytest.mark.parametrize(
    ("changed", "summary", "detail"),
    [
        ({"risk": 0.03, "all_days_risk": 0.17, "days_left": 12},
         "17% over the 30 days after discharge, 3% in the 12 days left (high tier)",
         "17% over the 30 days after the discharge on 9 May, 3% in the 12 days left (high tier)"),
        ({"risk": 0.01, "all_days_risk": 0.17, "days_left": 1},
         "17% over the 30 days after discharge, 1% in the 1 day left (high tier)",
         "17% over the 30 days after the discharge on 9 May, 1% in the 1 day left (high tier)"),
        ({"risk": 0.17, "all_days_risk": 0.17, "days_left": 30}, "17% (high tier)",
         "17% over the 30 days after the discharge on 9 May (high tier)"),
        # a run of before the risk over all days was told
        ({"risk": 0.03, "all_days_risk": None, "days_left": 12}, "3% in the 12 days left "
         "(high tier)", "3% in the 12 days left of the 30 after the discharge on 9 May "
         "(high tier)"),
    ],
)  # fmt: skip
def test_a_readmission_does_not_look_smaller_because_days_pass(changed, summary, detail):
    told = card(person(readmission=readmission(**changed)))
    assert told["summary"] == f"Readmission risk {summary} · High cost risk 7% (low tier)"
    assert f"**Readmission:** {detail}.\n" in told["detail"]


ACTED = date(2024, 5, 14)


@pytest.mark.parametrize(
    ("status", "brief", "line"),
    [
        ("do not contact", "Do not contact", "Do not contact this patient"),
        ("declined", "Declined", "The patient declined outreach"),
        ("closed", "Outreach closed", "Outreach is closed"),
    ],
)
def test_where_outreach_is_over_the_card_says_so_first_and_suggests_nothing(status, brief, line):
    told = card(person(), standing=StandingTold(status, ACTED))
    assert told["summary"].startswith(f"{brief} · Readmission risk 25%")
    assert told["detail"].startswith(f"{line}: recorded in care management on 14 May.\n\n**Readm")
    assert "Suggestions" not in told["detail"]
    assert "Consider" not in told["detail"]
    assert told["indicator"] == "info"
    assert "(high tier)" in told["detail"]  # the risk is what it is


@pytest.mark.parametrize(
    ("standing", "line"),
    [
        (StandingTold("contacted", ACTED), "The patient was contacted: recorded in care management "
         "on 14 May."),
        (StandingTold("enrolled", date(2023, 5, 14)), "The patient is enrolled: recorded in care "
         "management on 14 May 2023."),
        (StandingTold("no answer", ACTED), "A call found no answer: recorded in care management on "
         "14 May."),
        (StandingTold("deferred", ACTED, until=date(2024, 6, 2)), "The next call waits until "
         "2 June: recorded in care management on 14 May."),
    ],
)  # fmt: skip
def test_what_was_done_is_told_in_one_line_with_its_day(standing, line):
    told, before = card(person(), standing=standing), card(person())
    assert told["detail"] == f"{line}\n\n{before['detail']}"
    assert told["summary"] == before["summary"]


def test_who_was_discharged_since_is_told_with_what_stood_before():
    again = StandingTold(before="declined", before_since=ACTED)
    told = card(person(), standing=again)
    assert told["detail"].startswith(
        "To be called again: a discharge became known after the list by which this was recorded in "
        "care management on 14 May: the patient declined outreach.\n\n**Readm"
    )
    assert "Suggestions" in told["detail"]


def test_whom_the_guideline_brings_back_was_not_discharged():
    again = StandingTold(before="contacted", before_since=ACTED, by_guideline=True)
    assert card(person(), standing=again)["detail"].startswith(
        "To be called again: the days that the guideline gives are over since this was recorded in "
        "care management on 14 May: the patient was contacted.\n\n**Readm"
    )


def test_an_override_is_named_beside_the_tiers_of_the_models():
    raised = card(person(), standing=StandingTold(override_tier="moderate", overridden_on=ACTED))
    assert raised["summary"].startswith("Overridden: moderate tier · Readmission risk 25% over")
    assert "(high tier)" in raised["summary"]
    assert raised["detail"].startswith(
        "Moderate tier by the judgement of care management on 14 May; by the models: readmission "
        "high, high cost low.\n\n"
    )
    assert "Suggestions" in raised["detail"]
    lowered = card(person(), standing=StandingTold(override_tier="low", overridden_on=ACTED))
    assert "Suggestions" not in lowered["detail"]


@pytest.mark.parametrize(
    ("by_models", "by_person", "least", "shown"),
    [("high", "low", "moderate", None), ("high", "low", "low", "info"),
     ("low", "high", "high", "warning"), ("moderate", "high", "moderate", "warning")],
)  # fmt: skip
def test_where_a_case_manager_holds_another_tier_to_be_right_the_card_goes_by_it(
    by_models, by_person, least, shown
):
    patient = person(readmission=readmission(tier=by_models))
    made = answer(patient, standing=StandingTold(override_tier=by_person), least_tier=least)
    assert [one["indicator"] for one in made["cards"]] == ([shown] if shown else [])


def test_a_card_has_one_name_a_service_run_and_patient():
    same = {card(person())["uuid"], card(person(patient_id="P-2"))["uuid"]}
    assert len(same) == 1  # it is made of the opaque name
    others = {
        card(person(), DISCHARGE)["uuid"],
        card(person(run_id="2024-05-17.cd34"))["uuid"],
        card(person(), opaque="77bc")["uuid"],
    }
    assert len(others | same) == 4


def test_reasons_to_set_a_card_aside_are_codings_with_words():
    told = card(person())["overrideReasons"]
    assert [one["code"] for one in told] == list(OVERRIDE_REASONS)
    assert all(set(one) == {"code", "system", "display"} for one in told)


_CAUSAL = re.compile(r"\b(because|caus\w+|due to|leads? to|will reduce|prevents?)\b", re.IGNORECASE)


def test_no_card_says_that_something_caused_anything():
    told = json.dumps([card(person()), card(person(), DISCHARGE), *OVERRIDE_REASONS.values()])
    assert not _CAUSAL.search(told)


@given(
    drawn_people(),
    drawn_standings(),
    st.booleans(),
    st.sampled_from([VIEW, DISCHARGE]),
    st.sampled_from([PAGE, None]),
)
@settings(max_examples=200, deadline=None)
def test_every_card_follows_the_specification_whatever_the_data_hold(
    patient, standing, invented, service, page
):
    made = json.loads(
        json.dumps(
            cards(
                patient, service, MODELS, opaque="8f3a", next_step=SHIPPED.get, page_url=page,
                standing=standing, invented=invented,
            )
        ).encode("utf-8")
    )  # fmt: skip
    assert set(made) == {"cards"}
    assert Cards.model_validate(made).model_dump(by_alias=True, exclude_none=True) == made
    scored = [r for r in (patient.readmission, patient.high_cost) if r.risk is not None]
    assert len(made["cards"]) == (1 if scored else 0)
    for one in made["cards"]:
        assert empties(one) == []
        assert set(one) <= _CARD
        assert 0 < len(one["summary"]) < 140
        tiers = [r.tier for r in scored if r.tier]
        assert all(tier in one["summary"] for tier in tiers)  # nothing was cut off
        assert standing.override_tier is None or standing.override_tier in one["summary"]
        assert one["indicator"] in ("info", "warning")
        assert one["source"]["label"] == "firstcall"
        assert WITHHELD in one["detail"]
        assert "never a reason to deny" in one["detail"]
        tokens = RENDERED.parse(one["detail"])
        assert {token.type for token in tokens} <= {
            "paragraph_open", "paragraph_close", "inline", "bullet_list_open", "bullet_list_close",
            "list_item_open", "list_item_close",
        }  # fmt: skip
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {
            "text", "text_special", "strong_open", "strong_close",
        }  # fmt: skip
        bold = [b.content for a, b in pairwise(inline) if a.type == "strong_open"]
        assert set(bold) <= {"Readmission:", "High cost:", "Known scores:", "Suggestions:", "Mind:",
                             "Invented data, of no real person."}  # fmt: skip
        assert not (standing.is_over and "Suggestions:" in bold)
        assert not re.search(r"(?i)www\.|://|\S@\S", one["detail"])
