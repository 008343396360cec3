"""Signing in and out over HTTP, and who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from serving.access import sign_in as access
from serving.access.roles import NotSignedInError, Principal
from serving.api.problems import Refused
from serving.api.rules import GuardedRoute
from serving.api.state import Service
from serving.store.audit import Entry

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["sign-in"])


class SignIn(BaseModel):
    """Name and password of an account of this service."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["r.gomez"])]
    password: Annotated[
        SecretStr, Field(min_length=1, max_length=1000, examples=["correct horse battery staple"])
    ]


class SignedIn(BaseModel):
    """A session: send `Authorization: Bearer <token>` with every request."""

    token: Annotated[str, Field(examples=["fcs_2c1b…"])]
    until: Annotated[
        datetime, Field(description="when it ends in any case", examples=["2025-01-02T20:00:00Z"])
    ]


class Me(BaseModel):
    """Who is asking."""

    name: Annotated[str, Field(examples=["r.gomez"])]
    role: Annotated[str, Field(examples=["case_manager"])]
    manager: Annotated[int | None, Field(description="whose panel is his own", examples=[2])]
    scopes: Annotated[list[str], Field(description="of a service token", examples=[[]])]
    matters: Annotated[
        list[str], Field(description="sensitive matters that may be seen", examples=[[]])
    ]


@router.post("/sign-in")
async def sign_in(request: Request, body: SignIn) -> SignedIn:
    """Open a session with name and password. Open; too many wrong passwords lock the account."""
    service: Service = request.app.state.service
    await service.limiter.account(body.name)
    done = await to_thread.run_sync(signed_in, service, body.name, body.password.get_secret_value())
    return SignedIn(token=done.token, until=done.until)


def signed_in(service: Service, name: str, password: str) -> access.SignedIn:
    """Opens a session, and records that, or that it was refused. Raises Refused."""
    try:
        done = service.sign_in(name, password)
    except NotSignedInError as error:
        whose = service.account_of(name)  # what else was typed may be a password
        service.recorder.kept([Entry("nobody", "", "sign-in refused", detail={"account": whose})])
        raise Refused("not-signed-in", str(error)) from None
    account = done.account
    service.recorder.kept([Entry(account.name, account.role, "sign-in")])
    return done


@router.post("/sign-out", status_code=204)
def sign_out(request: Request) -> Response:
    """End the session that the request came with; a service token stays."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    service.sign_out(request.headers.get("authorization"))
    service.recorder.kept([Entry(principal.name, principal.role, "sign-out")])
    return Response(status_code=204)


@router.get("/me")
def me(request: Request) -> Me:
    """Who one is, as the service sees it."""
    principal: Principal = request.state.principal
    return Me(
        name=principal.name,
        role=principal.role,
        manager=principal.manager,
        scopes=sorted(principal.scopes),
        matters=sorted(principal.matters),
    )
