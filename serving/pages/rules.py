"""Who may open which page: as the API's rules say of what the page shows, by the session's cookie.

A page that shows what a route of the API answers takes that route's rule, so that no page opens
what the API keeps shut.
"""

from __future__ import annotations

from dataclasses import replace

from serving.access.roles import Role
from serving.api.rules import OPEN, RULES, Rule, Rules


def _as(method: str, path: str, *without: Role) -> Rule:
    """The rule of a route of the API for a page; the page is not for the roles `without`."""
    rule = RULES[method, path]
    return replace(rule, by_cookie=True, scope=None, roles=rule.roles.difference(without))


_OPEN = replace(OPEN, by_cookie=True)

PAGE_RULES: Rules = {
    ("GET", "/"): _as("GET", "/v1/worklist", "analyst"),  # a page of names
    ("POST", "/list/{entry_id}/actions"): _as("POST", "/v1/worklist/{entry_id}/actions"),
    ("GET", "/patients/{patient_id}"): _as("GET", "/v1/patients/{patient_id}"),
    ("GET", "/patients/{patient_id}/evidence"): _as("GET", "/v1/patients/{patient_id}/evidence"),
    ("POST", "/patients/{patient_id}/actions"): _as("POST", "/v1/worklist/{entry_id}/actions"),
    ("GET", "/team"): replace(
        _as("GET", "/v1/worklist", "analyst", "case_manager"), own_panel=False
    ),
    ("GET", "/team/unlisted"): _as("GET", "/v1/team/unlisted"),
    ("POST", "/team/moves"): _as("POST", "/v1/panel-moves"),
    ("POST", "/team/moves/{move_id}/undo"): _as("POST", "/v1/panel-moves/{move_id}/undo"),
    ("GET", "/model"): _as("GET", "/v1/model"),
    ("GET", "/runs"): _as("GET", "/v1/runs"),
    ("GET", "/account"): _as("GET", "/v1/me"),
    ("POST", "/account"): _as("GET", "/v1/me"),
    ("GET", "/sign-in"): _OPEN,
    ("POST", "/sign-in"): _OPEN,
    ("GET", "/sign-in/open-id"): _OPEN,
    ("POST", "/sign-in/open-id"): _OPEN,
    ("POST", "/sign-out"): _as("POST", "/v1/sign-out"),
    ("GET", "/static/{name}"): _OPEN,
}
"""By method and path template."""
