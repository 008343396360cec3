import gc
from collections.abc import Iterator
from functools import partial
from unittest.mock import Mock

import pytest
from argon2 import PasswordHasher

from data.home import Home
from serving.access import passwords
from serving.api import state
from serving.store import Store
from tests.serving.a_night import NIGHT, a_night
from tests.serving.quick import write_quick_model


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """argon2id at its cheapest wherever the code hashes as in real use: hundreds of tests make
    accounts. `tests.serving.access.test_passwords` shows the parameters of real use."""
    cheapest = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", cheapest)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_look_for_garbage_at_a_start() -> Iterator[None]:
    """A service looks for garbage once it has started: in this process through all that pytest
    holds, and hundreds of them start. Services in processes of their own do look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "gc", Mock(spec=gc))
        yield


@pytest.fixture(scope="session")
def quick_home(tmp_path_factory):
    """A home with two quick models and one published night of the people "a" and "b"."""
    home = Home(tmp_path_factory.mktemp("quick") / "home")
    for task in ("readmission", "high-cost"):
        write_quick_model(home.models / task, task)
    store = Store.of_home(home)
    scores, reasons, entries, manifest, known = a_night("a", "b")
    manifest |= {"capacity": {"managers": 1, "slots": 2}, "warnings": []}
    store.publish(store.start(NIGHT), scores, reasons, entries, manifest, known)
    store.close()
    return home
