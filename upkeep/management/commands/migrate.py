"""Django's migrate. It alone makes the file of a SQLite database: the server opens one that is there, or none."""

from pathlib import Path
from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection: Any = connections[options["database"]]
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():
            Path(connection.settings_dict["NAME"]).touch(mode=0o600)
        super().handle(*args, **options)
