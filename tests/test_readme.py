"""What the README shows works: the example of a feature and its spec test are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
_EXAMPLE = "## Adding a feature is one declaration and one spec test"


def test_the_example_of_a_feature_passes_its_own_spec_test(tmp_path: Path) -> None:
    section = README[README.index(_EXAMPLE) :].split("\n## ")[0]
    declaration, spec = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert "how=" in declaration
    assert "def test_" in spec
    file = tmp_path / "test_example.py"
    file.write_text(f"{declaration}\n{spec}", encoding="utf-8")
    root = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(root),
         "-c", str(root / "pyproject.toml"), str(file)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\b5 passed|\b4 passed", ran.stdout), "every row of its table ran"


def test_the_families_hold_as_many_columns_as_the_readme_says() -> None:
    from features.definitions import FEATURES

    told = {
        name.replace(" ", "_"): int(columns)
        for name, columns in re.findall(r"^\| ([a-z ]+) \|.*\| (\d+) \|$", README, re.MULTILINE)
    }
    held: dict[str, int] = {}
    for feature in FEATURES:
        held[feature.family] = held.get(feature.family, 0) + 1
    assert told == held
