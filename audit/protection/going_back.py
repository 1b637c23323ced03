"""Backward migrations are refused while they would delete rows that prove something.

This is decided before the first step, for all of them: no server can use a database that is migrated halfway.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError
from django.db import connections, migrations
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation

from audit.models import Checkpoint, HourlyCount, Tombstone
from audit.protection.live_indexes import AddIndexLive, RemoveIndexLive
from audit.sealing.sealed_tables import sealed_tables

HARMLESS = (
    migrations.AddIndex, migrations.RemoveIndex, migrations.RenameIndex, AddIndexLive, RemoveIndexLive,
    migrations.AddConstraint, migrations.RemoveConstraint, migrations.AlterModelOptions, migrations.AlterModelManagers,
)  # fmt: skip
"""Operations that change no row, also backwards."""
REFUSED = (
    "Refused, and nothing was changed: to go back would take away rows that prove the record, of {tables}. "
    "An older version serves tokens with this schema, too (docs/upgrade.md, Going back); to have its own schema, "
    "restore the backup from before the upgrade. For a missing trigger run manage.py audit install-triggers."
)


def refuse_to_lose_rows(*, plan: list[tuple[Migration, bool]], using: str, **_signal: Any) -> None:
    """A receiver of Django's pre_migrate. Raises CommandError."""
    back = [migration for migration, is_backwards in plan if is_backwards]
    if not back:
        return
    kept = {table.name for table in sealed_tables()} | {
        model._meta.db_table for model in (Checkpoint, Tombstone, HourlyCount)
    }
    at_risk = {table for migration in back for table in _tables_of(migration, kept)}
    lost = sorted(table for table in at_risk if _has_rows(table, using))
    if lost:
        raise CommandError(REFUSED.format(tables=", ".join(lost)))


def _tables_of(migration: Migration, kept: Iterable[str]) -> Iterator[str]:
    own = [table for table in kept if table.startswith(f"{migration.app_label}_")]
    for operation in migration.operations:
        if isinstance(operation, HARMLESS) or _does_nothing_back(operation):
            continue
        model = getattr(operation, "model_name", None) or getattr(operation, "name", None)
        # An operation that names no model may do anything; those that remove the triggers are of this kind.
        yield from [table for table in own if not model or table == f"{migration.app_label}_{model.lower()}"]


def _does_nothing_back(operation: Operation) -> bool:
    return isinstance(operation, migrations.RunPython) and operation.reverse_code is migrations.RunPython.noop


def _has_rows(table: str, using: str) -> bool:
    connection = connections[using]
    if table not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")  # noqa: S608
        return bool(cursor.fetchone()[0])
