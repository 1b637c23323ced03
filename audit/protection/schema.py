"""Whether the database has the tables of this version of the server, or those of another version.

The migrations of this version are read once: when a newer version is installed over it, its files are there already.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

Migration = tuple[str, str]
"""App and name."""
NEWER = "The database's schema is newer than this version"


@dataclass(frozen=True, slots=True)
class Schema:
    unapplied: frozenset[Migration]
    """Migrations of this version that the database lacks."""
    unknown: frozenset[Migration]
    """Migrations of the database that this version, which is older, does not have."""

    @property
    def is_ours(self) -> bool:
        return not self.unapplied and not self.unknown

    @property
    def problems(self) -> list[str]:
        """In sentences that say what to do."""
        newer = ", ".join(f"{app} {name}" for app, name in sorted(self.unknown))
        return [
            *(
                [f"{len(self.unapplied)} migrations are not applied: run manage.py migrate."]
                if self.unapplied
                else []
            ),
            *([f"{NEWER} ({newer}): restart this host with the newer version."] if self.unknown else []),
        ]


def schema() -> Schema:
    """Of the database as it is now. Raises the errors of the database."""
    applied = frozenset(MigrationRecorder(connection).applied_migrations())
    own, apps, replaced = _of_this_version()
    done = applied | {squashed for squashed, parts in replaced.items() if parts <= applied}
    parts = frozenset().union(*replaced.values())
    return Schema(
        unapplied=own - done,
        unknown=frozenset(migration for migration in applied - own - parts if migration[0] in apps),
    )


@cache
def _of_this_version() -> tuple[frozenset[Migration], frozenset[str], dict[Migration, frozenset[Migration]]]:
    """Its migrations, its apps, and for each squashed migration those that it replaces."""
    loader: Any = MigrationLoader(None)
    replaced = {key: frozenset(made.replaces) for key, made in loader.replacements.items()}
    own = frozenset(loader.disk_migrations) - frozenset().union(*replaced.values())
    return own, frozenset(loader.migrated_apps), replaced
