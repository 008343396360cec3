"""Does any rule go untested? `make mutants` takes out or turns one at a time, and runs the tests.

    python -m tests.mutants                         every target
    python -m tests.mutants training/cohorts/outcome.py     one of them

Each mutant (`tests.mutants.sites`) is run in a process of its own, which is forked with the
libraries loaded and meets the changed source instead of the file. It is killed when a test fails,
when the source cannot be loaded, or when a test takes longer than a minute. One that survives is
printed, and the command fails, unless `equivalent.csv` says why nothing can tell it from the rule.
Compiled loops run as plain Python here, because each mutant would have to be compiled.
"""

from __future__ import annotations

import argparse
import csv
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.terminal import say
from tests.mutants.sites import Mutant, mutants
from tests.mutants.targets import TARGETS

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.csv")
WORKERS = 2
SECONDS = 60
_UNUSED = ("cacheprovider", "xdist", "nbmake", "anyio")
"""Plugins that no target's tests need: to load them takes longer than many of the tests."""


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Loads one module from a changed source."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self._module, self._path, self._source = module, path, source

    def find_spec(self, name: str, path: object = None, target: object = None):
        if name != self._module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self._path))

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: object) -> bytes:
        return self._source.encode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all mutants of the targets asked for; fail where one survives that ought not to."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}")
    asked = parser.parse_args(arguments).target or list(TARGETS)
    unknown = set(asked) - set(TARGETS)
    if unknown:
        parser.error(f"{sorted(unknown)[0]} is no target; they are {', '.join(TARGETS)}")
    _load_libraries()
    known = _equivalents()
    used: set[tuple[str, str, str]] = set()
    survivors = 0
    for path in asked:
        source = (ROOT / path).read_text(encoding="utf-8")
        if not _survives(path, Mutant(0, "", "unchanged", source)):
            raise SystemExit(f"{path}: its tests fail without any change; mend them first.")
        count, alive = 0, []
        for mutant, lives in _run(path, list(mutants(source))):
            count += 1
            key = (path, mutant.said, mutant.what)
            if lives and key in known:
                used.add(key)
            elif lives:
                alive.append(mutant)
        survivors += len(alive)
        equal = sum(key[0] == path for key in used)
        say(f"{path}: {count} mutants, {count - equal - len(alive)} killed, {equal} the same "
            f"as the rule, {len(alive)} survived")  # fmt: skip
        for mutant in alive:
            say(f"  line {mutant.line}: {mutant.what}", f"    {mutant.said}")
    stale = [key for key in known - used if key[0] in asked]
    for path, said, what in sorted(stale):
        say(f"  no longer there, or killed now: {path}: {what}   ({said})")
    if survivors or stale:
        raise SystemExit(1)


def _equivalents() -> set[tuple[str, str, str]]:
    """(target, line, change) of the mutants that nothing can tell from the rule, each with why."""
    if not EQUIVALENT.exists():
        return set()
    with EQUIVALENT.open(encoding="utf-8", newline="") as file:
        return {(row["target"], row["line"], row["change"]) for row in csv.DictReader(file)}


def _load_libraries() -> None:
    """What every mutant needs and nobody changes; nothing of ours, and no thread is started."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    for name in ("numpy", "pandas", "pyarrow", "pyarrow.parquet", "pyarrow.compute", "pytest",
                 "numba", "pydantic"):  # fmt: skip
        importlib.import_module(name)


def _run(path: str, every: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant, and whether it survives; WORKERS at a time, told in their order."""
    waiting, running, done = list(enumerate(every)), {}, {}
    told = 0
    while waiting or running:
        while waiting and len(running) < WORKERS:
            place, mutant = waiting.pop(0)
            running[_start(path, mutant)] = place
        process, status = os.wait()
        if process in running:
            done[running.pop(process)] = status == 0
        while told in done:
            yield every[told], done[told]
            told += 1


def _survives(path: str, mutant: Mutant) -> bool:
    _, status = os.waitpid(_start(path, mutant), 0)
    return status == 0


def _start(path: str, mutant: Mutant) -> int:
    """A process that runs the target's tests on one mutant, and ends with 0 where all pass."""
    process = os.fork()
    if process:
        return process
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        module = path.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Instead(module, ROOT / path, mutant.source))
        import pytest

        tests = [str(ROOT / test) for test in TARGETS[path]]
        unused = [word for plugin in _UNUSED for word in ("-p", f"no:{plugin}")]
        code = pytest.main(
            ["-q", "-x", "--timeout", str(SECONDS), *unused, "--rootdir", str(ROOT), *tests]
        )
        os._exit(0 if code == 0 else 1)
    except BaseException:
        os._exit(1)


if __name__ == "__main__":
    main()
