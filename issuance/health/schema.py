"""Whether the database has the tables that this version asks for."""

from audit.protection.schema import schema


def migration_problems() -> list[str]:
    """Forgiven in a process that runs: an older version goes on while a newer one is installed, host after host."""
    return schema().problems
