"""Append-only, enforced by the database: the statements, and the check that they stand.

UPDATE never; DELETE only of rows that a tombstone, inserted first, covers; TRUNCATE never; on SQLite an INSERT of an
existing id never, nor of a second checkpoint after the same one (REPLACE passes the other triggers by).
"""
# ruff: noqa: S608 - the statements are made of this module's own constants

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

EVENTS = "audit_issuanceevent"
TOMBSTONES = "audit_tombstone"
CHECKPOINTS = "audit_checkpoint"
NEVER_DELETED = (TOMBSTONES, CHECKPOINTS, "audit_refusalcount", "audit_inspection", "audit_operationalevent")
TABLES = (EVENTS, *NEVER_DELETED)


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    table: str
    create: str
    drop: str


def triggers(vendor: str, tables: Iterable[str] = TABLES) -> list[Trigger]:
    make = {"sqlite": _sqlite, "postgresql": _postgresql}[vendor]
    return [trigger for table in tables for trigger in make(table)]


def install(connection: Any, tables: Iterable[str] = TABLES) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
        for trigger in triggers(connection.vendor, tables):
            cursor.execute(trigger.create)


def remove(connection: Any, tables: Iterable[str] = TABLES) -> None:
    with connection.cursor() as cursor:
        for trigger in triggers(connection.vendor, tables):
            cursor.execute(trigger.drop)
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS audit_is_append_only()")


def install_again(connection: Any, lost: Iterable[str]) -> None:
    """Make those triggers again that `missing` names, and the function that all call. Call it in a transaction.

    A trigger for each row of a partitioned table gives all partitions theirs; one for TRUNCATE each has to have itself.
    """
    names = {name.partition(" on ")[0] for name in lost}
    with connection.cursor() as cursor:
        partitions = _partitions(cursor) if connection.vendor == "postgresql" else []
        if connection.vendor == "postgresql":
            # Requests wait behind a lock that is waited for.
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(_POSTGRESQL_FUNCTION)
        for trigger in (trigger for trigger in triggers(connection.vendor) if trigger.name in names):
            own = partitions if trigger.table == EVENTS else []
            for statement in (
                trigger.drop,
                *(_on(partition, trigger.drop) for partition in own),
                trigger.create,
            ):
                cursor.execute(statement)
            for partition in own if "TRUNCATE" in trigger.create else []:
                cursor.execute(_on(partition, trigger.create))


def missing(connection: Any, tables: Iterable[str] = TABLES, *, by_name: bool = False) -> list[str]:
    """The names of triggers that do not stand as they were made, call another function, or are switched off.

    `by_name`: another version made them, in its own words; they stand if they are on and have their names. On
    PostgreSQL each partition of the record has to have them too (deploy/postgresql-partitions.sql).
    """
    read = {"sqlite": _standing_on_sqlite, "postgresql": _standing_on_postgresql}[connection.vendor]
    with connection.cursor() as cursor:
        standing = read(cursor, by_name=by_name)
        partitions = _partitions(cursor) if connection.vendor == "postgresql" else []
    wanted = triggers(connection.vendor, tables)
    on_partitions = [
        (
            f"{trigger.name} on {partition}",
            replace(trigger, table=partition, create=_on(partition, trigger.create)),
        )
        for partition in partitions
        for trigger in wanted
        if trigger.table == EVENTS
    ]
    return [
        name
        for name, trigger in [*((trigger.name, trigger) for trigger in wanted), *on_partitions]
        if (f"{trigger.name} on {trigger.table}" if by_name else trigger.create) not in standing
    ]


def _on(partition: str, statement: str) -> str:
    """A statement about the record's table, about one of its partitions."""
    return re.sub(rf" ON {EVENTS}\b", f" ON {partition}", statement)


def _standing_on_sqlite(cursor: Any, *, by_name: bool) -> set[str]:
    cursor.execute("SELECT sql, name || ' on ' || tbl_name FROM sqlite_master WHERE type = 'trigger'")
    return {name if by_name else definition for definition, name in cursor.fetchall()}


def _standing_on_postgresql(cursor: Any, *, by_name: bool) -> set[str]:
    cursor.execute(
        "SELECT pg_get_triggerdef(t.oid, true), tgname || ' on ' || tgrelid::regclass, prosrc = %s "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE (NOT tgisinternal OR tgparentid <> 0) AND tgenabled IN ('O', 'A')",
        [_POSTGRESQL_BODY],
    )
    return {
        name if by_name else definition
        for definition, name, is_ours in cursor.fetchall()
        if by_name or is_ours
    }


def _partitions(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT relid::regclass::text FROM pg_partition_tree(to_regclass(%s)) WHERE level > 0 ORDER BY 1",
        [EVENTS],
    )
    return [name for (name,) in cursor.fetchall()]


def _sqlite(table: str) -> list[Trigger]:
    def trigger(event: str, condition: str = "") -> Trigger:
        name = f"{table}_no_{event.lower()}"
        return Trigger(
            name=name,
            table=table,
            create=f"CREATE TRIGGER {name} BEFORE {event} ON {table} {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
            drop=f"DROP TRIGGER IF EXISTS {name}",
        )

    return [
        trigger("UPDATE"),
        trigger("DELETE", _unless_covered(table)),
        trigger("INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {_taken(table)})"),
    ]


def _taken(table: str) -> str:
    """The rows whose place a new one would take: those that it equals in a unique column."""
    if table != CHECKPOINTS:
        return "id = NEW.id"
    return "id = NEW.id OR number = NEW.number OR previous_id IS NEW.previous_id"


def _unless_covered(table: str) -> str:
    if table in NEVER_DELETED:
        return ""
    return f"WHEN NOT EXISTS (SELECT 1 FROM {TOMBSTONES} WHERE OLD.id BETWEEN first_id AND last_id)"


# The tombstones are those of the table's own schema: a temporary table of the name stands before all others.
_POSTGRESQL_BODY = f"""
DECLARE
    is_covered boolean;
BEGIN
    IF TG_OP = 'DELETE' AND coalesce(pg_partition_root(TG_RELID), TG_RELID) = '{EVENTS}'::regclass THEN
        EXECUTE format(
            'SELECT EXISTS (SELECT 1 FROM %I.{TOMBSTONES} WHERE $1 BETWEEN first_id AND last_id)', TG_TABLE_SCHEMA
        ) INTO is_covered USING OLD.id;
        IF is_covered THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END """
_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql "
    f"AS $${_POSTGRESQL_BODY}$$"
)


def _postgresql(table: str) -> list[Trigger]:
    def trigger(event: str, *, for_each: str) -> Trigger:
        name = f"{table}_no_{event.lower()}"
        return Trigger(
            name=name,
            table=table,
            create=f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {for_each} "
            f"EXECUTE FUNCTION audit_is_append_only()",
            drop=f"DROP TRIGGER IF EXISTS {name} ON {table}",
        )

    return [
        trigger("UPDATE", for_each="ROW"),
        trigger("DELETE", for_each="ROW"),
        trigger("TRUNCATE", for_each="STATEMENT"),
    ]
