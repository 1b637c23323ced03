"""Each fault that keeps a row out of the record is reported by /readyz within seconds, and is forgotten once mended."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import requests
from django.db import connection

from tests.audit.rows import EVENTS
from tests.faults.own_database import OwnCluster, OwnDatabase, OwnFile, own_database
from tests.faults.test_failing_database import full_disk, no_room_left
from tests.support.cast import Cast
from tests.support.server import Server, serve

SECONDS_TO_TELL = 8
IS_SQLITE = connection.vendor == "sqlite"
INDEX = "event_at_id"
ROLE = """
    CREATE ROLE idp LOGIN;
    GRANT USAGE ON SCHEMA public TO idp;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO idp;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO idp;
"""

Fault = Callable[[OwnDatabase, Server], AbstractContextManager[None]]


@contextmanager
def without_room(database: OwnDatabase, server: Server) -> Iterator[None]:
    with full_disk(lambda: database.server_processes() or server.workers(), no_room_left(database)):
        yield


@contextmanager
def with_a_lock(database: OwnDatabase, _server: Server) -> Iterator[None]:
    """On the table of the record; SQLite has one lock for all writers."""
    if isinstance(database, OwnFile):
        with closing(sqlite3.connect(database.path, timeout=20, isolation_level=None)) as link:
            link.execute("BEGIN IMMEDIATE")
            yield
            link.execute("ROLLBACK")
        return
    with psycopg.connect(database.url) as session:
        session.execute(f"LOCK TABLE {EVENTS} IN EXCLUSIVE MODE")
        yield


@contextmanager
def with_a_corrupt_index(database: OwnDatabase, _server: Server) -> Iterator[None]:
    if isinstance(database, OwnFile):
        with corrupt_page(database):
            yield
        return
    assert isinstance(database, OwnCluster)
    [(path,)] = database.rows(f"SELECT pg_relation_filepath('{INDEX}')")
    # Nothing is replayed that would write its pages again.
    database.execute("CHECKPOINT")
    with database.stopped():
        file = database.data / str(path)
        file.write_bytes(b"\xff" * file.stat().st_size)
    yield
    database.execute(f"REINDEX INDEX {INDEX}")


@contextmanager
def corrupt_page(database: OwnFile) -> Iterator[None]:
    """The root of the index, in the file itself."""
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    [(root, size)] = database.rows(
        f"SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = '{INDEX}'"  # noqa: S608
    )
    assert isinstance(root, int)
    assert isinstance(size, int)
    with database.path.open("r+b") as file:
        file.seek((root - 1) * size)
        page = file.read(size)
        overwrite(file, (root - 1) * size, b"\xff" * size)
        forget_pages(database)
        yield
        overwrite(file, (root - 1) * size, page)
        forget_pages(database)


def overwrite(file: Any, offset: int, content: bytes) -> None:
    file.seek(offset)
    file.write(content)
    file.flush()


def forget_pages(database: OwnFile) -> None:
    """A change by another process makes those that have the file open read its pages again."""
    database.execute("UPDATE issuers_configurationrevision SET number = number + 1")


@contextmanager
def read_only(database: OwnDatabase, _server: Server) -> Iterator[None]:
    database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    database.execute("SELECT pg_reload_conf()")
    yield
    database.execute("ALTER SYSTEM RESET default_transaction_read_only")
    database.execute("SELECT pg_reload_conf()")


@contextmanager
def without_the_privilege(database: OwnDatabase, _server: Server) -> Iterator[None]:
    database.execute(f"REVOKE INSERT ON {EVENTS} FROM idp")
    yield
    database.execute(f"GRANT INSERT ON {EVENTS} TO idp")


FAULTS: Mapping[str, tuple[Fault, str, str]] = {
    "no room": (without_room, "disk", "Free space on the disk of the database"),
    "a lock": (with_a_lock, "lock", "Another process holds a lock on the database"),
    "a corrupt index": (with_a_corrupt_index, "", "The database is damaged: try REINDEX"),
} | (
    {}
    if IS_SQLITE
    else {
        "read-only": (read_only, "read-only transaction", "end default_transaction_read_only"),
        "no privilege": (
            without_the_privilege,
            f"permission denied for table {EVENTS}",
            "postgresql-roles.sql",
        ),
    }
)
SEEN_WHEN_IDLE = FAULTS if IS_SQLITE else ["a lock", "read-only", "no privilege"]
"""PostgreSQL shows the others to a row alone: the first request tells."""
CASES = [(name, True) for name in FAULTS] + [(name, False) for name in SEEN_WHEN_IDLE]


def reported_by(server: Server, *, is_awaited: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_TO_TELL
    while not is_awaited(told := server.get("/readyz").json()):
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
    found: dict[str, Any] = told
    return found


def ask_meanwhile(server: Server, auth: tuple[str, str], is_over: Event) -> None:
    """SQLite waits ten seconds for a lock, PostgreSQL for its end.

    One refusal would not do: PostgreSQL may find room for the row that says why there was none for the one before.
    """
    form, statuses = {"grant_type": "client_credentials"}, set[int]()
    while not is_over.wait(0.1):
        answer = requests.post(f"{server.url}/oidc_m2m/token", data=form, auth=auth, timeout=30)
        statuses.add(answer.status_code)
    assert statuses <= {200, 503}


@contextmanager
def at_the_end(act: Callable[[], object]) -> Iterator[None]:
    """However the block ends, so that a test which fails waits for nobody."""
    try:
        yield
    finally:
        act()


@contextmanager
def served(directory: Path) -> Iterator[tuple[OwnDatabase, Server]]:
    with own_database(directory) as database:
        url = database.url
        if not IS_SQLITE:
            database.execute(ROLE)
            url = url.replace("postgres@", "idp@")
        with serve(directory, 1, {"DATABASE_URL": url}) as server:
            yield database, server


@pytest.mark.slow
@pytest.mark.contract("P12.2")
@pytest.mark.parametrize(("name", "is_asked"), CASES)
def test_a_fault_that_keeps_rows_out_is_reported(
    cast: Cast,
    tmp_path: Path,
    name: str,
    is_asked: bool,  # noqa: FBT001
) -> None:
    fault, reason, mend = FAULTS[name]
    auth = ("billing", cast.secrets["billing"])
    over = Event()
    with served(tmp_path) as (database, server), ThreadPoolExecutor(1) as others, at_the_end(over.set):
        assert server.token(auth).status_code == 200
        assert server.get("/readyz").json()["status"] == "ok"
        with fault(database, server):
            asking = others.submit(ask_meanwhile, server, auth, over) if is_asked else None
            told = reported_by(server, is_awaited=lambda told: bool(told["checks"].get("recording")))
            assert told["status"] == "degraded"
            [problem] = told["checks"]["recording"]
            assert problem.startswith("No row of the record could be written since ")
            assert reason in problem
            assert mend in problem
        over.set()
        if asking:
            asking.result()
        reported_by(server, is_awaited=lambda told: told["status"] == "ok")
        assert server.token(auth).status_code == 200


@pytest.mark.slow
@pytest.mark.contract("P12.2")
def test_a_process_that_could_never_record_is_unready(cast: Cast, tmp_path: Path) -> None:
    with (
        own_database(tmp_path) as database,
        serve(tmp_path, 1, {"DATABASE_URL": database.url}) as server,
    ):
        with with_a_lock(database, server):
            told = server.get("/readyz")
            assert (told.status_code, told.json()["status"]) == (503, "unready")
            assert told.json()["checks"]["first row"] == [
                "This process has not been able to record since it started."
            ]
        reported_by(server, is_awaited=lambda told: told["status"] == "ok")


if not IS_SQLITE:

    @pytest.mark.slow
    def test_a_connection_to_a_server_that_is_no_primary_any_more_is_left(cast: Cast, tmp_path: Path) -> None:
        """A session takes what its role says when it begins: those from before stay read-only, new ones are not."""
        with own_database(tmp_path) as database:
            database.execute(ROLE)
            database.execute("ALTER ROLE idp SET default_transaction_read_only = on")
            with serve(tmp_path, 1, {"DATABASE_URL": database.url.replace("postgres@", "idp@")}) as server:
                auth = ("billing", cast.secrets["billing"])
                assert server.token(auth).status_code == 503
                assert server.get("/readyz").json()["status"] == "unready"
                database.execute("ALTER ROLE idp RESET default_transaction_read_only")
                reported_by(server, is_awaited=lambda told: told["status"] == "ok")
                # A thread that asked for something else meanwhile finds out with its first token.
                assert [server.token(auth).status_code for _ in range(20)][-1] == 200
