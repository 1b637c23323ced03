"""Rows that stand already, asked before a migration adds a constraint which they would violate."""

from typing import Any

from django.core.management import CommandError
from django.db import migrations
from django.db.models import Q

MAX_NAMED = 20


def refuse_standing_rows(
    app: str, model: str, *, unless: Q, named_by: tuple[str, ...], advice: str
) -> migrations.RunPython:
    """A migration's operation that stops with the rows' names and what to do, and has changed nothing."""

    def refuse(apps: Any, schema_editor: Any) -> None:
        rows = apps.get_model(app, model).objects.using(schema_editor.connection.alias).filter(~unless)
        if found := list(rows.order_by("pk").values_list("pk", *named_by)[: MAX_NAMED + 1]):
            named = "; ".join(_name(model, *values) for values in found[:MAX_NAMED])
            more = " and more" if len(found) > MAX_NAMED else ""
            raise CommandError(f"Not migrated. {advice} This is not so for: {named}{more}.")

    return migrations.RunPython(refuse, migrations.RunPython.noop)


def _name(model: str, pk: int, *values: object) -> str:
    return f"{model} {' '.join(map(str, values))} (id {pk})"
