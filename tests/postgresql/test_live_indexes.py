"""audit/protection/live_indexes.py: tokens are issued while the indexes of the record are made."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection

from audit.models import IssuanceEvent
from tests.audit.rows import event
from tests.postgresql.conftest import psql, run
from tests.support.cast import Cast
from tests.support.wire import ask

INDEXES = """
    SELECT indexrelid::regclass::text, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = 'audit_issuanceevent'::regclass ORDER BY 1
"""
WAITING = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"

pytestmark = pytest.mark.usefixtures("own_database")


def migrate(number: str) -> None:
    call_command("migrate", "audit", number, verbosity=0)


def migrate_in_a_thread() -> None:
    try:
        migrate("0005")
    finally:
        connection.close()


def until_it_waits(migration: "Future[None]") -> None:
    end = time.monotonic() + 30
    while not run(WAITING):
        assert not migration.done(), "it waited for nobody"
        assert time.monotonic() < end, "it never came to its index"


def test_tokens_are_issued_while_an_index_waits_for_an_older_transaction(cast: Cast) -> None:
    indexes = run(INDEXES)
    migrate("0004")
    older = connection.copy()
    with ThreadPoolExecutor(1) as pool:
        try:
            older.set_autocommit(False)
            with older.cursor() as cursor:
                cursor.execute("LOCK TABLE audit_issuanceevent IN ROW EXCLUSIVE MODE")
            migration = pool.submit(migrate_in_a_thread)
            until_it_waits(migration)
            run("SET lock_timeout = '5s'")
            assert ask(auth=cast.basic("billing")).status == 200
            assert not migration.done()
        finally:
            older.close()
        migration.result()
    assert IssuanceEvent.objects.count() == 1
    assert run(INDEXES) == indexes
    assert all(is_valid for _, is_valid, _ in indexes)


def test_what_was_broken_off_is_made_again(cast: Cast) -> None:
    indexes = run(INDEXES)
    migrate("0004")
    for number in range(2):
        event(number)
    with pytest.raises(Exception, match="could not create unique index"):
        run("CREATE UNIQUE INDEX CONCURRENTLY event_kid_at ON audit_issuanceevent (kid)")
    assert ("event_kid_at", False) in [(name, is_valid) for name, is_valid, _ in run(INDEXES)]
    migrate("0005")
    assert run(INDEXES) == indexes


def test_a_record_in_partitions_gets_them_too(cast: Cast) -> None:
    names = [name for name, _, _ in run(INDEXES)]
    migrate("0004")
    psql("--file", "deploy/postgresql-partitions.sql")
    event()
    migrate("0005")
    assert [(name, is_valid) for name, is_valid, _ in run(INDEXES)] == [(name, True) for name in names]
