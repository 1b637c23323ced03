"""A database that says nothing at all: who needs it learns so, and what needs none is answered as ever."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser

from issuers.versioning.revision import REREAD_AFTER
from runtime.slots import PATIENCE
from tests.faults.clients import SECONDS_TO_RECOVER, Crowd, crowd
from tests.faults.own_database import OwnDatabase, OwnFile, issued_jtis, own_cluster, own_database
from tests.support.cast import Cast
from tests.support.server import SECONDS_TO_START, Server, serve, stopped, with_static_files

CONNECTIONS = 24
"""More than a worker has threads."""
AT_ONCE = 1.0
"""Seconds for an answer that waits for nobody, on a busy machine."""
DOCUMENTS = (
    "/livez", "/oidc_m2m/jwks", "/oidc_m2m/.well-known/openid-configuration", "/audit/jwks",
)  # fmt: skip
IS_SQLITE = connection.vendor == "sqlite"


@contextmanager
def hanging(database: OwnDatabase) -> Iterator[None]:
    """PostgreSQL stands still as it is. SQLite has no server that could: somebody holds its lock."""
    if isinstance(database, OwnFile):
        with locked(database):
            yield
        return
    with stopped(database.server_processes()):
        yield


@contextmanager
def locked(database: OwnFile) -> Iterator[None]:
    with closing(sqlite3.connect(database.path, timeout=20, isolation_level=None)) as link:
        link.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            link.execute("ROLLBACK")


@contextmanager
def asked_while_it_hangs(cast: Cast, directory: Path) -> Iterator[tuple[Server, Crowd, OwnDatabase]]:
    """One worker, more clients than it has threads, and a moment that all of them have answers from before."""
    asking = [("/oidc_m2m/token", cast.basic("billing"))]
    with own_database(directory) as database:
        environment = {"DATABASE_URL": database.url} | with_static_files(directory)
        with (
            serve(directory, 1, environment) as server,
            crowd(server, asking, connections=CONNECTIONS) as clients,
        ):
            clients.wait_for(tokens=100)
            yield server, clients, database
            clients.assert_recovered()
        assert (clients.odd, clients.broken) == ({}, 0)
        assert set(clients.jtis) <= issued_jtis(database)


def answered_at_once(server: Server, path: str) -> int:
    began = time.monotonic()
    status = server.get(path).status_code
    assert time.monotonic() - began < AT_ONCE, path
    return status


def cookie_of_a_superuser() -> str:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.slow
@pytest.mark.contract("P1.1", "P1.3", "P5.4")
def test_a_database_that_hangs_holds_up_no_document(cast: Cast, tmp_path: Path) -> None:
    with asked_while_it_hangs(cast, tmp_path) as (server, clients, database), hanging(database):
        clients.wait_for(refused=100)
        for path in DOCUMENTS * 5:
            assert answered_at_once(server, path) == requests.codes.ok
        clients.wait_for(refused=100)


if not IS_SQLITE:

    @pytest.mark.slow
    @pytest.mark.contract("P5.4")
    def test_of_those_that_ask_for_documents_alone_one_finds_out(cast: Cast, tmp_path: Path) -> None:
        with own_cluster() as database, serve(tmp_path, 1, {"DATABASE_URL": database.url}) as server:
            assert [server.get(path).status_code for path in DOCUMENTS] == [requests.codes.ok] * len(
                DOCUMENTS
            )
            with ThreadPoolExecutor(1) as first, hanging(database):
                time.sleep(REREAD_AFTER)
                asking = first.submit(server.get, "/oidc_m2m/jwks")
                time.sleep(PATIENCE)
                for path in DOCUMENTS * 3:
                    assert server.get(path).status_code == requests.codes.ok
                for path in DOCUMENTS:
                    assert answered_at_once(server, path) == requests.codes.ok
                assert not asking.done()
            assert asking.result().status_code == requests.codes.ok

    @pytest.mark.slow
    @pytest.mark.contract("P5.4")
    def test_readiness_says_that_the_database_hangs(cast: Cast, tmp_path: Path) -> None:
        with asked_while_it_hangs(cast, tmp_path) as (server, clients, database):
            with hanging(database), ThreadPoolExecutor(1) as first:
                probing = first.submit(server.get, "/readyz")
                clients.wait_for(refused=10)
                time.sleep(PATIENCE)
                told = server.get("/readyz")
                assert told.status_code == requests.codes.ok
                assert told.json()["status"] == "degraded"
                assert told.json()["checks"]["database"] == ["The database does not answer: StuckError."]
                assert answered_at_once(server, "/oidc_m2m/jwks") == requests.codes.ok
            assert probing.done()

    @pytest.mark.slow
    @pytest.mark.contract("P5.4")
    def test_the_console_takes_its_share_of_the_threads_and_no_more(cast: Cast, tmp_path: Path) -> None:
        cookie = {"Cookie": cookie_of_a_superuser()}
        asked = settings.CONSOLE_SLOTS + 2
        with (
            asked_while_it_hangs(cast, tmp_path) as (server, clients, database),
            ThreadPoolExecutor(asked) as browsers,
        ):
            with hanging(database):
                clients.wait_for(refused=10)
                pages = [browsers.submit(server.get, "/admin/", headers=cookie) for _ in range(asked)]
                time.sleep(2 * PATIENCE)
                for path in DOCUMENTS:
                    assert answered_at_once(server, path) == requests.codes.ok
                refused = [page.result() for page in pages if page.done()]
            statuses = sorted(page.result().status_code for page in pages)
        assert statuses == [200] * settings.CONSOLE_SLOTS + [503, 503]
        assert [page.status_code for page in refused] == [503, 503]
        assert refused[0].headers["Retry-After"] == "5"
        assert "The database does not answer" in refused[0].text

    @pytest.mark.slow
    @pytest.mark.contract("P5.4")
    def test_the_console_says_that_the_database_is_away(cast: Cast, tmp_path: Path) -> None:
        cookie = {"Cookie": cookie_of_a_superuser()}
        with own_cluster() as database:
            environment = {"DATABASE_URL": database.url} | with_static_files(tmp_path)
            with serve(tmp_path, 1, environment) as server:
                assert server.get("/admin/", headers=cookie).status_code == requests.codes.ok
                with database.stopped():
                    told = server.get("/admin/", headers=cookie)
                    assert told.status_code == requests.codes.service_unavailable
                    assert (told.headers["Retry-After"], "The database does not answer" in told.text) == (
                        "5",
                        True,
                    )
                    assert server.get("/oidc_m2m/jwks").status_code == requests.codes.ok
                # Each thread's connection was cut, and is made again by the request after the one that finds out.
                since = time.monotonic()
                while server.get("/admin/", headers=cookie).status_code != requests.codes.ok:
                    assert time.monotonic() < since + SECONDS_TO_RECOVER, "the console does not recover"

    @pytest.mark.slow
    @pytest.mark.contract("P12.1")
    def test_a_server_that_started_without_its_database_warms_up_by_itself(
        cast: Cast, tmp_path: Path
    ) -> None:
        with own_cluster() as database, ThreadPoolExecutor(1) as operator, ExitStack() as away:
            away.enter_context(database.stopped())
            mending = operator.submit(mend_once_noticed, tmp_path, away)
            # It returns once /livez says ok: nobody asks for anything else.
            with serve(tmp_path, 1, {"DATABASE_URL": database.url}) as server:
                assert server.get("/oidc_m2m/jwks").status_code == requests.codes.ok
            mending.result()

    def mend_once_noticed(directory: Path, away: ExitStack) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not any("not_warmed" in log.read_text() for log in directory.glob("server-*.log")):
            assert time.monotonic() < deadline, "the server does not notice"
            time.sleep(0.1)
        away.close()
        # This thread's, which looked up where PostgreSQL is installed.
        connection.close()
