"""Who may ask what: one rule a route. A route without a rule is answered to nobody."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

from serving.access.roles import ROLES, Principal, Role
from serving.api.problems import Refused

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response

    from serving.api.state import Service


@dataclass(frozen=True)
class Rule:
    """Who may use one route.

    `roles` are those who may; a service token also needs `scope`. `own_panel` says that a case
    manager is answered about the patients of his own panel alone; everybody else whom the rule
    admits is answered about all. `is_open` is for everybody, signed in or not; `by_ehr` is for
    EHRs, which come with a token of their own.
    """

    roles: frozenset[Role] = frozenset()
    scope: str | None = None
    own_panel: bool = False
    is_open: bool = False
    by_ehr: bool = False

    def permits(self, principal: Principal) -> bool:
        """Whether somebody who is signed in may use the route, whoever the patient is."""
        if self.is_open:
            return True
        if principal.role == "service" and self.scope is not None:
            return self.scope in principal.scopes
        return principal.role in self.roles


def _for(*roles: Role, scope: str | None = None, own_panel: bool = False) -> Rule:
    return Rule(frozenset(roles), scope, own_panel)


OPEN = Rule(is_open=True)
SIGNED_IN = Rule(frozenset(ROLES))
"""For whoever is signed in, whatever he may do."""
EVERYBODY: tuple[Role, ...] = ("case_manager", "supervisor", "analyst", "admin")

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/health"): OPEN,
    ("POST", "/v1/sign-in"): OPEN,
    ("POST", "/v1/sign-out"): _for(*EVERYBODY),
    ("GET", "/v1/me"): _for(*EVERYBODY, scope="worklist"),
    ("GET", "/openapi.json"): _for(*EVERYBODY, scope="score"),
    ("POST", "/v1/score"): _for("analyst", scope="score"),
    ("GET", "/v1/patients"): _for("case_manager", "supervisor", scope="patients", own_panel=True),
    ("GET", "/v1/patients/{patient_id}"): _for(
        "case_manager", "supervisor", scope="patients", own_panel=True
    ),
    ("GET", "/v1/patients/{patient_id}/evidence"): _for(
        "case_manager", "supervisor", scope="patients", own_panel=True
    ),
    ("POST", "/v1/patients/{patient_id}/rescore"): _for(
        "case_manager", "supervisor", scope="patients", own_panel=True
    ),
    ("GET", "/v1/worklist"): _for(
        "case_manager", "supervisor", "analyst", scope="worklist", own_panel=True
    ),
    ("POST", "/v1/worklist/{entry_id}/actions"): _for(
        "case_manager", "supervisor", scope="actions", own_panel=True
    ),
    ("GET", "/v1/runs"): _for("supervisor", "analyst", "admin", scope="runs"),
    ("GET", "/v1/model"): _for(*EVERYBODY, scope="runs"),
    ("GET", "/v1/metrics"): _for("admin", scope="metrics"),
    ("GET", "/fhir/R4/metadata"): _for("supervisor", "admin", scope="fhir"),
    ("GET", "/fhir/R4/RiskAssessment"): _for("supervisor", scope="fhir"),
    ("POST", "/fhir/R4/RiskAssessment/_search"): _for("supervisor", scope="fhir"),
    ("GET", "/cds-services"): Rule(scope="cds", by_ehr=True),
    ("POST", "/cds-services/{service_id}"): Rule(scope="cds", by_ehr=True),
    ("POST", "/cds-services/{service_id}/feedback"): Rule(scope="cds", by_ehr=True),
}
"""By method and path template. An admin makes accounts and sees no patient."""


def rule_of(method: str, path: str) -> Rule | None:
    """The rule of a route; None where it has none, so that nobody may use it."""
    return RULES.get((method, path))


class GuardedRoute(APIRoute):
    """A route that is answered only after its rule was asked, before any of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = self.unguarded_handler()
        (method,) = sorted(self.methods or ())
        rule = rule_of(method, self.path)
        if rule is None:
            raise ValueError(f"{method} {self.path} has no rule in serving.api.rules")

        async def guarded(request: Request) -> Response:
            service: Service = request.app.state.service
            request.state.principal = await service.admit(request, rule)
            return await handler(request)

        return guarded

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request once it is admitted."""
        return super().get_route_handler()


def refuse_without_rules(app: FastAPI) -> None:
    """Raises ValueError where a route of the app is not guarded, or a rule has no route."""
    found = set()
    for route in app.routes:
        if getattr(route, "include_in_schema", False) and not isinstance(route, GuardedRoute):
            raise ValueError(f"{getattr(route, 'path', route)} is not guarded")
        if isinstance(route, GuardedRoute):
            found.update((method, route.path) for method in route.methods or ())
    if lacking := sorted(set(RULES) - found):
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
