"""audit/protection: another version's schema is reported as such, and no way back loses a proof."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from audit.models import IssuanceEvent
from audit.protection import triggers
from tests.audit.rows import sealed_events
from tests.audit.tampering import found
from tests.support.cast import Cast
from tests.support.server import serve
from tests.support.wire import ask

NEWER = "9999_of_a_newer_version"


def ready() -> tuple[int, str, list[str]]:
    answer = Client().get("/readyz")
    told: dict[str, Any] = json.loads(answer.content)
    assert all(isinstance(problems, list) for problems in told["checks"].values())
    return answer.status_code, told["status"], told["checks"]["migrations"]


def test_an_older_version_goes_on_beside_a_newer_schema_and_says_so(cast: Cast) -> None:
    MigrationRecorder(connection).record_applied("audit", NEWER)
    why = f"The database's schema is newer than this version (audit {NEWER}): restart this host with the newer version."
    assert ready() == (200, "degraded", [why])
    assert ask(auth=cast.basic("billing")).status == 200
    assert IssuanceEvent.objects.exists()


def test_a_process_that_misses_migrations_goes_on_and_says_so(cast: Cast) -> None:
    MigrationRecorder(connection).record_unapplied("console", "0001_roles")
    assert ready() == (200, "degraded", ["1 migrations are not applied: run manage.py migrate."])
    assert ask(auth=cast.basic("billing")).status == 200


def test_migrations_of_apps_that_are_not_installed_are_nothing_to_it(cast: Cast) -> None:
    MigrationRecorder(connection).record_applied("former_app", "0001_initial")
    assert ready() == (200, "ok", [])


@contextmanager
def other_words(name: str) -> Iterator[None]:
    """The trigger as another version might have made it."""
    [trigger] = [trigger for trigger in triggers.triggers(connection.vendor) if trigger.name == name]
    with connection.cursor() as cursor:
        cursor.execute(trigger.drop)
        cursor.execute(trigger.create.replace("BEFORE UPDATE ON", "BEFORE UPDATE OF id, at ON"))
    try:
        yield
    finally:
        triggers.remove(connection)
        triggers.install(connection)


def test_a_trigger_in_the_words_of_another_version_is_none_that_is_missing(cast: Cast) -> None:
    name = "audit_issuanceevent_no_update"
    with other_words(name):
        assert ready()[0] == 503
        MigrationRecorder(connection).record_applied("audit", NEWER)
        assert ready()[:2] == (200, "degraded")
        with connection.cursor() as cursor:
            cursor.execute(next(t.drop for t in triggers.triggers(connection.vendor) if t.name == name))
        assert ready()[0] == 503


def test_the_triggers_of_tables_that_are_to_come_are_not_missing(cast: Cast) -> None:
    call_command("migrate", "audit", "0005", verbosity=0)
    try:
        status, told, [why] = ready()
        assert (status, told, "not applied: run manage.py migrate." in why) == (200, "degraded", True)
        assert ask(auth=cast.basic("billing")).status == 200
    finally:
        call_command("migrate", verbosity=0)
    assert ready()[:2] == (200, "ok")


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("app", "back_to"),
    [("audit", "0001"), ("audit", "0002"), ("audit", "0003"), ("audit", "zero"), ("relying_parties", "zero"),
     ("relying_parties", "0001"), ("issuers", "zero"), ("issuers", "0004"), ("keys", "zero"), ("keys", "0001")],
)  # fmt: skip
def test_no_way_back_while_there_are_rows_that_prove_something(app: str, back_to: str) -> None:
    sealed_events(2)
    tables, applied = (
        set(connection.introspection.table_names()),
        set(MigrationRecorder(connection).applied_migrations()),
    )
    with pytest.raises(
        CommandError, match=r"^Refused, and nothing was changed: to go back would take away rows"
    ):
        call_command("migrate", app, back_to, verbosity=0)
    assert set(connection.introspection.table_names()) == tables
    assert set(MigrationRecorder(connection).applied_migrations()) == applied
    assert (triggers.missing(connection), found()) == ([], [])


def manage(
    *arguments: str, environment: dict[str, str], cwd: Path = settings.BASE_DIR
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=cwd,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_an_empty_record_can_go_back_and_forth(tmp_path: Path) -> None:
    own = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    for arguments in (["migrate"], ["migrate", "audit", "0001"], ["migrate"]):
        done = manage(*arguments, "--verbosity", "0", environment=own)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_files_of_a_newer_version_beside_a_process_are_not_its_own(tmp_path: Path) -> None:
    """As between `git pull` and `manage.py migrate`."""
    product = tmp_path / "product"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "tests", "var", "node_modules", "mutants", "__pycache__"
    )
    shutil.copytree(settings.BASE_DIR, product, ignore=left_out)
    own = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    assert manage("migrate", "--verbosity", "0", cwd=product, environment=own).returncode == 0
    newer = product / "audit" / "migrations" / f"{NEWER}.py"
    text = (
        "from django.db import migrations\n\n"
        "class Migration(migrations.Migration):\n    dependencies = [('audit', '0006_operational_events')]\n"
    )
    script = (
        "from audit.protection.schema import schema; from pathlib import Path; print(schema().problems); "
        f"Path({str(newer)!r}).write_text({text!r}); print(schema().problems)"
    )
    done = manage("shell", "--no-imports", "--command", script, cwd=product, environment=own)
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr
    done = manage("shell", "--no-imports", "--command", script, cwd=product, environment=own)
    assert "1 migrations are not applied" in done.stdout.splitlines()[0], done.stderr


@pytest.mark.slow
def test_an_older_version_starts_over_a_newer_schema_and_warns(cast: Cast, tmp_path: Path) -> None:
    MigrationRecorder(connection).record_applied("audit", NEWER)
    with serve(tmp_path, 1) as server:
        assert server.get("/readyz").json()["status"] == "degraded"
        assert "restart this host with the newer version" in server.log.read_text()
