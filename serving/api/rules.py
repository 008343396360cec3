"""Who may ask what: one rule a route. A route without a rule is answered to nobody."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import Request
from fastapi.routing import APIRoute

from serving.access.roles import ROLES, Principal, Role
from serving.api.bodies import EHR_BODY, LARGEST_BODY, SMALL_BODY, bounded
from serving.api.looks import refused_at
from serving.api.problems import Refused

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.responses import Response

    from serving.api.state import Service


@dataclass(frozen=True)
class Rule:
    """Who may use one route.

    `roles` are those who may; a service token also needs `scope`. `own_panel` says that a case
    manager is answered about the patients of his own panel alone; everybody else whom the rule
    admits is answered about all. `is_open` is for everybody, signed in or not; `by_ehr` is for
    EHRs, which come with a token of their own. `body` is how many bytes a request may bring.
    `of_patients` says that the route tells of patients: a refusal of it is a look that was denied,
    and stands in the record. `by_cookie` is for pages: who asks is told by the session's cookie and
    by nothing else, as nothing but a page is answered to a cookie.
    """

    roles: frozenset[Role] = frozenset()
    scope: str | None = None
    own_panel: bool = False
    is_open: bool = False
    by_ehr: bool = False
    body: int = SMALL_BODY
    of_patients: bool = False
    by_cookie: bool = False

    def permits(self, principal: Principal) -> bool:
        """Whether somebody who is signed in may use the route, whoever the patient is."""
        if self.is_open:
            return True
        if principal.role == "service" and self.scope is not None:
            return self.scope in principal.scopes
        return principal.role in self.roles


def _for(*roles: Role, scope: str | None = None, body: int = SMALL_BODY) -> Rule:
    return Rule(frozenset(roles), scope, body=body)


def _of_patients(*roles: Role, scope: str, own_panel: bool = True) -> Rule:
    return Rule(frozenset(roles), scope, own_panel, of_patients=True)


def _by_ehr(body: int = SMALL_BODY, of_patients: bool = False) -> Rule:
    return Rule(scope="cds", by_ehr=True, body=body, of_patients=of_patients)


OPEN = Rule(is_open=True)
SIGNED_IN = Rule(frozenset(ROLES))
"""For whoever is signed in, whatever he may do."""
EVERYBODY: tuple[Role, ...] = ("case_manager", "supervisor", "analyst", "admin")

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/health"): OPEN,
    ("POST", "/v1/sign-in"): OPEN,
    ("POST", "/v1/sign-out"): _for(*EVERYBODY),
    ("GET", "/v1/me"): SIGNED_IN,
    ("GET", "/openapi.json"): SIGNED_IN,
    ("POST", "/v1/score"): _for("analyst", scope="score", body=LARGEST_BODY),
    ("GET", "/v1/patients"): _of_patients("case_manager", "supervisor", scope="patients"),
    ("GET", "/v1/patients/{patient_id}"): _of_patients(
        "case_manager", "supervisor", scope="patients"
    ),
    ("GET", "/v1/patients/{patient_id}/evidence"): _of_patients(
        "case_manager", "supervisor", scope="patients"
    ),
    ("POST", "/v1/patients/{patient_id}/rescore"): _of_patients(
        "case_manager", "supervisor", scope="patients"
    ),
    ("GET", "/v1/worklist"): _of_patients(
        "case_manager", "supervisor", "analyst", scope="worklist"
    ),
    ("POST", "/v1/worklist/{entry_id}/actions"): _of_patients(
        "case_manager", "supervisor", scope="actions"
    ),
    ("POST", "/v1/panel-moves"): _of_patients("supervisor", scope="team", own_panel=False),
    ("POST", "/v1/panel-moves/{move_id}/undo"): _of_patients(
        "supervisor", scope="team", own_panel=False
    ),
    ("GET", "/v1/team"): _for("supervisor", scope="team"),
    ("GET", "/v1/team/unlisted"): _of_patients("supervisor", scope="team", own_panel=False),
    ("GET", "/v1/runs"): _for("supervisor", "analyst", "admin", scope="runs"),
    ("GET", "/v1/model"): _for(*EVERYBODY, scope="runs"),
    ("GET", "/v1/metrics"): _for("admin", scope="metrics"),
    ("GET", "/fhir/R4/metadata"): _for("supervisor", "admin", scope="fhir"),
    ("GET", "/fhir/R4/RiskAssessment"): _of_patients("supervisor", scope="fhir", own_panel=False),
    ("POST", "/fhir/R4/RiskAssessment/_search"): _of_patients(
        "supervisor", scope="fhir", own_panel=False
    ),
    ("GET", "/cds-services"): _by_ehr(),
    ("POST", "/cds-services/{service_id}"): _by_ehr(EHR_BODY, of_patients=True),
    ("POST", "/cds-services/{service_id}/feedback"): _by_ehr(EHR_BODY),
}
"""By method and path template. An admin looks after the service and sees no patient."""


Rules = Mapping[tuple[str, str], Rule]


def rule_of(method: str, path: str) -> Rule | None:
    """The rule of a route of the API; None where it has none, so that nobody may use it."""
    return RULES.get((method, path))


class GuardedRoute(APIRoute):
    """A route that is answered only after its rule was asked, before any of the body is read; of
    which no more than the rule allows is read, nor for longer than BODY_SECONDS. A look that it
    denies is recorded before it is refused."""

    rules: ClassVar[Rules] = RULES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = self.unguarded_handler()
        (method,) = sorted(self.methods or ())
        rule = self.rules.get((method, self.path))
        if rule is None:
            raise ValueError(f"{method} {self.path} has no rule")

        async def admitted(request: Request) -> Response:
            service: Service = request.app.state.service
            request.state.principal = await service.admit(request, rule)
            said = request.headers.get("content-length")
            receive = bounded(request.receive, rule.body, said)
            return await handler(Request(request.scope, receive))

        async def guarded(request: Request) -> Response:
            try:
                return await admitted(request)
            except Refused as refused:
                if rule.of_patients:
                    await refused_at(request, f"{method} {self.path}", refused)
                raise

        return guarded

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request once it is admitted."""
        return super().get_route_handler()


def refuse_without_rules(app: FastAPI, rules: Rules = RULES) -> None:
    """Raises ValueError where a route of the app is not guarded, or a rule has no route."""
    found = set()
    for route in app.routes:
        if getattr(route, "include_in_schema", False) and not isinstance(route, GuardedRoute):
            raise ValueError(f"{getattr(route, 'path', route)} is not guarded")
        if isinstance(route, GuardedRoute):
            found.update((method, route.path) for method in route.methods or ())
    if lacking := sorted(set(rules) - found):
        raise ValueError(f"rules without a route: {lacking}")


def whose_panel(principal: Principal, asked: int | None, refusal: str) -> int | None:
    """Whose panel a question is about: that which was asked for, of a case manager his own alone.
    Raises Refused, in the words of `refusal`, where he asks for another."""
    if principal.role != "case_manager":
        return asked
    if asked not in (None, principal.manager):
        raise Refused("not-in-panel", refusal)
    return principal.manager


def may_ask_about(rule: Rule, principal: Principal, manager: int | None) -> None:
    """Raises Refused where a case manager asks about somebody outside his own panel. `manager` is
    the number of whoever has the patient, None where nobody has him or nobody of that id is known:
    both are refused in the same words."""
    if (
        rule.own_panel
        and principal.role == "case_manager"
        and (manager is None or manager != principal.manager)
    ):
        raise Refused("not-in-panel", "the patient is not in your panel")
