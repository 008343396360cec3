"""The BentoML service: `serving.api` mounted, everything else of the framework closed or quiet."""

from __future__ import annotations

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml

from data.home import Home
from serving.api import create_app


@bentoml.service(
    name="firstcall",
    workers=1,
    traffic={"timeout": 120},
    http={"host": "127.0.0.1"},  # pyright: ignore[reportArgumentType]
    # The framework's access log and metric labels hold the path, and a path holds a patient's id.
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
    envs=[{"name": "BENTOML_DO_NOT_TRACK", "value": "True"}],
)
@bentoml.asgi_app(create_app(Home.from_environment()), path="/")
class Firstcall:
    """Tells a case manager whom to call first, and why."""
