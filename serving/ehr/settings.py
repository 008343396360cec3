"""What a site decides about its EHR side: `fhir` and `cds_clients` in service.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from data.sensitive_matters import Sensitive
from serving.access.signing_keys import SigningKeys, is_secure_url


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _uri(text: str) -> str:
    if not urlsplit(text).scheme or any(c.isspace() or c in '|<>"' for c in text):
        raise ValueError("must be an absolute URI, such as https://hospital.example/mrn")
    return text


def _secure(url: str) -> str:
    if not is_secure_url(url):
        raise ValueError("must be an https address (http on this very machine alone)")
    return url


Uri = Annotated[str, AfterValidator(_uri)]
SecureUrl = Annotated[str, AfterValidator(_secure)]


class FhirSettings(_Part):
    """How an EHR names our patients, and how it is told a risk.

    `patient_system`: the identifier system whose values are our patient ids. Without one, the id of
    the Patient resource is our patient id. With one it is not: another patient's id may look the
    same, so whoever asks names the identifier.

    `probability`: R4 says of probabilityDecimal in one place that it is a percentage (the comment
    of the element), and writes in another a fraction (its example of 2 % is 0.02). A fraction is
    the default; the words beside it always say per cent.
    """

    patient_system: Uri | None = None
    probability: Literal["fraction", "percent"] = "fraction"


class CdsClient(_Part):
    """An EHR that calls our CDS Hooks services, by the `issuer` of its tokens.

    `jwks_url` or `jwks_file`: where its public keys are. `tenants`: which of the issuer's tenants
    may call; empty: the issuer names none, or any. `patient_system`: as in FhirSettings, where this
    EHR's is another. `manager`: whose panel alone its users see; without one, everybody.
    `matters`: the sensitive matters that its users may see. `least_tier`: below which no card is
    shown, because cards that are always there are not read. `longest_seconds`: the longest life of
    a token; the specification names none, five minutes is the rule of SMART's backend services.
    """

    issuer: Annotated[str, Field(min_length=1, max_length=255)]
    jwks_url: SecureUrl | None = None
    jwks_file: Path | None = None
    tenants: tuple[str, ...] = ()
    patient_system: Uri | None = None
    manager: Annotated[int, Field(ge=1)] | None = None
    matters: tuple[Sensitive, ...] = ()
    least_tier: Literal["low", "moderate", "high"] = "low"
    longest_seconds: Annotated[int, Field(ge=30, le=3600)] = 300

    @model_validator(mode="after")
    def _says_where_its_keys_are(self) -> CdsClient:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("needs one of jwks_url and jwks_file")
        return self

    def keys(self) -> SigningKeys:
        """Its public keys, of which nothing is fetched yet."""
        if self.jwks_file is not None:
            return SigningKeys.in_file(self.jwks_file)
        assert self.jwks_url is not None  # one of the two is there
        return SigningKeys.at_url(self.jwks_url)
