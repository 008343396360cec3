import pytest

from serving.store import Store
from serving.store.database import Database
from tests.serving.databases import database, kind, postgresql, url, url_with_tables

__all__ = ["database", "kind", "postgresql", "store", "url", "url_with_tables"]


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)
