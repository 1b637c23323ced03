"""Whether the database has the tables that this version asks for."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def unapplied_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migration_problems() -> list[str]:
    unapplied = unapplied_migrations()
    return [f"{unapplied} migrations are not applied: run manage.py migrate."] if unapplied else []
