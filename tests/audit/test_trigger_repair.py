"""manage.py audit install-triggers: what the health check advises is done, and no proof is lost."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from audit.models import Checkpoint, Inspection, OperationalEvent
from audit.protection import triggers
from tests.audit.rows import sealed_events
from tests.audit.tampering import found, statements

NAME = "audit_issuanceevent_no_update"
ADVICE = re.compile(r"manage\.py ([a-z_-]+(?: [a-z-]+)?)(?=[,.:]| *$)")

pytestmark = pytest.mark.usefixtures("sealed")


@pytest.fixture(autouse=True)
def standing_afterwards(db: None) -> Iterator[None]:
    yield
    triggers.remove(connection)
    triggers.install(connection)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def readiness() -> tuple[int, list[str]]:
    answer = Client().get("/readyz")
    return answer.status_code, json.loads(answer.content)["checks"]["record"]


def dropped(name: str) -> None:
    run(next(trigger.drop for trigger in triggers.triggers(connection.vendor) if trigger.name == name))


def test_its_advice_mends_a_missing_trigger_and_loses_no_proof() -> None:
    sealed_events(3)
    Inspection.objects.create(at=timezone.now(), actor="a", source="admin", act="export", rows=1)
    before = (statements(), Inspection.objects.count())
    dropped(NAME)

    status, [told] = readiness()

    assert (status, NAME in told) == (503, True)
    assert ADVICE.findall(told) == ["audit install-triggers", "audit verify"]
    for command in ADVICE.findall(told):
        call_command(*shlex.split(command))
    assert readiness() == (200, [])
    assert (statements(), Inspection.objects.count() - 1) == before
    assert found() == []


def test_a_sealed_row_tells_which_were_missing(capsys: pytest.CaptureFixture[str]) -> None:
    dropped(NAME)
    dropped("audit_checkpoint_no_delete")
    call_command("audit", "install-triggers")
    row = OperationalEvent.objects.get()
    assert (row.kind, row.source, row.target) == ("triggers_installed", "command", "2 triggers")
    assert row.detail == f"Missing, switched off or altered: {NAME}, audit_checkpoint_no_delete."
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if not line.startswith("{")] == [
        f"Installed again: {NAME}", "Installed again: audit_checkpoint_no_delete",
        "It is written down in the record. Rows may have been changed meanwhile: run manage.py audit verify.",
    ]  # fmt: skip


def test_where_all_stand_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit", "install-triggers")
    assert capsys.readouterr().out == "All triggers of the record are in place: nothing was changed.\n"
    assert not OperationalEvent.objects.exists()


def test_every_trigger_is_installed_again() -> None:
    triggers.remove(connection)
    assert len(triggers.missing(connection)) == len(triggers.triggers(connection.vendor))
    call_command("audit", "install-triggers")
    assert triggers.missing(connection) == []


def test_a_trigger_that_was_made_harmless_is_made_again() -> None:
    [trigger] = [trigger for trigger in triggers.triggers(connection.vendor) if trigger.name == NAME]
    run(trigger.drop)
    run(trigger.create.replace("BEFORE UPDATE ON", "BEFORE UPDATE OF detail ON"))
    call_command("audit", "install-triggers")
    assert triggers.missing(connection) == []


def test_a_trigger_that_was_switched_off_and_a_function_that_was_made_harmless_are_made_again() -> None:
    if connection.vendor == "sqlite":
        return  # Its triggers have no switch, and call no function.
    run(f"ALTER TABLE audit_issuanceevent DISABLE TRIGGER {NAME}")
    call_command("audit", "install-triggers")
    assert triggers.missing(connection) == []
    body = "RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$"
    run(f"CREATE OR REPLACE FUNCTION audit_is_append_only() {body}")
    call_command("audit", "install-triggers")
    assert triggers.missing(connection) == []
    assert "audit_checkpoint_no_truncate" in OperationalEvent.objects.latest("pk").detail


def test_it_keeps_off_the_schema_of_another_version() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("audit", "9999_of_a_newer_version")
    with pytest.raises(
        CommandError, match="schema is newer than this version: run this with the newer version"
    ):
        call_command("audit", "install-triggers")
    recorder.record_unapplied("audit", "9999_of_a_newer_version")
    recorder.record_unapplied("audit", "0006_operational_events")
    with pytest.raises(CommandError, match=r"1 migrations are not applied: run manage\.py migrate\."):
        call_command("audit", "install-triggers")


def test_the_checkpoints_are_those_that_were_there() -> None:
    sealed_events(1)
    before = list(Checkpoint.objects.values())
    triggers.remove(connection)
    call_command("audit", "install-triggers")
    assert list(Checkpoint.objects.values()) == before
