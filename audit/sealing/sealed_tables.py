"""Which tables are sealed: the record, acts on it and on the server, and the history of the configuration."""

from functools import cache

from django.apps import apps
from django.db.models import Model

from audit.models import Inspection, IssuanceEvent, OperationalEvent, RefusalCount
from audit.sealing.leaf import SealedTable
from issuers.versioning.history import Change


@cache
def sealed_tables() -> tuple[SealedTable, ...]:
    """In the order of their names, which is that of a checkpoint's leaves."""
    histories: list[type[Model]] = [model for model in apps.get_models() if issubclass(model, Change)]
    models: list[type[Model]] = [IssuanceEvent, RefusalCount, Inspection, OperationalEvent, *histories]
    return tuple(sorted((SealedTable.of(model) for model in models), key=lambda table: table.name))
