"""deploy/postgresql-partitions.sql: the record in partitions works, and is guarded, as it was in one table."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from audit.exporting.export import NDJSON, Export
from audit.models import IssuanceEvent, Outcome, Tombstone
from audit.protection import triggers
from audit.reading.filters import EventFilter
from tests.audit.sealed import seal
from tests.postgresql.conftest import psql, run
from tests.postgresql.test_roles import SERVER, acting_as
from tests.support.cast import Cast
from tests.support.wire import ask, get

FILE = ("--file", "deploy/postgresql-partitions.sql")
SHAPE = """
    SELECT pg_get_indexdef(indexrelid, 0, true), NULL FROM pg_index WHERE indrelid = 'audit_issuanceevent'::regclass
    UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = 'audit_issuanceevent'::regclass
    UNION ALL SELECT attname, concat(format_type(atttypid, atttypmod), attnotnull) FROM pg_attribute
    WHERE attrelid = 'audit_issuanceevent'::regclass AND attnum > 0 ORDER BY 1
"""

pytestmark = pytest.mark.usefixtures("own_database")


def partition_of(row: IssuanceEvent) -> object:
    ((name,),) = run(f"SELECT tableoid::regclass::text FROM audit_issuanceevent WHERE id = {row.pk}")  # noqa: S608
    return name


def newest() -> IssuanceEvent:
    return IssuanceEvent.objects.latest("pk")


def tombstone(row: IssuanceEvent) -> None:
    Tombstone.objects.create(actor="a", first_id=row.pk, last_id=row.pk, row_count=1, kid="k", statement="s")


@pytest.mark.parametrize("rows", [0, 3])
def test_tokens_are_issued_after_it_as_before(cast: Cast, rows: int) -> None:
    for _ in range(rows):
        ask(auth=cast.basic("billing"))
    shape, before = run(SHAPE), list(IssuanceEvent.objects.order_by("pk").values())
    psql(*FILE)
    psql("--file", "deploy/postgresql-roles.sql")
    assert [(name.replace("ON ONLY", "ON"), rest) for name, rest in run(SHAPE)] == shape  # type: ignore[attr-defined]
    assert list(IssuanceEvent.objects.order_by("pk").values()) == before
    with acting_as(SERVER):
        assert ask(auth=cast.basic("billing")).status == 200
        assert get("/readyz").json["status"] == "ok"
    assert newest().pk > rows
    assert IssuanceEvent.objects.count() == rows + 1
    seal()
    assert f'"sealed":{rows + 1}' in "".join(Export(EventFilter(), form=NDJSON))


def test_the_triggers_stand_on_every_partition(cast: Cast) -> None:
    psql(*FILE)
    assert triggers.missing(connection) == []
    for name in ("first", "rest", "1000000"):
        run(f"ALTER TABLE audit_issuanceevent_{name} DISABLE TRIGGER audit_issuanceevent_no_truncate")
    assert triggers.missing(connection) == [
        "audit_issuanceevent_no_truncate on audit_issuanceevent_1000000",
        "audit_issuanceevent_no_truncate on audit_issuanceevent_first",
        "audit_issuanceevent_no_truncate on audit_issuanceevent_rest",
    ]
    run("ALTER TABLE audit_issuanceevent_rest DISABLE TRIGGER audit_issuanceevent_no_update")
    assert "audit_issuanceevent_no_update on audit_issuanceevent_rest" in triggers.missing(connection)


@pytest.mark.parametrize(
    "fault",
    ["ALTER TABLE audit_issuanceevent_{} DISABLE TRIGGER audit_issuanceevent_no_truncate",
     "DROP TRIGGER audit_issuanceevent_no_truncate ON audit_issuanceevent_{}",
     "ALTER TABLE audit_issuanceevent_{} DISABLE TRIGGER audit_issuanceevent_no_update",
     "DROP TRIGGER audit_issuanceevent_no_delete ON audit_issuanceevent",
     "DROP FUNCTION audit_is_append_only CASCADE"],
)  # fmt: skip
def test_missing_triggers_are_installed_again_on_every_partition(cast: Cast, fault: str) -> None:
    psql(*FILE)
    for name in ("first", "rest") if "{}" in fault else ("",):
        run(fault.format(name))
    assert triggers.missing(connection)
    call_command("audit", "install-triggers")
    assert triggers.missing(connection) == []


STATEMENTS = (
    "UPDATE {} SET detail = 'x'",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "MERGE INTO {} t USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET detail = 'x'",
)


def test_no_statement_changes_a_row(cast: Cast) -> None:
    psql(*FILE)
    ask(auth=cast.basic("billing"))
    for table in ("audit_issuanceevent", "audit_issuanceevent_first"):
        for statement in STATEMENTS:
            with pytest.raises(DatabaseError, match="append-only"):
                run(statement.format(table))
    assert IssuanceEvent.objects.count() == 1


def test_a_tombstone_lets_exactly_its_rows_be_deleted(cast: Cast) -> None:
    psql(*FILE)
    for _ in range(2):
        ask(auth=cast.basic("billing"))
    kept, gone = IssuanceEvent.objects.order_by("pk")
    tombstone(gone)
    with pytest.raises(DatabaseError, match="append-only"):
        kept.delete()
    IssuanceEvent.objects.filter(pk=gone.pk).delete()
    assert list(IssuanceEvent.objects.all()) == [kept]


def test_a_reader_is_waited_for_only_where_there_is_something_to_make(cast: Cast) -> None:
    psql(*FILE)
    reader = connection.copy()
    try:
        reader.set_autocommit(False)
        with reader.cursor() as cursor:
            cursor.execute("SELECT 1 FROM audit_issuanceevent")
        assert run("SELECT audit_make_partitions()") == []
        with pytest.raises(DatabaseError, match="lock timeout"):
            run("SELECT audit_make_partitions(10000000, 4)")
    finally:
        reader.close()
    assert ask(auth=cast.basic("billing")).status == 200


def test_a_tombstone_of_somebodys_own_lets_nothing_be_deleted(cast: Cast) -> None:
    ask(auth=cast.basic("billing"))
    run("CREATE TEMPORARY TABLE audit_tombstone (first_id bigint, last_id bigint)")
    run("INSERT INTO audit_tombstone VALUES (0, 1000000000)")
    try:
        with pytest.raises(DatabaseError, match="append-only"):
            run("DELETE FROM audit_issuanceevent")
    finally:
        run("DROP TABLE pg_temp.audit_tombstone")


def test_rows_go_on_into_the_partitions_ahead_and_old_ones_are_dropped(cast: Cast) -> None:
    ask(auth=cast.basic("billing"))
    psql(*FILE)
    old = newest()
    run("SELECT setval('audit_issuanceevent_ids', 1000000)")
    ask(auth=cast.basic("billing"))
    assert (partition_of(old), partition_of(newest())) == (
        "audit_issuanceevent_first", "audit_issuanceevent_1000000",
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="audit_issuanceevent_first holds rows: prune them first"):
        run("SELECT audit_drop_partition('audit_issuanceevent_first')")
    tombstone(old)
    IssuanceEvent.objects.filter(pk=old.pk).delete()
    run("SELECT audit_drop_partition('audit_issuanceevent_first')")
    for name in ("rest", "1000000", "11000000"):
        with pytest.raises(DatabaseError, match=f"audit_issuanceevent_{name} is where new rows go"):
            run(f"SELECT audit_drop_partition('audit_issuanceevent_{name}')")
    with pytest.raises(DatabaseError, match="issuers_issuer is no partition of the record"):
        run("SELECT audit_drop_partition('issuers_issuer')")
    assert triggers.missing(connection) == []
    assert ask(auth=cast.basic("billing")).status == 200
    assert IssuanceEvent.objects.count() == 2


def test_partitions_are_made_ahead_and_behind_rows_that_found_none(cast: Cast) -> None:
    psql(*FILE)
    assert run("SELECT audit_make_partitions()") == []
    run("SELECT setval('audit_issuanceevent_ids', 50000000)")
    assert ask(auth=cast.basic("billing")).status == 200
    row = newest()
    assert partition_of(row) == "audit_issuanceevent_rest"
    made = [name for (name,) in run("SELECT audit_make_partitions(1000, 2)")]
    assert made == [f"audit_issuanceevent_{row.pk + 1}", f"audit_issuanceevent_{row.pk + 1001}"]
    ask(auth=cast.basic("billing"))
    assert partition_of(newest()) == made[0]
    assert triggers.missing(connection) == []
    assert IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).count() == 2
