"""audit/protection, audit/writing: the database itself lets nothing be changed, and says when it would."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from audit.models import (
    Checkpoint,
    Inspection,
    IssuanceEvent,
    OperationalEvent,
    Outcome,
    RefusalCount,
    Tombstone,
)  # fmt: skip
from audit.protection import triggers
from audit.writing import durability

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SEALED = {"kid": "k", "statement": "s"}


def event(**values: object) -> IssuanceEvent:
    return IssuanceEvent.objects.create(
        **{"at": NOW, "request_id": "r", "issuer": "i", "outcome": Outcome.REFUSED, "http_status": 400, "error": "e"}
        | values
    )  # fmt: skip


def checkpoint(previous: Checkpoint | None = None) -> Checkpoint:
    number = previous.number + 1 if previous else 1
    return Checkpoint.objects.create(
        number=number, previous=previous, row_count=1, leaves=b"l", root="00", **SEALED
    )


def tombstone(first_id: int, last_id: int) -> Tombstone:
    return Tombstone.objects.create(actor="ann", first_id=first_id, last_id=last_id, row_count=1, **SEALED)


def refusals() -> RefusalCount:
    return RefusalCount.objects.create(at=NOW, issuer="i", network="n", error="e", refused=1)


def inspection() -> Inspection:
    return Inspection.objects.create(at=NOW, actor="ann", source="command", act="export", rows=1)


def operational_event() -> OperationalEvent:
    return OperationalEvent.objects.create(at=NOW, kind="sign_in", actor="ann", source="admin")


ROWS: dict[str, Callable[[], models.Model]] = {
    "audit_issuanceevent": event,
    "audit_checkpoint": checkpoint,
    "audit_tombstone": lambda: tombstone(10, 20),
    "audit_refusalcount": refusals,
    "audit_inspection": inspection,
    "audit_operationalevent": operational_event,
}
"""Each table of the record, and a row for it."""

STATEMENTS = {
    "UPDATE": "UPDATE {table} SET kind = kind",
    "UPDATE of the id": "UPDATE {table} SET id = id + 1",
    "DELETE": "DELETE FROM {table}",
    "upsert": "INSERT INTO {table} SELECT * FROM {table} WHERE id > 0 ON CONFLICT (id) DO UPDATE SET id = 99",
}
SQLITE = {
    "UPDATE OR REPLACE": "UPDATE OR REPLACE {table} SET id = id + 1",
    "INSERT OR REPLACE": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "REPLACE": "REPLACE INTO {table} SELECT * FROM {table}",
    "INSERT OR IGNORE": "INSERT OR IGNORE INTO {table} SELECT * FROM {table}",
}
POSTGRESQL = {
    "TRUNCATE": "TRUNCATE {table}",
    "TRUNCATE CASCADE": "TRUNCATE {table} RESTART IDENTITY CASCADE",
    "MERGE": "MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET id = 99",
}


def statements() -> dict[str, str]:
    return STATEMENTS | (SQLITE if connection.vendor == "sqlite" else POSTGRESQL)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("table", ROWS)
def test_no_statement_changes_a_row(db: None, table: str) -> None:
    model = type(ROWS[table]())
    stored = list(model._default_manager.values())
    column = model._meta.concrete_fields[1].name
    for sql in statements().values():
        with pytest.raises(DatabaseError, match=f"{table} is append-only"):
            run(sql.format(table=table).replace("kind", column))
        assert list(model._default_manager.values()) == stored


@pytest.mark.parametrize("table", ROWS)
def test_no_act_of_the_orm_does(db: None, table: str) -> None:
    row = ROWS[table]()
    rows = type(row)._default_manager.filter(pk=row.pk)
    for act in (row.save, row.delete, rows.delete, lambda: rows.update(id=7)):
        with pytest.raises(DatabaseError, match="append-only"):
            act()
    assert rows.exists()


def test_a_checkpoint_cannot_be_pushed_out_by_another(db: None) -> None:
    first = checkpoint()
    second = checkpoint(first)
    values = "row_count, leaves, root, kid, statement, created_at, previous_id"
    insert = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"
    copy = "{insert} INTO audit_checkpoint (number, {values}) SELECT 9, {values} FROM audit_checkpoint WHERE {where}"
    for where in ("previous_id IS NULL", f"previous_id = {first.pk}"):
        with pytest.raises(IntegrityError):
            run(copy.format(insert=insert, values=values, where=where))
    assert set(Checkpoint.objects.values_list("pk", flat=True)) == {first.pk, second.pk}


def test_of_two_sealers_one_loses(db: None) -> None:
    first = checkpoint()
    checkpoint(first)
    for previous in (None, first):
        with pytest.raises(IntegrityError):
            checkpoint(previous)


def test_a_tombstone_lets_exactly_its_rows_be_deleted(db: None) -> None:
    ids = [event().pk for _ in range(5)]
    tombstone(ids[1], ids[2])
    for kept in (ids[0], ids[3], ids[4]):
        with pytest.raises(DatabaseError, match="append-only"):
            IssuanceEvent.objects.filter(pk=kept).delete()
    with pytest.raises(DatabaseError, match="append-only"):
        IssuanceEvent.objects.all().delete()
    assert IssuanceEvent.objects.count() == 5
    IssuanceEvent.objects.filter(pk__in=ids[1:3]).delete()
    assert set(IssuanceEvent.objects.values_list("pk", flat=True)) == {ids[0], ids[3], ids[4]}


def test_a_tombstone_lets_nothing_be_updated(db: None) -> None:
    row = event()
    tombstone(row.pk, row.pk)
    with pytest.raises(DatabaseError, match="append-only"):
        run("UPDATE audit_issuanceevent SET detail = 'x'")


def test_a_tombstone_frees_no_other_table(db: None) -> None:
    rows = [checkpoint(), refusals(), tombstone(1, 1_000_000)]
    for row in rows:
        with pytest.raises(DatabaseError, match="append-only"):
            row.delete()


def test_a_transaction_that_is_rolled_back_leaves_no_tombstone(db: None) -> None:
    row = event()
    with transaction.atomic():
        tombstone(row.pk, row.pk)
        transaction.set_rollback(True)
    with pytest.raises(DatabaseError, match="append-only"):
        row.delete()


@pytest.mark.parametrize(
    "values",
    [
        {"outcome": "lost"},
        {"outcome": Outcome.REFUSED, "error": ""},
        {"outcome": Outcome.FAILED, "error": ""},
        {"outcome": Outcome.ISSUED},
        {"outcome": Outcome.ISSUED, "error": "", "kid": "k", "expires_at": NOW},
        {"outcome": Outcome.ISSUED, "error": "", "jti": "j", "expires_at": NOW},
        {"outcome": Outcome.ISSUED, "error": "", "jti": "j", "kid": "k"},
        {"outcome": Outcome.ISSUED, "error": "e", "jti": "j", "kid": "k", "expires_at": NOW},
    ],
)
def test_a_row_that_tells_half_a_story_is_refused(db: None, values: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        event(**values)
    event(outcome=Outcome.ISSUED, error="", jti="j", kid="k", expires_at=NOW)


def test_an_unsigned_seal_or_a_turned_range_is_refused(db: None) -> None:
    for act in (
        lambda: Checkpoint.objects.create(
            number=1, row_count=1, leaves=b"l", root="00", kid="k", statement=""
        ),
        lambda: Tombstone.objects.create(
            actor="a", first_id=1, last_id=1, row_count=1, kid="k", statement=""
        ),
        lambda: tombstone(2, 1),
        lambda: RefusalCount.objects.create(at=NOW, issuer="i", network="n", error="e", refused=0),
    ):
        with pytest.raises(IntegrityError):
            act()


@contextmanager
def standing_again() -> Iterator[None]:
    try:
        yield
    finally:
        triggers.remove(connection)
        triggers.install(connection)


def test_all_triggers_stand(db: None) -> None:
    assert triggers.missing(connection) == []
    assert len(triggers.triggers(connection.vendor)) == 3 * len(ROWS)


def test_each_trigger_that_is_dropped_is_named(db: None) -> None:
    with standing_again():
        for number, trigger in enumerate(triggers.triggers(connection.vendor), start=1):
            run(trigger.drop)
            assert trigger.name in triggers.missing(connection)
            assert len(triggers.missing(connection)) == number
    assert triggers.missing(connection) == []


def test_a_trigger_that_is_switched_off_is_named(db: None) -> None:
    if connection.vendor == "sqlite":
        return  # Its triggers have no switch.
    with standing_again():
        run("ALTER TABLE audit_issuanceevent DISABLE TRIGGER audit_issuanceevent_no_update")
        assert triggers.missing(connection) == ["audit_issuanceevent_no_update"]
        run("ALTER TABLE audit_issuanceevent ENABLE REPLICA TRIGGER audit_issuanceevent_no_update")
        assert triggers.missing(connection) == ["audit_issuanceevent_no_update"]


def test_a_trigger_that_was_made_harmless_is_named(db: None) -> None:
    name = "audit_issuanceevent_no_update"
    (trigger,) = (trigger for trigger in triggers.triggers(connection.vendor) if trigger.name == name)
    harmless = trigger.create.replace("BEFORE UPDATE ON", "BEFORE UPDATE OF detail ON")
    with standing_again():
        run(trigger.drop)
        run(harmless)
        assert triggers.missing(connection) == [name]


def test_a_function_that_was_made_harmless_is_named(db: None) -> None:
    if connection.vendor == "sqlite":
        return  # Its triggers call none.
    with standing_again():
        run(
            "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql "
            "AS $$BEGIN RETURN NEW; END$$"
        )
        assert len(triggers.missing(connection)) == len(triggers.triggers("postgresql"))


def test_a_lost_power_cut_is_named_before_it_comes(db: None) -> None:
    sqlite = connection.vendor == "sqlite"
    off, name = ("PRAGMA synchronous=NORMAL", "synchronous") if sqlite else (
        "SET synchronous_commit = local", "synchronous_commit",
    )  # fmt: skip
    before = durability.problems(connection)
    assert not any(name in problem for problem in before)
    run(off)
    try:
        (problem,) = (problem for problem in durability.problems(connection) if problem not in before)
        assert name in problem
    finally:
        connection.close()
    assert durability.problems(connection) == before
