"""Changing the indexes of a large table while rows are written to it: operations for migrations.

PostgreSQL makes such an index CONCURRENTLY, which is not possible in a transaction: the migration is `atomic = False`.
So it may be interrupted halfway; when it runs again, it makes again what is there by then. A partitioned table cannot
have its indexes made so.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, RemoveIndex


class AddIndexLive(AddIndex):
    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        _make(schema_editor, to_state.apps.get_model(app_label, self.model_name), self.index)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        _drop(schema_editor, from_state.apps.get_model(app_label, self.model_name), self.index)


class RemoveIndexLive(RemoveIndex):
    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        _drop(schema_editor, *self._named_in(from_state, app_label))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        _make(schema_editor, *self._named_in(to_state, app_label))

    def _named_in(self, state: Any, app_label: str) -> tuple[type[models.Model], models.Index]:
        index = state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        return state.apps.get_model(app_label, self.model_name), index


def _make(editor: BaseDatabaseSchemaEditor, model: type[models.Model], index: models.Index) -> None:
    _drop(editor, model, index)
    editor.add_index(model, index, **_way(editor, model))


def _drop(editor: BaseDatabaseSchemaEditor, model: type[models.Model], index: models.Index) -> None:
    """If it is there: complete, or invalid, as an interrupted attempt leaves it."""
    with editor.connection.cursor() as cursor:
        there = editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    if index.name in there:
        editor.remove_index(model, index, **_way(editor, model))


def _way(editor: BaseDatabaseSchemaEditor, model: type[models.Model]) -> dict[str, bool]:
    if editor.connection.vendor != "postgresql":
        return {}
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        return {"concurrently": cursor.fetchone()[0] != "p"}
