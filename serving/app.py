"""The whole service: the API and the pages beside it."""

from __future__ import annotations

from fastapi import FastAPI

from data.home import Home
from serving.api import app as api
from serving.pages.evidence import evidence
from serving.pages.figures import figures
from serving.pages.my_list import my_list
from serving.pages.own_account import own_account
from serving.pages.panel_moves import moves
from serving.pages.patient import patient
from serving.pages.problem_pages import form, is_asked
from serving.pages.provider_sign_in import provider_sign_in
from serving.pages.rules import PAGE_RULES
from serving.pages.sign_in import sign_in
from serving.pages.static import static
from serving.pages.team import team
from serving.settings import ServiceSettings


def create_app(home: Home, settings: ServiceSettings | None = None) -> FastAPI:
    """The service over one FIRSTCALL_HOME. Raises InputError where its settings are wrong."""
    rooms = (
        static, sign_in, provider_sign_in, own_account, my_list, patient, evidence, team, moves,
        figures,
    )  # fmt: skip
    routes = [one for room in rooms for one in room.routes]
    return api.create_app(home, settings, api.Beside(routes, PAGE_RULES, form, is_asked))
