"""What a kill at any moment of a night leaves behind: last night's list, whole, on both databases.

A process of its own writes the night and kills itself with SIGKILL. Moments are counted: BEGIN (on
PostgreSQL a setting), the run's row, then scores, reasons and list in two batches each, the panels,
the pointer in two statements, and as the twelfth the commit itself. A draw is one more, the ninth.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from data.errors import RefusalError
from tests.serving.a_night import NIGHT, a_night

ROOT = Path(__file__).resolve().parents[3]
ALL = 14


def moments(store, draw=False):
    """How many there are: on PostgreSQL one more, since panels wait for each other."""
    return 13 + store.database.is_postgresql + draw


WRITER = textwrap.dedent(
    """
    import os, signal, sys
    import sqlalchemy as sa
    from serving.store import Store, bulk_load
    from serving.store.database import Database
    from tests.serving.a_night import NIGHT, a_night, drawn

    bulk_load.BATCH = 2
    seen = 0

    def night(url, moment, draw):
        store = Store(Database.open(url))
        with store.night():
            run_id = store.start(NIGHT)

            def die(*_):
                global seen
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            def copied(part, whole=bulk_load.copied):  # a piece of a COPY is no statement
                die()
                return whole(part)

            bulk_load.copied = copied
            sa.event.listen(store.database._engine, "before_cursor_execute", die)
            sa.event.listen(store.database._engine, "commit", die)
            store.publish(run_id, *a_night("x", "y", "z"), drawn(x="in") if draw else None)
            return seen

    for line in sys.stdin:
        url, moment, draw = line.rstrip("\\n").split("\\t")
        process = os.fork()
        if process == 0:
            os._exit(night(url, int(moment), draw == "True"))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    """
)


@pytest.fixture(scope="module")
def writer():
    """Writes a night of x, y and z in a process that dies at a moment (0: it lives). Gives its exit
    code: that of the signal, or how many moments there were."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    def write(database, moment=0, draw=False):
        url = database._engine.url.render_as_string(hide_password=False)
        process.stdin.write(f"{url}\t{moment}\t{draw}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:
        yield write
        process.stdin.close()


@contextmanager
def night_of(store):
    """The right to write a night, as soon as PostgreSQL has noticed who died."""
    for _ in range(600):
        try:
            with store.night():
                yield
            return
        except RefusalError:
            time.sleep(0.05)
    raise AssertionError("the dead night holds its right for ever")


def published_patients(store):
    return [row["patient_id"] for row in store.worklist(store.published().run_id)]


def rows(store, *tables):
    with store.database.reading() as connection:
        counts = [connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in tables]
    return dict(zip(tables, counts, strict=True))


@pytest.mark.parametrize("moment", range(1, ALL + 1))
def test_a_night_killed_at_any_moment_leaves_last_nights_list(store, writer, moment):
    store.publish(store.start(NIGHT), *a_night("old"))
    assert writer(store.database, min(moment, moments(store))) == -signal.SIGKILL
    assert published_patients(store) == ["old"]
    assert rows(store, "score", "reason", "worklist", "assignment") == {
        "score": 1, "reason": 1, "worklist": 1, "assignment": 1
    }  # fmt: skip
    with night_of(store):  # the dead night holds no right any more
        store.publish(store.start(NIGHT), *a_night("next"))
    assert published_patients(store) == ["next"]
    assert [run.status for run in store.runs()] == ["published", "abandoned", "published"]


@pytest.mark.parametrize("moment", [9, 10, ALL + 1])
def test_allocations_are_published_with_their_list_or_not_at_all(store, writer, moment):
    store.publish(store.start(NIGHT), *a_night("old"))
    assert writer(store.database, min(moment, moments(store, True)), draw=True) == -signal.SIGKILL
    assert published_patients(store) == ["old"]
    assert rows(store, "allocation") == {"allocation": 0}


def test_the_killed_moments_reach_up_to_the_commit(store, writer):
    assert writer(store.database) == moments(store)
    assert published_patients(store) == ["x", "y", "z"]
    assert writer(store.database, draw=True) == moments(store, draw=True)
    assert rows(store, "allocation") == {"allocation": 1}
