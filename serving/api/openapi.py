"""The service's own description: OpenAPI, told to whoever is signed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from serving.api import ehr_examples
from serving.api.problems import PROBLEMS, Problem, problem
from serving.api.rules import GuardedRoute, rule_of

router = APIRouter(route_class=GuardedRoute, tags=["operators"])

_REFERENCE = "#/components/schemas/{model}"
_EXAMPLE_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """How to ask this service, for programs."""
    return JSONResponse(described(request.app))


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app: its routes, with every kind of problem, an example each,
    and how to sign in."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, openapi_version="3.1.0", summary=app.summary,
            description=app.description, routes=app.routes,
        )  # fmt: skip
        schemas = found["components"]["schemas"]
        told = Problem.model_json_schema(ref_template=_REFERENCE)
        schemas.update(told.pop("$defs", {}))
        schemas["Problem"] = told
        schemas.update(ehr_examples.schemas())
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        found["components"]["securitySchemes"] = {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "the token of a session (POST /v1/sign-in), of a program "
                               "(`firstcall token add`), or of the site's identity provider",
            }
        }  # fmt: skip
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                _complete(operation, method.upper(), path)
        app.openapi_schema = found
    return app.openapi_schema


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    rule = rule_of(method, path)
    if rule is not None and not rule.is_open:
        operation["security"] = [{"bearer": []}]
        operation["description"] = f"{operation.get('description', '')}\n\n{_who(rule)}".strip()
    if path.startswith("/fhir/"):  # there errors come in FHIR's own form
        refusals = ehr_examples.fhir_refusals()
    else:
        statuses = sorted({status for status, _ in PROBLEMS.values()})
        refusals = {str(status): _response(status) for status in statuses}
    operation["responses"] |= refusals


def _who(rule: Any) -> str:
    roles = ", ".join(sorted(role.replace("_", " ") for role in rule.roles))
    said = f"For: {roles}" if roles else "For: EHRs with a token of their own"
    if rule.scope:
        said += f"; service tokens of scope `{rule.scope}`"
    return f"{said}{' (a case manager: own panel alone)' if rule.own_panel else ''}."


def _response(status: int) -> dict[str, Any]:
    kinds = [kind for kind, (of, _) in PROBLEMS.items() if of == status]
    return {
        "description": "; ".join(PROBLEMS[kind][1] for kind in kinds),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": _REFERENCE.format(model="Problem")},
                "examples": {
                    kind: {"value": problem(kind, status, PROBLEMS[kind][1], _EXAMPLE_ID)
                           .model_dump()}
                    for kind in kinds
                },
            }
        },
    }  # fmt: skip
