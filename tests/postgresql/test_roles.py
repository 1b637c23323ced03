"""deploy/postgresql-roles.sql: the server cannot change the record, not even by its own hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client

from audit.models import Inspection, IssuanceEvent, Tombstone
from audit.protection import triggers
from issuers.models import Issuer
from tests.audit.sealed import seal
from tests.postgresql.conftest import psql, run
from tests.support.cast import Cast
from tests.support.wire import ask, get

FILE = ("--file", "deploy/postgresql-roles.sql")
SERVER, MAINTENANCE = "m2m_idp_server", "m2m_idp_maintenance"
SEALED = (
    "audit_issuanceevent", "audit_checkpoint", "audit_tombstone", "audit_refusalcount", "audit_inspection",
    "audit_operationalevent", "issuers_historicalissuer",
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("own_database")


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    run(f"SET ROLE {role}")
    try:
        yield
    finally:
        run("RESET ROLE")


def test_the_server_issues_records_seals_and_is_configured_by_its_role(cast: Cast) -> None:
    psql(*FILE)
    root = User.objects.create_superuser("root")
    with acting_as(SERVER):
        assert ask(auth=cast.basic("billing")).status == 200
        assert ask(auth=cast.basic("retired")).status == 401
        seal()
        browser = Client()
        browser.force_login(root)
        assert browser.get("/admin/audit/issuanceevent/export.ndjson").getvalue().count(b"\n") == 5
        Issuer.objects.get(path="other").checked().save()
        assert get("/readyz").json["status"] == "ok"
    assert (IssuanceEvent.objects.count(), Inspection.objects.count()) == (2, 2)


def forbidden(role: str, table: str) -> list[str]:
    column = "name" if "historical" in table else "id"
    statements = [
        f"UPDATE {table} SET {column} = {column}",  # noqa: S608
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"DROP TABLE {table}",
        f"CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
    ]
    may_delete = (role, table) == (MAINTENANCE, "audit_issuanceevent")
    return statements if may_delete else [*statements, f"DELETE FROM {table}"]  # noqa: S608


def test_no_role_changes_the_record_or_takes_its_triggers_away(cast: Cast) -> None:
    psql(*FILE)
    for role in (SERVER, MAINTENANCE):
        with acting_as(role):
            for statement in [statement for table in SEALED for statement in forbidden(role, table)]:
                with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
                    run(statement)


def test_the_role_of_maintenance_deletes_under_a_tombstone_alone(cast: Cast) -> None:
    psql(*FILE)
    ask(auth=cast.basic("billing"))
    (row_id,) = IssuanceEvent.objects.values_list("pk", flat=True)
    with acting_as(MAINTENANCE):
        with pytest.raises(DatabaseError, match="append-only"):
            IssuanceEvent.objects.all().delete()
        Tombstone.objects.create(
            actor="a", first_id=row_id, last_id=row_id, row_count=1, kid="k", statement="s"
        )
        IssuanceEvent.objects.all().delete()
    assert not IssuanceEvent.objects.exists()


def test_only_the_owner_installs_triggers_again(cast: Cast) -> None:
    psql(*FILE)
    run("DROP TRIGGER audit_issuanceevent_no_update ON audit_issuanceevent")
    try:
        with (
            acting_as(SERVER),
            pytest.raises(
                CommandError, match=r"(must be owner|permission denied) .* name it in DATABASE_URL\."
            ),
        ):
            call_command("audit", "install-triggers")
        call_command("audit", "install-triggers")
    finally:
        triggers.remove(connection)
        triggers.install(connection)


def test_it_can_be_run_again(cast: Cast) -> None:
    psql(*FILE)
    run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {SERVER}")
    psql(*FILE)
    with acting_as(SERVER), pytest.raises(DatabaseError, match="permission denied"):
        run("DELETE FROM audit_issuanceevent")
