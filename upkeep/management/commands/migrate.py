"""Django's migrate. Only it creates the file of a SQLite database: the server opens an existing one, or none.

Its user alone can read the file, whatever the directory and the umask allow.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    def execute(self, *args: Any, **options: Any) -> str | None:
        # Not in `handle`: the system checks that come before it open the database.
        connection = connections[options["database"]]
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
            # SQLite gives the files beside it (-wal, -shm) the mode of this one. An empty file is an empty database.
            path = Path(connection.settings_dict["NAME"]).absolute()
            if not path.parent.is_dir():
                raise CommandError(f"The directory of the database, {path.parent}, is not there: make it.")
            path.touch(mode=0o600)
        return super().execute(*args, **options)
