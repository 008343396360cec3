"""The BentoML service: `serving.api` mounted, everything else of the framework closed or quiet."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml

from data.errors import InputError
from data.home import Home
from serving.api import create_app


def _served_home() -> Home:
    """The home that FIRSTCALL_HOME names. Ends the process where it names none, or one within a
    Bento: the patient database would be written there, and sent along with it."""
    home, code = Home.from_environment(), Path(__file__).resolve().parents[1]
    in_bento = (code.parent / "bento.yaml").is_file()
    if not os.environ.get("FIRSTCALL_HOME"):
        wrong = "FIRSTCALL_HOME is not set: name the folder that holds the models and the list."
    elif in_bento and home.root.is_relative_to(code.parent):
        wrong = "FIRSTCALL_HOME lies within the Bento: name a folder outside it."
    else:
        if in_bento:  # compiled loops would be kept beside the code
            os.environ.setdefault("NUMBA_CACHE_DIR", str(home.root / "compiled"))
        return home
    sys.stderr.write(f"firstcall: {wrong}\n")
    raise SystemExit(InputError.exit_code)


os.umask(0o077)  # what is written names patients: it is for this account only


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
@bentoml.asgi_app(create_app(_served_home()), path="/")
class Firstcall:
    """Tells a case manager whom to call first, and why."""
