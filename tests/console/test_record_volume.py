"""The pages of a record of a million rows, on the database of the tests. `make volume` measures ten times that."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.support.server import database_url

ROWS, MOST = 1_000_000, 400
"""MOST is twice the goal: other tests run beside this one. A page that reads all rows takes longer by far."""
OWN = "volume_of_the_tests"
pytestmark = pytest.mark.slow


@pytest.fixture
def empty_database(db: None) -> Iterator[dict[str, str]]:
    """The environment that names it."""
    if connection.vendor == "sqlite":
        yield {}
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {OWN} TEMPLATE template0 ENCODING 'UTF8'")
    yield {"DATABASE_URL": f"{database_url().rpartition('/')[0]}/{OWN}"}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {OWN}")


def test_every_page_of_a_million_rows_is_there_at_once(empty_database: dict[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    told = subprocess.run(
        [sys.executable, str(Path("benchmarks/volume.py")), "--rows", str(ROWS), "--at-most", str(MOST)],
        cwd=settings.BASE_DIR,
        env=inherited | empty_database,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
