"""The database fails while clients ask: no token without its row, no answer but a token or 503, a quick recovery."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from tests.faults.clients import Crowd, crowd
from tests.faults.own_database import (
    OwnCluster,
    OwnDatabase,
    issued_jtis,
    limit_files,
    own_cluster,
    own_database,
)
from tests.support.cast import Cast
from tests.support.server import Server, serve

CONNECTIONS = 8
TOKENS, REFUSED = 100, 30
IS_SQLITE = connection.vendor == "sqlite"

ONE_IN_TEN = (
    """
    CREATE TRIGGER fails BEFORE INSERT ON audit_issuanceevent WHEN abs(random()) % 10 = 0
    BEGIN SELECT RAISE(ABORT, 'one in ten'); END;
    """
    if IS_SQLITE
    else """
    CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF random() < 0.1 THEN RAISE EXCEPTION 'one in ten'; END IF; RETURN NEW; END$$;
    CREATE TRIGGER fails BEFORE INSERT ON audit_issuanceevent FOR EACH ROW EXECUTE FUNCTION fails();
    """
)
TAKEN_OUT = (
    """
    CREATE TRIGGER fails BEFORE INSERT ON audit_issuanceevent WHEN abs(random()) % 10 = 0
    BEGIN SELECT RAISE(IGNORE); END;
    """
    if IS_SQLITE
    else """
    CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF random() < 0.1 THEN RETURN NULL; END IF; RETURN NEW; END$$;
    CREATE TRIGGER fails BEFORE INSERT ON audit_issuanceevent FOR EACH ROW EXECUTE FUNCTION fails();
    """
)
"""Without a word: the statement succeeds."""
AT_COMMIT = (
    """
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE orphans (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER fails AFTER INSERT ON audit_issuanceevent WHEN abs(random()) % 10 = 0
    BEGIN INSERT INTO orphans VALUES (1); END;
    """
    if IS_SQLITE
    else """
    CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF random() < 0.1 THEN RAISE EXCEPTION 'at commit'; END IF; RETURN NULL; END$$;
    CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON audit_issuanceevent DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fails();
    """
)
NO_MORE = "DROP TRIGGER fails" if IS_SQLITE else "DROP TRIGGER fails ON audit_issuanceevent"


@contextmanager
def asked_all_the_while(cast: Cast, database: OwnDatabase, directory: Path) -> Iterator[tuple[Server, Crowd]]:
    """Half of the clients are traced: their rows are committed with another one. At the end all is checked."""
    requests = [
        ("/oidc_m2m/token", cast.basic("billing")),
        ("/other/token", cast.basic("stranger")),
    ]
    with (
        serve(directory, 2, {"DATABASE_URL": database.url}) as server,
        crowd(server, requests, connections=CONNECTIONS) as clients,
    ):
        clients.wait_for(tokens=TOKENS)
        yield server, clients
        clients.assert_recovered()
    assert not clients.odd
    assert len(clients.jtis) == len(set(clients.jtis))
    assert set(clients.jtis) <= issued_jtis(database)


@pytest.fixture
def traced(cast: Cast) -> Cast:
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    return cast


@pytest.mark.slow
@pytest.mark.contract("P1.1", "P1.3")
@pytest.mark.parametrize(
    "fault", [ONE_IN_TEN, TAKEN_OUT, AT_COMMIT], ids=["one insert in ten", "taken out", "at commit"]
)
def test_a_row_that_cannot_be_committed_is_a_token_nobody_gets(
    traced: Cast, tmp_path: Path, fault: str
) -> None:
    with (
        own_database(tmp_path) as database,
        asked_all_the_while(traced, database, tmp_path) as (_, clients),
    ):
        database.execute(fault)
        clients.wait_for(tokens=TOKENS, refused=REFUSED)
        database.execute(NO_MORE)
    assert not clients.broken


@contextmanager
def full_disk(processes: Callable[[], list[int]], largest: int) -> Iterator[None]:
    """In the block no file that the processes write may grow beyond `largest` bytes, as on a disk without room."""
    limited = processes()
    limit_files(limited, f"{largest}")
    try:
        yield
    finally:
        limit_files([*limited, *processes()], "unlimited")


@pytest.mark.slow
@pytest.mark.contract("P1.1", "P1.3")
def test_a_full_disk_is_a_pause(traced: Cast, tmp_path: Path) -> None:
    with (
        own_database(tmp_path) as database,
        asked_all_the_while(traced, database, tmp_path) as (server, clients),
    ):
        with full_disk(lambda: database.server_processes() or server.workers(), no_room_left(database)):
            clients.wait_for(refused=REFUSED)
        clients.wait_for(tokens=TOKENS)


def no_room_left(database: OwnDatabase) -> int:
    """How long the file is that the next rows make longer."""
    if not isinstance(database, OwnCluster):
        return Path(database.url.removeprefix("sqlite:///") + "-wal").stat().st_size
    # Longer than a segment of the write-ahead log, whose end is another fault.
    database.execute(
        "INSERT INTO audit_issuanceevent (at, request_id, caller_request_id, issuer, outcome, http_status, grant_type, "
        "client_id, auth_method, credential, subject, scope_requested, scope, resource_requested, audience, "
        "claim_template, jti, kid, alg, error, detail, ip, user_agent, actor, is_test, format) "
        "SELECT now(), '', '', '', 'refused', 400, '', '', '', '', '', repeat('x', 900), '', '', '', '', '', '', '', "
        "'x', '', '', '', '', false, 1 FROM generate_series(1, 3000)"
    )
    ((size,),) = database.rows("SELECT pg_relation_size('audit_issuanceevent')")
    assert isinstance(size, int)
    return size


if not IS_SQLITE:

    @pytest.mark.slow
    @pytest.mark.contract("P1.1", "P1.3")
    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_a_restart_of_the_database_is_a_pause(traced: Cast, tmp_path: Path, mode: str) -> None:
        with (
            own_cluster() as database,
            asked_all_the_while(traced, database, tmp_path) as (_, clients),
        ):
            for _ in range(3):
                database.restart(mode)
                clients.assert_recovered()
                clients.wait_for(tokens=TOKENS)
        assert clients.refused
