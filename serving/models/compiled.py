"""The compiled loops, made once where they are not kept from before: beside the start of the
workers, which wait for them, in place of within each. They take some fifteen seconds, so two
processes share them: the features' loop, which is most of it, and the rest.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING

from data.home import Home
from serving.models.placed import Placed

if TYPE_CHECKING:
    import pandas as pd

    from features.history import Histories

_CODE = Path(__file__).resolve().parents[2]
_LOCK = ".compiling"
_FEATURES, _REST = "features", "rest"


def begin_compiling(home: Home, placed: Placed) -> list[subprocess.Popen[bytes]]:
    """Starts to compile what is not kept from before, in processes of their own, which hold the
    turn until they have done. What goes wrong there each worker meets, and tells, itself."""
    marks = {part: _mark(part) for part in (_FEATURES, _REST)}
    if all(mark.exists() for mark in marks.values()):
        return []
    folders = [f"{task}={folder.absolute()}" for task, folder in placed.folders.items()]
    running: list[subprocess.Popen[bytes]] = []
    with _lock(home) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for part, mark in marks.items():
                if not mark.exists():  # another service may have compiled meanwhile
                    running.append(_compiling(part, folders, lock))
        except OSError:
            end_compiling(running)
            raise
    return running


def _compiling(part: str, folders: Sequence[str], lock: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __name__, part, *folders],
        cwd=_CODE, pass_fds=[lock.fileno()],  # the lock goes with the file
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def end_compiling(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends what was begun, for a service that does not start."""
    for one in running:
        one.kill()
        one.wait()


@contextmanager
def in_turn(home: Home) -> Iterator[None]:
    """Waits for whoever compiles: what one has made the next ones read."""
    with _lock(home) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock(home: Home) -> IO[str]:
    home.make()
    return (home.root / _LOCK).open("a")


def _mark(part: str) -> Path:
    """What lies beside the compiled code once a part is compiled from this very code: from the same
    files at the same place, by this Numba, for this kind of processor."""
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

    kept = Path(os.environ.get("NUMBA_CACHE_DIR") or _CODE / "features" / "__pycache__")
    files = [*sorted((_CODE / "features").glob("*.py")), _CODE / "serving" / "tree_shares.py"]
    code = [(str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    processor = (get_host_cpu_name(), get_host_cpu_features().flatten())
    about = repr((code, version("numba"), sys.version, processor))
    return kept / f"{part}.{hashlib.sha256(about.encode()).hexdigest()[:32]}"


def _compile(part: str, placed: Sequence[str]) -> None:
    gc.disable()  # looking for garbage among a compiler's objects takes a fifth of the time
    mark = _mark(part)  # of the files as they are before they are read
    if part == _FEATURES:
        _compile_features()
    else:
        _compile_rest(placed)
    mark.parent.mkdir(parents=True, exist_ok=True)
    for of_other_code in mark.parent.glob(f"{part}.*"):  # which Numba may have written over
        of_other_code.unlink(missing_ok=True)
    mark.touch()


def _compile_features() -> None:
    from features.as_of import features_as_of

    histories, index = _somebody()
    features_as_of(histories, index, ["age"])


def _compile_rest(placed: Sequence[str]) -> None:
    os.nice(10)  # the features take longest, and are waited for
    import pandas as pd

    from features.index_stay import stay_facts_of
    from features.news import last_news_of
    from features.questions import Questions

    histories, index = _somebody()
    stay_facts_of(histories, Questions.of(index))
    last_news_of(histories, Questions.of(index))
    folders = {task: Path(folder) for task, _, folder in (a.partition("=") for a in placed)}
    told = dict.fromkeys(folders, "at hand")
    for model in Placed(folders, told, told, "").models().by_task.values():
        nobody = pd.DataFrame(0.0, index=[0], columns=model.features)
        model.margin(nobody)
        model.contributions(nobody)


def _somebody() -> tuple[Histories, pd.DataFrame]:
    """Somebody of whom only a birth is known, and a question about him."""
    import pandas as pd
    import pyarrow as pa

    from data.tables import TABLES
    from features.history import Histories

    day = date(2020, 1, 31)
    row = {"patient_id": "somebody", "record_id": "1", "known_on": day, "reversed": False,
           "source_row": "none", "birth_on": date(1940, 1, 1)}  # fmt: skip
    born = pa.Table.from_pylist([row], schema=TABLES["member"].schema)
    index = pd.DataFrame({"patient_id": ["somebody"], "as_of": [day]})
    return Histories.of_tables({"member": born}, tuple(TABLES)), index


if __name__ == "__main__":
    _compile(sys.argv[1], sys.argv[2:])
