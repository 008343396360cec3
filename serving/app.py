"""The whole service: the API and the pages beside it."""

from __future__ import annotations

from fastapi import FastAPI

from data.home import Home
from serving.api import app as api
from serving.pages.figures import figures
from serving.pages.my_list import my_list
from serving.pages.problem_pages import form, is_asked
from serving.pages.rules import PAGE_RULES
from serving.pages.sign_in import sign_in
from serving.pages.static import static
from serving.settings import ServiceSettings


def create_app(home: Home, settings: ServiceSettings | None = None) -> FastAPI:
    """The service over one FIRSTCALL_HOME. Raises InputError where its settings are wrong."""
    routes = [one for room in (static, sign_in, my_list, figures) for one in room.routes]
    return api.create_app(home, settings, api.Beside(routes, PAGE_RULES, form, is_asked))
