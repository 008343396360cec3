"""Where everything that firstcall writes lies: one folder, FIRSTCALL_HOME (default .firstcall/)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The layout of one FIRSTCALL_HOME. Nothing is created by asking for a path; whoever writes the
    first of it calls `make` before."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(os.environ.get("FIRSTCALL_HOME") or ".firstcall").resolve())

    def make(self) -> None:
        """Make the folder for its owner alone (0700), whatever the umask of the process; one that
        is there already keeps its mode."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def left_out_of(self, said: str) -> str:
        """A text without the place of this home, to be told to somebody else."""
        for root in {self.root, self.root.absolute(), self.root.resolve()}:
            said = said.replace(str(root), "FIRSTCALL_HOME")
        return said

    @property
    def invented(self) -> Path:
        """Canonical files of the invented population, and `truth/` beside them."""
        return self.root / "invented"

    @property
    def tables(self) -> Path:
        """Generations of canonical Parquet; `current.json` in it names the valid one."""
        return self.root / "tables"

    @property
    def rejected(self) -> Path:
        """Rows that broke their contract: one Parquet file a table."""
        return self.root / "rejected"

    @property
    def unknown_codes(self) -> Path:
        """Every unknown code of what the last intake left there, with its rows (Parquet)."""
        return self.root / "unknown_codes.parquet"

    @property
    def histories(self) -> Path:
        return self.root / "histories"

    @property
    def models(self) -> Path:
        """One folder a task: the files of the model in use (no pickle)."""
        return self.root / "models"

    @property
    def tracking_database(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def store_database(self) -> Path:
        return self.root / "firstcall.db"
