"""What a site decides about its service: FIRSTCALL_HOME/service.toml, read whole at start.

Every setting has a default; a file that holds anything else than settings is refused by name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from data.errors import InputError
from data.home import Home
from serving.access.open_id import OpenIdSettings
from serving.access.sign_in import SignInSettings
from serving.access.signing_keys import is_secure_url
from serving.access.time_zones import NO_ZONE, time_zone
from serving.ehr.settings import CdsClient, FhirSettings
from serving.list_settings import WorklistSettings
from serving.sight import ON_CONSENT
from serving.store.standings import Rules

FILE = "service.toml"


def _zone(name: str) -> str:
    zone = time_zone(name)
    if zone is None:
        raise ValueError(NO_ZONE)
    return zone


def _address(url: str | None) -> str | None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError("must be an address that begins with https:// or http://")
    return None if url is None else url.rstrip("/")


def _registry(uri: str) -> str:
    """Models come in by it, and a token goes out: nobody on the way may read or change either."""
    try:
        parts = urlsplit(uri)
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    except ValueError:
        parts = plain = urlsplit("")
    if not is_secure_url(plain.geturl()):
        raise ValueError(
            "must be the https address of an MLflow server (http on this very machine alone)"
        )
    if "?" in uri or "#" in uri:
        raise ValueError("must be an address without ? and #: paths are appended to it")
    return uri.rstrip("/")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateLimits(_Part):
    """Requests a minute and worker: of one person, of one service token or EHR, and of one address
    that is not signed in; its sign-ins are counted apart."""

    person_per_minute: Annotated[int, Field(ge=1)] = 600
    service_per_minute: Annotated[int, Field(ge=1)] = 60_000
    unknown_per_minute: Annotated[int, Field(ge=1)] = 120


class RegistrySettings(_Part):
    """An MLflow server whose registry is asked for a newly promoted model: where (https, or http on
    this very machine), under which alias, and how often. The readmission model is called
    firstcall-readmission there. `token_file` is a path from the home; what it holds is sent as a
    bearer token."""

    uri: Annotated[str, AfterValidator(_registry)]
    alias: str = "champion"
    every_seconds: Annotated[int, Field(ge=1)] = 60
    token_file: str | None = None


class ServiceSettings(_Part):
    """All settings of one service.

    `silent`: scores and records, and shows nothing to case managers, supervisors and EHRs.
    `other_origin`: models that were trained on invented or public synthetic data may score real
    people. `time_zone`: whose day "today" is, and whose times whoever has no zone of his own is
    told. `on_consent`: sensitive matters that are shown on the
    patient's consent alone. `public_url`: where programs reach this service, through whatever
    proxy; `page_url`: where people open the page, for links, and whereto the identity provider
    leads back (else `public_url`). `worklist` is about whom the list
    holds, with whom, and by when he is to be called; `sign_in` about accounts of this service,
    `open_id` about the site's identity provider, `fhir` and `cds_clients` about EHRs.
    """

    silent: bool = False
    other_origin: bool = False
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    public_url: Annotated[str | None, AfterValidator(_address)] = None
    page_url: Annotated[str | None, AfterValidator(_address)] = None
    on_consent: tuple[
        Literal["mental health", "substance use", "HIV", "reproductive health", "violence"], ...
    ] = ON_CONSENT
    rates: RateLimits = RateLimits()
    sign_in: SignInSettings = SignInSettings()
    open_id: OpenIdSettings | None = None
    fhir: FhirSettings = FhirSettings()
    cds_clients: tuple[CdsClient, ...] = ()
    registry: RegistrySettings | None = None
    worklist: WorklistSettings = WorklistSettings()

    @model_validator(mode="after")
    def _can_be_led_back_to(self) -> Self:
        if self.open_id is None or self.open_id.client_id is None:
            return self
        name = "page_url" if self.page_url or not self.public_url else "public_url"
        place = self.page_address
        if place is None:
            raise ValueError("page_url must say where people open the page, for open_id.client_id")
        if not is_secure_url(place) or urlsplit(place)[2:] != ("", "", ""):
            raise ValueError(
                f"{name} must be an https address without a path (http on this very machine alone),"
                " for open_id.client_id"
            )
        return self

    @property
    def page_address(self) -> str | None:
        """Where people open the pages; None where no setting says so."""
        return self.page_url or self.public_url

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def rules(self) -> Rules:
        """By which the site tells where patients stand."""
        return Rules(self.worklist.guidelines, self.zone)


def read_settings(home: Home) -> ServiceSettings:
    """The settings of a home; the defaults where it has no file.

    Raises InputError with the first thing that is wrong: "service.toml: rates.person_per_minute
    must be at least 1 (Input should be greater than or equal to 1)."
    """
    file = home.root / FILE
    if not file.exists():
        return ServiceSettings()
    return settings_of(_read(file))


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{FILE} cannot be read as TOML: {error}.") from None


def settings_of(told: dict[str, Any]) -> ServiceSettings:
    """Settings from what a file held. Raises InputError (see `read_settings`)."""
    try:
        return ServiceSettings.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        said = "is no setting" if first["type"] == "extra_forbidden" else said[0].lower() + said[1:]
        raise InputError(": ".join(part for part in (FILE, place, f"{said}.") if part)) from None
