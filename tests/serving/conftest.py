import pytest

from data.home import Home
from serving.store import Store
from tests.serving.a_night import NIGHT, a_night
from tests.serving.quick import write_quick_model


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
