from pathlib import Path

import pytest

from data.home import Home
from tests.once_a_run import OnceARun


@pytest.fixture(scope="session")
def mlflow_tables(once_a_run: OnceARun) -> Path:
    """A SQLite database that holds MLflow's tables and nothing else: to make them takes seconds."""

    def make(folder: Path) -> None:
        from training.release.registry import CHAMPION, version_at

        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            assert version_at(Home(folder), "readmission", CHAMPION) is None

    return Home(once_a_run.folder("mlflow", make)).tracking_database
