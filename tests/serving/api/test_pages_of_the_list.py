"""The list is read page by page while people work on it, and in the order that was asked for."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from serving.access.roles import Principal
from serving.api.problems import Refused
from serving.api.worklist import Asked, places
from serving.store import ENTRY_COLUMNS, Store
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest
from tests.serving.client import Client

PATIENTS = [f"q{n:02}" for n in range(10)]


def publish(client: Client, **columns: list[float | None]) -> str:
    """A night of PATIENTS, all in ann's panel, with these columns of scores."""
    store = Store(client.app.state.service.database)
    scores, told, _, _, known = a_night(*PATIENTS)
    for name, values in columns.items():
        scores[name] = pd.Series(values, dtype=float)
        scores["readmission_asked_on"] = NIGHT
        scores["discharged_on"] = date(2024, 12, 20)
    entries = pd.DataFrame(
        [(n, 1, p, "high", "high cost") for n, p in enumerate(PATIENTS, 1)],
        columns=list(ENTRY_COLUMNS),
    )
    run_id = store.start(NIGHT)
    store.publish(run_id, scores, told, entries, manifest(), known)
    return run_id


@pytest.fixture
def page(anew: Client, fresh: Manned) -> Any:
    def asked(**query: object) -> dict[str, Any]:
        answer = anew.get("/v1/worklist", params=query, headers=fresh.header("ann"))
        return answer.json() | {"code": answer.status_code}

    return asked


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["patient_id"] for one in answer["patients"]]


def test_pages_follow_each_other_and_the_last_says_so(anew: Client, page) -> None:
    publish(anew)
    seen, after = [], None
    for found in (10, 7, 4, 1):
        answer = page(top=3, **({"after": after} if after else {}))
        assert answer["found"] == found
        seen += ids(answer)
        after = answer["next_after"]
    assert seen == PATIENTS
    assert after is None


def test_whoever_is_called_meanwhile_moves_nobody_off_the_next_page(
    anew: Client, fresh: Manned, page
) -> None:
    publish(anew)
    first = page(top=3)
    for one in first["patients"]:
        done = anew.post(
            f"/v1/worklist/{one['entry_id']}/actions", json={"kind": "contacted"},
            headers=fresh.header("ann"),
        )  # fmt: skip
        assert done.status_code == 201
    assert ids(page(top=3, after=first["next_after"])) == PATIENTS[3:6]


def test_a_list_that_was_published_meanwhile_is_begun_anew(anew: Client, page) -> None:
    publish(anew)
    after = page(top=3)["next_after"]
    publish(anew)
    answer = page(top=3, after=after)
    assert (answer["code"], answer["type"]) == (409, "urn:firstcall:problem:moved-on")
    assert page(top=3, after="2024-12-31.3:99")["code"] == 404


def test_waiting_lowers_nobody_in_the_order_of_risks(anew: Client, page) -> None:
    """By the risk over all days: of the few days left there is little, however ill somebody is."""
    left = [0.03, 0.05, 0.10, 0.02, None, 0.01, 0.02, 0.03, 0.04, None]
    all_days = [0.17, 0.05, 0.10, 0.02, None, 0.20, None, 0.03, 0.04, None]
    publish(anew, readmission_risk=left, readmission_all_days_risk=all_days)
    # .20, .17, .10, .05, .04, .03, then .02 twice by rank (one of a model without days), then none
    order = [5, 0, 2, 1, 8, 7, 3, 6, 4, 9]
    expected = [PATIENTS[n] for n in order]
    assert ids(page(order="readmission_risk")) == expected
    half = page(order="readmission_risk", top=4)
    rest = page(order="readmission_risk", top=9, after=half["next_after"])
    assert ids(half) + ids(rest) == expected


def test_a_part_of_an_id_finds_its_patients_before_the_page_is_cut(
    anew: Client, fresh: Manned
) -> None:
    publish(anew)
    service, sue = anew.app.state.service, Principal("sue", "supervisor")
    found = places(service, sue, Asked(top=1, named="Q07")).page
    assert ([one.patient_id for one in found.patients], found.found) == (["q07"], 1)
    assert places(service, sue, Asked(named="%")).page.found == 0
    with pytest.raises(Refused, match="sees no names"):  # the pseudonym of q07 would be told
        places(service, Principal("ida", "analyst"), Asked(named="q07"))
