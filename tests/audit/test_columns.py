"""audit/sealing/sealed_columns.py: a column that is added, renamed or dropped later is not taken for tampering."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState
from django.utils import timezone

from audit.exporting.export import NDJSON, Export
from audit.exporting.exported_rows import UnknownColumnsError
from audit.models import Checkpoint, Inspection, IssuanceEvent
from audit.reading.filters import EventFilter
from audit.sealing import sealed_columns
from audit.sealing.first_columns import FIRST_COLUMNS
from audit.sealing.leaf import SealedTable
from audit.sealing.sealed_columns import RENAMED, as_sealed
from audit.sealing.sealed_tables import sealed_tables
from audit.verification.rows_in_view import State, checked
from issuers.models import Issuer
from keys.record_key import statement_reader
from relying_parties.models import ResourceServer
from tests.audit import sealed as hand
from tests.audit.rows import EVENTS, event, sealed_events
from tests.audit.tampering import found, without_triggers
from tests.support.cast import Cast
from upkeep.sealing import seal

CHANGED = "it was changed after it was sealed"
HISTORY: type[models.Model] = ResourceServer.history.model
HISTORY_TABLE = HISTORY._meta.db_table


def known(model: type[models.Model], name: str, field: "models.Field[Any, Any]") -> None:
    """From now on this version of the server has the column."""
    field.contribute_to_class(model, name)
    forget()


def unknown(model: type[models.Model], name: str) -> None:
    model._meta.local_fields.remove(model._meta.get_field(name))  # type: ignore[arg-type]
    model._meta._expire_cache()  # type: ignore[attr-defined]
    delattr(model, name)
    forget()


def forget() -> None:
    sealed_tables.cache_clear()
    sealed_columns._with_columns.cache_clear()


@contextmanager
def added(model: type[models.Model], name: str, **options: Any) -> Iterator[None]:
    """A column more, in the database and in the model."""
    field: models.Field[Any, Any] = models.CharField(max_length=50, blank=True, **options)
    field.set_attributes_from_name(name)
    field.model = model
    with connection.schema_editor() as editor:
        editor.add_field(model, field)
    known(model, name, field)
    try:
        yield
    finally:
        dropped(model)


def attnames(model: type[models.Model]) -> set[str]:
    return {field.attname for field in model._meta.local_fields}


OWN_COLUMNS = {model: attnames(model) for model in (HISTORY, IssuanceEvent)}
"""As the code has them, before a test adds any."""


def dropped(model: type[models.Model]) -> None:
    """What was added, by whatever name it has now."""
    own = OWN_COLUMNS[model]
    for field in [field for field in model._meta.local_fields if field.attname not in own]:
        name, kept = field.attname, field
        unknown(model, name)
        with connection.schema_editor() as editor:
            editor.remove_field(model, kept)


def renamed(model: type[models.Model], old: str, new: str) -> None:
    former = model._meta.get_field(old)
    field = former.clone()  # type: ignore[union-attr]
    field.set_attributes_from_name(new)
    field.model = model
    with connection.schema_editor() as editor:
        editor.alter_field(model, former, field)  # type: ignore[arg-type]
    unknown(model, old)
    known(model, new, field)


def a_change(identifier: str) -> int:
    """A row of the configuration's history."""
    ResourceServer(issuer=Issuer.objects.get(path="other"), identifier=identifier, name="N").save()
    row = ResourceServer.history.get(identifier=identifier)
    pk: int = row.history_id
    return pk


def put(table: type[models.Model], pk: int, **values: object) -> None:
    with without_triggers():
        table._default_manager.filter(pk=pk).update(**values)


def verified(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status of `audit verify`, and what it says."""
    capsys.readouterr()
    try:
        call_command("audit", "verify")
    except CommandError as error:
        return error.returncode, capsys.readouterr().out + str(error)
    return 0, capsys.readouterr().out


@pytest.mark.usefixtures("sealed")
def test_a_column_that_is_added_later_changes_no_old_row_and_is_sealed_from_then_on() -> None:
    old = a_change("old")
    seal(timezone.now())
    with added(HISTORY, "note", default=""):
        new = a_change("new")
        seal(timezone.now())
        assert found() == []
        put(HISTORY, old, note="nobody vouches for this")
        assert found() == []
        put(HISTORY, new, note="x")
        assert found() == [f"{HISTORY_TABLE} {new}: {CHANGED}"]
        put(HISTORY, new, note="")
        put(HISTORY, old, name="x")
        assert found() == [f"{HISTORY_TABLE} {old}: {CHANGED}"]


@pytest.mark.usefixtures("sealed")
def test_a_column_that_a_release_renames_is_compared_under_its_new_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with added(HISTORY, "note", default="as it was"):
        row = a_change("one")
        seal(timezone.now())
        renamed(HISTORY, "note", "remark")
        monkeypatch.setattr(sealed_columns, "RENAMED", {HISTORY_TABLE: {"note": "remark"}})
        forget()
        a_change("two")
        seal(timezone.now())
        assert found() == []
        put(HISTORY, row, remark="x")
        assert found() == [f"{HISTORY_TABLE} {row}: {CHANGED}"]


@pytest.mark.usefixtures("sealed")
def test_a_column_that_was_dropped_leaves_rows_that_cannot_be_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with added(HISTORY, "note", default="as it was"):
        a_change("one")
        seal(timezone.now())
        assert verified(capsys)[0] == 0
        dropped(HISTORY)
        a_change("two")
        seal(timezone.now())
        status, told = verified(capsys)
    assert (status, found()) == (2, [])
    assert (
        f"1 rows of {HISTORY_TABLE} cannot be compared: they were sealed with columns that this version does not"
        in told
    )
    assert "(note). Verify with the version that sealed them" in told
    assert "no problem, but not all could be compared" in Inspection.objects.latest("pk").result


@pytest.mark.usefixtures("sealed")
def test_a_row_that_was_empty_in_the_dropped_column_is_still_proven() -> None:
    with added(HISTORY, "note", null=True):
        row = a_change("one")
        seal(timezone.now())
        dropped(HISTORY)
        assert found() == []
        put(HISTORY, row, name="x")
        assert found() == []


@pytest.mark.usefixtures("sealed")
def test_what_a_newer_version_sealed_is_said_to_be_that_and_not_altered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The older one has no column `origin`: what it knows of the record's columns, it knew when it started."""
    [before] = sealed_events(1)
    with added(IssuanceEvent, "origin", null=True):
        row = event(origin="elsewhere")
        seal(timezone.now())
        assert found() == []
        unknown(IssuanceEvent, "origin")
        status, told = verified(capsys)
        states = [
            one.state for one in checked(list(IssuanceEvent.objects.order_by("pk")), read=statement_reader())
        ]
        with pytest.raises(
            UnknownColumnsError, match=rf"Row {row.pk} .* \(origin\): export with the version"
        ):
            "".join(Export(EventFilter(), form=NDJSON))
        with pytest.raises(CommandError, match=f"^Not exported: Row {row.pk} is sealed with columns"):
            call_command("audit", "export")
        with pytest.raises(CommandError, match=r"\(origin\): prune with the version that sealed them"):
            call_command("audit", "prune", "--before", f"{timezone.now().isoformat()}")
        known(IssuanceEvent, "origin", models.CharField(max_length=50, null=True))
    assert (status, f"1 rows of {EVENTS} cannot be compared" in told) == (2, True)
    assert states == [State.AS_SEALED, State.NOT_COMPARED]
    assert IssuanceEvent.objects.filter(pk__in=[before, row.pk]).count() == 2


def test_a_statement_from_before_columns_were_named_is_read_with_the_first_ones(cast: Cast) -> None:
    row = event(confirmation="jkt:x")
    hand.seal(columns=None)
    seal(timezone.now())
    with added(IssuanceEvent, "origin", null=True):
        put(IssuanceEvent, row.pk, origin="x")
        assert [line for line in found() if not line.startswith("sum of the hour")] == []
    put(IssuanceEvent, row.pk, confirmation="jkt:y")
    assert found() == [f"{EVENTS} {row.pk}: {CHANGED}"]


@pytest.mark.parametrize("columns", [7, {}, {EVENTS: ["id"], "elsewhere": ["id"]}, {"elsewhere": ["id"]}])
def test_a_statement_names_the_columns_of_its_own_tables(cast: Cast, columns: Any) -> None:
    event()
    number = hand.seal(columns=columns).number
    why = "its leaves are of other tables than its statement names"
    assert f"checkpoint {number}: {why}" in found()


def test_what_a_statement_says_that_nobody_signed_breaks_nothing(cast: Cast) -> None:
    event()
    made = hand.seal(columns={EVENTS: []})
    header, claims, signature = made.statement.split(".")
    with without_triggers():
        Checkpoint.objects.update(statement=f"{header}.{claims}.{signature[:-4]}AAAA")
    told = found()
    assert told[0].startswith(f"checkpoint {made.number}: its statement is not the record's")


def test_every_first_column_is_still_there() -> None:
    assert FIRST_COLUMNS.keys() <= {table.name for table in sealed_tables()}
    assert [table.name for table in sealed_tables() if as_sealed(table, {}).unknown] == []


def test_no_former_name_is_given_to_another_column() -> None:
    for table in sealed_tables():
        assert not RENAMED.get(table.name, {}).keys() & {column.name for column in table.columns}


def kinds(state: ModelState) -> dict[str, str]:
    """How each column of a model stands in a leaf."""
    found = {}
    for name, field in state.fields.items():
        is_key = isinstance(field, models.ForeignKey)
        found[f"{name}_id" if is_key else name] = (
            "instant" if isinstance(field, models.DateTimeField)
            else "JSON" if isinstance(field, models.JSONField)
            else "boolean" if isinstance(field, models.BooleanField)
            else "number" if isinstance(field, models.IntegerField) or is_key
            else "text"
        )  # fmt: skip
    return found


@pytest.mark.django_db
def test_no_migration_drops_a_sealed_column_or_changes_how_it_is_written() -> None:
    """Rows that were sealed with it could be compared no more."""
    loader = MigrationLoader(connection)
    plan = [node for leaf in loader.graph.leaf_nodes() for node in loader.graph.forwards_plan(leaf)]
    last = loader.project_state()
    for table in sealed_tables():
        label = (table.model._meta.app_label, str(table.model._meta.model_name))
        now, renamed_columns = kinds(last.models[label]), RENAMED.get(table.name, {})
        for node in dict.fromkeys(plan):
            if node[0] != label[0] or label not in (state := loader.project_state(node)).models:
                continue
            for column, kind in kinds(state.models[label]).items():
                assert now.get(renamed_columns.get(column, column)) == kind, (
                    f"{table.name}.{column} after {node}"
                )


def test_every_model_of_a_sealed_table_is_found_in_the_migrations() -> None:
    assert all(apps.get_model(table.model._meta.label) is table.model for table in sealed_tables())


def test_a_table_as_sealed_is_the_same_where_all_columns_are_named() -> None:
    table = SealedTable.of(IssuanceEvent)
    assert as_sealed(table, {"columns": sealed_columns.names_of([table])}) == table


def test_a_renamed_column_has_its_old_name_in_a_leaf_and_its_new_one_in_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = SealedTable.of(IssuanceEvent)
    monkeypatch.setattr(sealed_columns, "RENAMED", {table.name: {"address": "ip"}})
    forget()
    old = as_sealed(table, {"columns": {table.name: ["address", "at", "id"]}})
    members = {"table": table.name, "address": "192.0.2.1", "id": 1}
    assert old.members_of({"table": table.name, "ip": "192.0.2.1", "id": 1, "kid": "k"}) == members
    assert old.by_name(members) == {"table": table.name, "ip": "192.0.2.1", "id": 1}
