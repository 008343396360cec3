"""What must hold for the project as a whole: the doors, the lock, the length of files."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("data", "features", "serving", "training")
SOURCES = sorted(
    [ROOT / "firstcall.py", *(p for room in (*ROOMS, "tests") for p in (ROOT / room).rglob("*.py"))]
)
LOCKS = (ROOT / "requirements.lock", ROOT / "serving" / "requirements.lock")

# each of these enters by one door, a file or a room, so that it can be replaced there
DOORS = {
    "mlflow": {"training/release/registry.py"},
    "bentoml": {"serving/service.py", "serving/models/bento_store.py"},
    "alembic": {"serving/store/"},
    "argon2": {"serving/access/passwords.py"},
    "fhir": {"serving/ehr/validated.py"},
    "limits": {"serving/api/limits.py"},
    "msgspec": {"serving/sent_rows.py"},
    "prometheus_client": {"serving/api/metrics.py"},
    "sqlalchemy": {"serving/store/", "serving/access/"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(DOORS))
def test_a_dependency_enters_by_one_door(package: str) -> None:
    rooms = [p for p in SOURCES if "tests" not in p.relative_to(ROOT).parts]
    found = {p.relative_to(ROOT).as_posix() for p in rooms if package in imported(p)}
    assert found
    assert {name for name in found if not name.startswith(tuple(DOORS[package]))} == set()


def test_nothing_is_pickled() -> None:
    forbidden = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    rooms = [p for p in SOURCES if "tests" not in p.relative_to(ROOT).parts]
    assert [p for p in rooms if imported(p) & forbidden] == []


def test_the_law_of_imports_has_no_back_stair() -> None:
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] in ROOMS:
            assert "firstcall" not in imported(path), path


def test_no_file_is_two_files() -> None:
    long = {p.relative_to(ROOT).as_posix(): n for p in SOURCES
            if (n := len(p.read_text().splitlines())) > 400}  # fmt: skip
    assert long == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
    assert [p for p in SOURCES if p.stem in empty] == []


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_comes_from_this_checkout(room: str, tmp_path: Path) -> None:
    """A working directory with a `data/` of its own must not shadow ours."""
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text("")
    script = tmp_path / "bin" / "where.py"
    script.parent.mkdir()
    script.write_text(f"import {room}; print({room}.__file__)")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).parent == ROOT / room


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_lock_is_exact_hashed_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"https?://|index-url|find-links", text)
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\],-]+==[^ ]+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_the_lock_keeps_the_floors_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(r) for r in project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += [Requirement(r) for r in extra]
    locked: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)",
                                    LOCKS[0].read_text(), flags=re.M):  # fmt: skip
        locked.setdefault(name.lower(), []).append(Version(version))
    for requirement in wanted:
        versions = locked[requirement.name.lower()]
        assert all(v in requirement.specifier for v in versions), requirement


def test_the_bento_runs_what_was_tested() -> None:
    """The serving lock holds a part of the pins of the whole lock, and no other."""
    pin = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^]]*\])?==[^ ]+)", flags=re.M)
    whole, serving = (set(pin.findall(lock.read_text())) for lock in LOCKS)
    assert serving
    assert serving <= whole


def test_the_front_door_opens_before_the_rooms_are_built() -> None:
    """`firstcall --help` answers at once because it imports nothing slow."""
    slow = {"numpy", "pandas", "pyarrow", "duckdb", "numba", "lightgbm", "sklearn", "shap",
            "mlflow", "bentoml", "sqlalchemy", "fastapi", "pydantic"}  # fmt: skip
    code = "import firstcall, sys; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert slow & set(done.stdout.split()) == set()


def test_every_command_explains_itself_with_an_example() -> None:
    firstcall = importlib.import_module("firstcall")
    typer_main = importlib.import_module("typer.main")
    commands = typer_main.get_command(firstcall.app).commands
    assert {"demo", "intake", "train", "nightly", "worklist", "serve"} <= set(commands)
    for name, command in commands.items():
        assert "Example" in (command.help or ""), name
