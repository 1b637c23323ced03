"""A database that lost its tables, or was made again, under a server that runs."""

from pathlib import Path

import pytest
from django.db import connection

from tests.audit.test_schema import manage
from tests.faults.own_database import OwnDatabase, own_database
from tests.faults.test_readiness_of_faults import reported_by
from tests.setup.test_advice import commands_in
from tests.support.cast import Cast
from tests.support.server import serve

MEND = "The database lacks tables or columns of this version: run manage.py migrate."


def drop_tables(database: OwnDatabase) -> None:
    if connection.vendor == "sqlite":
        found = database.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        database.execute("PRAGMA foreign_keys = OFF;" + "".join(f"DROP TABLE {name};" for (name,) in found))
    else:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.mark.slow
def test_a_database_without_tables_answers_and_says_what_to_run(cast: Cast, tmp_path: Path) -> None:
    auth = ("billing", cast.secrets["billing"])
    with own_database(tmp_path) as database, serve(tmp_path, 1, {"DATABASE_URL": database.url}) as server:
        drop_tables(database)
        assert server.token(auth).status_code == 503
        checks = reported_by(server, is_awaited=lambda told: bool(told["checks"].get("recording")))["checks"]
        assert checks["database"] == []
        assert checks["migrations"][0].endswith("migrations are not applied: run manage.py migrate.")
        [problem] = checks["recording"]
        assert problem.endswith(MEND)
        assert commands_in(problem) == [["migrate"]]
        done = manage("migrate", "--verbosity", "0", environment={"DATABASE_URL": database.url})
        assert done.returncode == 0, done.stderr
        reported_by(
            server, is_awaited=lambda told: not told["checks"]["migrations"] + told["checks"]["recording"]
        )
