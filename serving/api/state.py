"""What the routes of one worker share: settings, database, models, the record, and the way in."""

from __future__ import annotations

import gc
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from data.home import Home
from serving.access.accounts import NOBODY_YET, accounts, has_anybody, login_name
from serving.access.bearer import WayIn
from serving.access.code_flow import CodeFlow, secret_in
from serving.access.opaque_tokens import SERVICE, SESSION
from serving.access.open_id import IssuerUnreachableError, OpenId
from serving.access.passwords import BusyError, PasswordHashing
from serving.access.roles import NotSignedInError, Principal
from serving.access.session_cookie import session_of
from serving.access.sessions import sign_out
from serving.access.sign_in import SignedIn, sign_in
from serving.api.limits import Limiter
from serving.api.look_ups import LookUps
from serving.api.metrics import Metrics
from serving.api.problems import Refused
from serving.api.recording import Recorder
from serving.api.rules import Rule
from serving.batching import Batching
from serving.ehr.cds_services import addresses
from serving.ehr.cds_tokens import CdsTokens, ClientNotTrustedError
from serving.ehr.settings import CdsClient
from serving.models.in_use import InUse, ModelsInUse
from serving.models.strangers import (
    REAL,
    SAY_SO,
    made_on_strangers,
    origin_of_rows,
    refuse_strangers,
)
from serving.reading import read_request
from serving.settings import ServiceSettings
from serving.sight import Sight
from serving.store import consents
from serving.store.audit import Audit, AuditKey, Entry
from serving.store.database import Database, database_url
from serving.store.nights import Run, Store
from serving.store.seen_tokens import SeenTokensInDatabase

if TYPE_CHECKING:
    from fastapi import Request

    from serving.answer_schemas import ScoreAnswer
    from serving.answers import Scorer
    from serving.sent_rows import SentRows

_LOGGER = logging.getLogger("firstcall.service")

NOBODY = Principal("nobody", "service")
"""Whoever asks a route that is open to everybody."""
OLD_AFTER_DAYS = 3
"""A list that is made every night is older than this where nights have failed."""
NO_LIST = "no list has been published yet: run `firstcall nightly --as-of DAY`"
SILENT = "this service is silent: it scores and records, and shows nothing yet"


class Service:
    """One worker's share of the service over one FIRSTCALL_HOME."""

    def __init__(self, home: Home, settings: ServiceSettings) -> None:
        self.home = home
        self.settings = settings
        self.limiter = Limiter(settings.rates)
        self.metrics = Metrics()
        self.in_use = ModelsInUse(home, settings)
        self.open_id = OpenId(settings.open_id) if settings.open_id else None
        self.code_flow = self._way_to_provider(self.open_id)

    def start(self) -> None:
        """Opens the database and finds the models. Raises what the database says."""
        self.database = Database.open(database_url(self.home), answers=True)
        self.store = Store(self.database)
        self.key = AuditKey.of_home(self.home)
        self.audit = Audit(self.database, self.key)
        self.audit.begin()
        self.recorder = Recorder(self.audit)
        self.way_in = WayIn(self.database, self.settings.sign_in.sessions, self.open_id)
        self._look_ups = LookUps(self.way_in.principal_of)
        if self.open_id is None and not has_anybody(self.database):
            _LOGGER.warning(NOBODY_YET)
        self.hashing = PasswordHashing()
        self.seen_tokens = SeenTokensInDatabase(self.database)
        self._ehr = CdsTokens(self.settings.cds_clients, self.seen_tokens)
        self.in_use.start()
        self.next_step = self.in_use.next_steps.next_step
        self.batching = Batching(lambda body: read_request(body, self.today), self._answer_together)
        gc.collect()  # what is made at start stays: no later look for garbage goes through it
        gc.freeze()

    def stop(self) -> None:
        """Writes what is still to be recorded, and closes the database."""
        gc.unfreeze()
        self.batching.close()
        self.in_use.stop()
        self.recorder.close()
        self.database.close()

    def _way_to_provider(self, open_id: OpenId | None) -> CodeFlow | None:
        """How people sign in elsewhere from the page; None where that is not configured. Raises
        InputError where the secret for it cannot be read."""
        if open_id is None or (client := open_id.settings.client_id) is None:
            return None
        kept = open_id.settings.client_secret_file
        secret = secret_in(self.home.root / kept) if kept else None
        return CodeFlow(open_id, client, f"{self.settings.page_address}/sign-in/open-id", secret)

    def _answer_together(
        self, requests: Sequence[SentRows], sights: Sequence[Sight]
    ) -> list[ScoreAnswer]:
        """By one pair of models, which may score these rows (`serving.models.strangers`)."""
        scorer = self.scorer()
        if not self.settings.other_origin and made_on_strangers(scorer.models):
            for origin in {one.origin for one in requests}:
                refuse_strangers(scorer.models, origin_of_rows(self.home, origin), False, SAY_SO)
        return scorer.answer_together(requests, sights)

    @property
    def not_ready(self) -> str | None:
        """Why nothing can be scored; None where it can."""
        return None if self.in_use.current else self.in_use.why_not or "The service is starting."

    @property
    def models(self) -> dict[str, str]:
        """The versions of the models in use, by task."""
        return self.in_use.versions

    def using(self) -> InUse:
        """The pair of models that answers now: whoever asks takes it once. Raises Refused (503)
        while there is none."""
        current = self.in_use.current
        if current is None:
            raise Refused("not-ready", str(self.not_ready))
        return current

    def scorer(self) -> Scorer:
        """What scores now. Raises Refused (503) while nothing does."""
        return self.using().scorer

    @property
    def today(self) -> date:
        """The day in the site's time zone."""
        return datetime.now(UTC).astimezone(self.settings.zone).date()

    def published(self, principal: Principal) -> Run:
        """The run that readers see. Raises Refused (404) before the first night, and where the
        service is silent and the principal is not one of those who try it out."""
        if self.settings.silent and principal.role not in ("analyst", "admin"):
            raise Refused("not-found", SILENT)
        run = self.store.published()
        if run is None:
            raise Refused("not-found", NO_LIST)
        return run

    def warnings_of(self, run: Run) -> list[str]:
        """What has to be said of everybody on a run: its own warnings, and of real people also that
        it is old."""
        said = list(run.manifest.get("warnings", []))
        days = (self.today - run.as_of).days
        of_real_people = run.manifest.get("data", {}).get("origin") == REAL
        if days > OLD_AFTER_DAYS and of_real_people:
            said.append(f"this list is of {run.as_of}, {days} days ago: what is newer is not in it")
        return said + self._other_limits(run)

    def _other_limits(self, run: Run) -> list[str]:
        """What has to be said where the tiers of a run and those of a new score begin elsewhere,
        though the model is the same: the site has decided anew since one of them read it."""
        current = self.in_use.current
        if current is None:
            return []
        held = run.manifest.get("models", {})
        return [
            f"the tiers of this list begin at other risks of {task} than those of a new score: "
            "service.toml was changed, which the service reads as it starts, and a night as it runs"
            for task, model in current.scorer.models.by_task.items()
            if model.limits.differ_from(held.get(task, {}), model.version)
        ]

    def moment_of(self, run: Run) -> datetime:
        """By which moment (with its zone) calls are due or overdue: now. A list of people who are
        not real lies in the days of their data: of it that is 8:00 of the day that it is called by.
        """
        if not self.is_invented(run):
            return datetime.now(UTC)
        worked_on = date.fromisoformat(run.manifest["worked_on"])
        return datetime.combine(worked_on, time(8), self.settings.zone)

    def today_of(self, run: Run) -> date:
        """The day by which a deferred call is due, and the guideline's days are over: today. Of
        people who are not real it is the day that their list is called by."""
        if not self.is_invented(run):
            return self.today
        return self.moment_of(run).astimezone(self.settings.zone).date()

    def is_invented(self, run: Run) -> bool:
        """Whether the people of a list live in the days of their data; a list from before it was
        told on which day it is called by counts as one of real people."""
        of_real_people = run.manifest.get("data", {}).get("origin") == REAL
        return not of_real_people and "worked_on" in run.manifest

    def sign_in(self, name: str, password: str) -> SignedIn:
        """Opens a session. Raises NotSignedInError where name and password do not fit, Refused
        (503) where too many try at once."""
        try:
            return sign_in(self.database, name, password, self.hashing, self.settings.sign_in)
        except BusyError as error:
            raise Refused("not-ready", str(error), {"Retry-After": "2"}) from None

    def account_of(self, typed: str) -> str | None:
        """The account that a typed name is of, None where it is of none."""
        name = login_name(typed)
        return name if name and any(one.name == name for one in accounts(self.database)) else None

    def sign_out(self, authorization: str | None) -> None:
        """Ends the session whose token a header holds."""
        sign_out(self.database, (authorization or "").partition(" ")[2].strip())

    def base_url(self, request: Request) -> str:
        """Where programs reach this service: as the settings say, or as this one did."""
        return self.settings.public_url or str(request.base_url).rstrip("/")

    def cds_client_of(self, principal: Principal) -> CdsClient | None:
        """The configured EHR that a principal is; None of whoever came with a service token."""
        return next((c for c in self.settings.cds_clients if c.issuer == principal.name), None)

    def patient_system_of(self, principal: Principal) -> str | None:
        """The identifier system by which a principal names patients; None: by our own ids."""
        client = self.cds_client_of(principal)
        own = client.patient_system if client else None
        return own or self.settings.fhir.patient_system

    def _ehr_caller(self, request: Request) -> Principal:
        """The EHR that calls, by its own token, or a program with a service token of scope cds."""
        header = request.headers.get("authorization")
        if header and header.partition(" ")[2].strip().startswith((SERVICE, SESSION)):
            return self.way_in.principal_of(header)
        called = addresses(
            self.base_url(request),
            request.path_params.get("service_id"),
            request.url.path.endswith("/feedback"),
        )
        try:
            caller = self._ehr.caller(header, called)
        except ClientNotTrustedError as error:
            _LOGGER.warning("An EHR's call was refused: the token %s.", error.reason)
            raise NotSignedInError("The token is not one that this service takes.") from None
        client = caller.client
        request.state.tenant = caller.tenant
        return Principal(
            client.issuer, "service", client.manager, frozenset({"cds"}),
            frozenset(client.matters),
        )  # fmt: skip

    async def admit(self, request: Request, rule: Rule) -> Principal:
        """Who asks, if he may. Raises Refused: 401 without a valid session or token, 403 where the
        rule does not admit him, 429 where he asks too often."""
        address = request.client.host if request.client else "(no address)"
        if rule.is_open:
            if request.method == "POST":
                await self.limiter.signing_in(address)
            return NOBODY
        header = _shown(request, rule)
        try:
            if rule.by_ehr:
                principal = await to_thread.run_sync(self._ehr_caller, request)
            else:
                principal = await self._look_ups.principal_of(header)
        except IssuerUnreachableError as error:
            raise Refused("not-ready", str(error), {"Retry-After": "10"}) from None
        except NotSignedInError as error:
            await self.limiter.unknown(address)
            raise Refused("not-signed-in", str(error), {"WWW-Authenticate": "Bearer"}) from None
        await self.limiter.known(principal)
        request.state.principal = principal  # whoever is refused is recorded by name
        if not rule.permits(principal):
            raise Refused("not-permitted", "your role, or your token, may not do that")
        return principal

    def looked(
        self,
        principal: Principal,
        what: str,
        patients: Collection[str],
        run: Run | None = None,
        **detail: object,
    ) -> None:
        """Records a look at some patients, a row each, before they are shown. Raises Refused (503)
        where it cannot be recorded."""
        run_id = run.run_id if run else None
        models = self.models if run is None else models_of(run)
        about = {"models": models} | detail
        self.recorder.kept(
            [
                Entry(principal.name, principal.role, what, patient, run_id, about)
                for patient in patients
            ]
        )

    def sights(self, principal: Principal, patients: Sequence[str]) -> dict[str, Sight]:
        """What the principal may be shown of each of some patients."""
        on_consent = self.settings.on_consent
        given: dict[str, frozenset[str]] = {}
        if principal.matters.intersection(on_consent):
            with self.database.reading() as connection:
                given = consents.given(connection, patients)
        return {
            patient: Sight.of(principal.matters, given.get(patient, ()), on_consent)
            for patient in patients
        }


def _shown(request: Request, rule: Rule) -> str | None:
    """What a request shows of who asks: to a page its cookie, to everything else its header."""
    if not rule.by_cookie:
        return request.headers.get("authorization")
    session = session_of(request.cookies)
    return None if session is None else f"Bearer {session}"


def models_of(run: Run) -> dict[str, str]:
    """The versions of the models that a run was made with, by task."""
    return versions_of(run.manifest)


def versions_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The same of a run's manifest."""
    return {task: about["version"] for task, about in manifest.get("models", {}).items()}
