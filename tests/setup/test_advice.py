"""Every text of the product that tells an operator to run a command: it is run against its fault, and mends it.

`@advises` says which texts a test proves. A text that no test proves fails `test_every_advice_is_run`.
"""

import ast
import io
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from audit.models import Checkpoint, IssuanceEvent, OperationalEvent, UnsealedRange
from audit.protection import triggers
from configuration.client_file import client_file
from configuration.first_users import MissingGroupError, create_first_users
from console.admin_base.page import MAX_NAMED
from issuers.versioning import revision
from keys.models import Purpose, SigningKey
from m2m_idp.env import HOW_TO_MAKE
from relying_parties.models import RelyingParty
from relying_parties.secrets.credentials import add_generated_secret
from tests.audit.rows import event, sealed_events
from tests.audit.tampering import found, without_triggers
from tests.audit.test_schema import manage
from tests.support.cast import Cast
from upkeep.sealing import seal

ROOMS = (
    "audit",
    "configuration",
    "console",
    "formats",
    "issuance",
    "issuers",
    "keys",
    "m2m_idp",
    "relying_parties",
    "runtime",
    "upkeep",
)
COMMAND = re.compile(r"(?:manage\.py )(audit [a-z-]+|[a-z_]+)|(openssl rand)")

PROVEN: dict[tuple[str, str], str] = {
    ("keys/lifecycle/revocation.py", "revoke_key"): "tests/keys/test_pkcs11_rotation.py",
    ("keys/pkcs11/refused_pins.py", "as"): "tests/keys/test_refused_pins.py",
    ("audit/writing/record_mends.py", "migrate"): "tests/faults/test_unmigrated.py",
    ("console/site/static_files.py", "collectstatic"): "tests/setup/test_files_of_the_server.py",
    ("templates/console/not_collected.html", "collectstatic"): "tests/setup/test_files_of_the_server.py",
    ("upkeep/management/audit_acknowledge.py", "audit verify"): "tests/audit/test_acknowledgements.py",
    ("upkeep/management/audit_prune.py", "audit verify"): "tests/audit/test_acknowledgements.py",
    ("upkeep/management/audit_prune.py", "audit acknowledge"): "tests/audit/test_acknowledgements.py",
    ("upkeep/verification_orders.py", "audit verify"): "tests/upkeep/test_verification_orders.py",
    ("templates/console/integrity.html", "audit verify"): "tests/upkeep/test_verification_orders.py",
    ("templates/console/integrity.html", "maintain"): "tests/console/test_integrity.py",
}
"""By text and command the file whose test runs it. Those of this file come from `advises`."""


Test = TypeVar("Test", bound=Callable[..., None])


def advises(source: str, *commands: str) -> Callable[[Test], Test]:
    """Marks the test that runs what the texts of the file advise."""
    PROVEN.update({(source, command): __file__ for command in commands})
    return lambda test: test


def advice() -> Iterator[tuple[str, str]]:
    """File and command of each text of the product that names one. Docstrings are for who reads the code."""
    for path in [path for room in ROOMS for path in sorted((settings.BASE_DIR / room).rglob("*.py"))]:
        for text in texts(ast.parse(path.read_text())):
            yield from ((str(path.relative_to(settings.BASE_DIR)), name) for name in names_in(text))
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html")):
        name = str(path.relative_to(settings.BASE_DIR))
        yield from ((name, command) for command in names_in(path.read_text()))


def names_in(text: str) -> list[str]:
    return [match[1] or match[2] for match in COMMAND.finditer(text)]


def texts(tree: ast.Module) -> Iterator[str]:
    """What is written in strings, the pieces of one together; a docstring is an expression of its own."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    pieces = {
        id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(piece.value) if isinstance(piece, ast.Constant) else "x" for piece in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings | pieces
        ):
            yield node.value


def test_every_advice_is_run() -> None:
    assert set(advice()) == PROVEN.keys()
    for path in PROVEN.values():
        assert (settings.BASE_DIR / path).exists()


def told() -> str:
    """Everything that /readyz says."""
    checks: dict[str, list[str]] = json.loads(Client().get("/readyz").content)["checks"]
    return "\n".join(problem for problems in checks.values() for problem in problems)


def commands_in(text: str) -> list[list[str]]:
    """Each command of a text, with its arguments: up to a comma, a full stop or the end."""
    return [shlex.split(words) for words in re.findall(r"manage\.py (.+?)(?=[,?]|\.(?:\s|$)|\n|$)", text)]


def proofs() -> dict[str, Any]:
    """What may only grow."""
    return {
        "checkpoints": set(Checkpoint.objects.values_list("number", "statement")),
        "columns": {field.attname for field in IssuanceEvent._meta.concrete_fields},
        "rows": set(IssuanceEvent.objects.values_list("pk", flat=True)),
        "acts": set(OperationalEvent.objects.values_list("pk", flat=True)),
    }


def follow(text: str) -> None:
    """Run each command that it names; no proof is lost."""
    before = proofs()
    for command in commands_in(text):
        call_command(*command)
    after = proofs()
    assert all(before[name] <= after[name] for name in before)
    assert found() == []


@pytest.mark.usefixtures("sealed")
@advises("issuance/health/record.py", "audit install-triggers", "audit verify")
@advises("upkeep/management/audit_install_triggers.py", "audit verify")
def test_a_missing_trigger(capsys: pytest.CaptureFixture[str]) -> None:
    sealed_events(2)
    triggers.remove(connection)
    triggers.install(connection, triggers.TABLES[1:])
    capsys.readouterr()
    advised = told().splitlines()[0]
    assert commands_in(advised)[0] == ["audit", "install-triggers"]
    follow(advised)
    assert told() == ""
    printed = capsys.readouterr().out
    assert "run manage.py audit verify." in printed
    assert ": verified, no differences" in printed


@pytest.mark.usefixtures("sealed")
@advises("audit/protection/going_back.py", "audit install-triggers")
def test_a_way_back_for_a_missing_trigger() -> None:
    sealed_events(2)
    triggers.remove(connection)
    triggers.install(connection, triggers.TABLES[1:])
    with pytest.raises(CommandError) as refused:
        call_command("migrate", "audit", "0001")
    follow(str(refused.value))
    assert told() == ""


@advises("issuance/health/record.py", "maintain")
def test_rows_that_wait_for_their_seal(cast: Cast) -> None:
    event(at=timezone.now() - timedelta(hours=2))
    assert "not sealed: run manage.py maintain" in told()
    call_command("maintain")
    assert told() == ""
    assert found() == []


@pytest.mark.usefixtures("sealed")
@advises("issuance/health/signing.py", "maintain")
@advises("templates/console/overview.html", "maintain")
@advises("templates/console/key_outlook.html", "maintain")
def test_an_overdue_key(cast: Cast, admin_client: Client) -> None:
    since = timezone.now() - timedelta(seconds=cast.other.rotation_period)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(published_at=since, activates_at=since)
    pages = ["/admin/", f"/admin/issuers/issuer/{cast.other.pk}/change/"]
    advised = "<code>manage.py maintain</code>"
    assert all(advised in admin_client.get(page).content.decode() for page in pages)
    assert "Run manage.py maintain" in told()
    call_command("maintain")
    assert told() == ""
    assert not any(advised in admin_client.get(page).content.decode() for page in pages)


@advises("audit/protection/schema.py", "migrate")
def test_migrations_that_are_not_applied(cast: Cast) -> None:
    call_command("migrate", "console", "0004", verbosity=0)
    try:
        assert commands_in(told()) == [["migrate"]]
    finally:
        call_command("migrate", verbosity=0)
    assert told() == ""


@advises("keys/lifecycle/creation.py", "create_key")
def test_an_algorithm_without_an_active_key(cast: Cast) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(signing_alg="EdDSA")
    assert commands_in(told()) == [["create_key", "oidc_m2m", "EdDSA"]]
    for command in commands_in(told()):
        call_command(*command)
    revision.forget()
    assert told() == ""


@advises("keys/record_key.py", "create_key")
def test_a_record_without_a_key(cast: Cast) -> None:
    SigningKey.objects.filter(purpose=Purpose.RECORD).delete()
    assert commands_in(told()) == [["create_key", "--record"]]
    follow(told())
    assert told() == ""


@pytest.mark.slow
@advises("upkeep/management/audit_verify.py", "migrate")
@advises("configuration/management/commands/apply.py", "migrate")
@advises("keys/management/refusals.py", "migrate")
def test_commands_on_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    own = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}
    commands = (
        ["audit", "verify"], ["apply", "--dry-run", "-f", "deploy/first.yaml"], ["create_key", "--record"],
    )  # fmt: skip
    for command in commands:
        done = manage(*command, environment=own)
        assert (done.returncode != 0, "manage.py migrate been run?" in done.stderr) == (True, True), (
            done.stderr
        )
    assert manage("migrate", "--verbosity", "0", environment=own).returncode == 0
    for command in commands:
        done = manage(*command, environment=own)
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("sealed")
@advises("audit/pruning.py", "audit verify")
def test_a_prune_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    [row] = sealed_events(1)
    with without_triggers():
        IssuanceEvent.objects.filter(pk=row).update(detail="x")
    with pytest.raises(CommandError) as refused:
        call_command("audit", "prune", "--before", timezone.now().isoformat())
    [command] = commands_in(str(refused.value))
    capsys.readouterr()
    with pytest.raises(CommandError):
        call_command(*command)
    assert f"audit_issuanceevent {row}: it was changed after it was sealed" in capsys.readouterr().out


@pytest.mark.usefixtures("sealed")
@advises("upkeep/off_box.py", "audit verify")
def test_checkpoints_that_were_removed_after_they_were_sent(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CHECKPOINT_FILE = kept = tmp_path / "checkpoints"
    sealed_events(1)
    call_command("maintain")
    newest = Checkpoint.objects.latest("number")
    with without_triggers():
        Checkpoint.objects.filter(pk=newest.pk).delete()
    capsys.readouterr()
    with pytest.raises(CommandError):
        call_command("maintain")
    [*command, file] = commands_in(capsys.readouterr().out)[0]
    assert (command, file) == (["audit", "verify", "--checkpoint"], "FILE")
    with pytest.raises(CommandError):
        call_command(*command, str(kept))
    assert f"checkpoint {newest.number}: it is in the file and is missing here" in capsys.readouterr().out


@advises("configuration/first_users.py", "migrate")
def test_a_group_that_is_missing(cast: Cast) -> None:
    User.objects.all().delete()
    Group.objects.filter(name="Operators").delete()
    with pytest.raises(MissingGroupError) as refused:
        create_first_users()
    for command in commands_in(str(refused.value)):
        call_command(*command, verbosity=0)
    User.objects.all().delete()
    assert create_first_users().keys() == {"admin", "operator", "auditor"}
    assert Group.objects.get(name="Operators").permissions.exists()


@advises("configuration/management/commands/load_demo.py", "createsuperuser", "changepassword")
def test_the_first_superuser_and_the_password(
    cast: Cast, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.all().delete()
    call_command("load_demo")
    assert [command[0] for command in commands_in(capsys.readouterr().out)] == ["createsuperuser"]
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long password of 2026")
    call_command("createsuperuser", "--no-input", username="root@idp.example", email="")
    call_command("load_demo")
    [command] = commands_in(capsys.readouterr().out)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another password of 2026")
    call_command(*command)
    assert User.objects.get(username="root@idp.example").check_password("another password of 2026")


@advises("templates/console/whole_seal.html", "audit verify")
def test_a_record_that_was_never_verified(cast: Cast, admin_client: Client) -> None:
    sealed_events(1)
    advised = "run <code>manage.py audit verify</code>"
    assert advised in admin_client.get("/admin/").content.decode()
    call_command("audit", "verify")
    assert advised not in admin_client.get("/admin/").content.decode()


@advises("audit/verification/row_finding.py", "audit verify", "audit acknowledge")
@advises("templates/console/acknowledge.html", "audit verify", "audit acknowledge")
def test_a_finding_that_one_row_does_not_show(cast: Cast, admin_client: Client) -> None:
    first, inserted, _ = (event(number) for number in range(3))
    with without_triggers():
        IssuanceEvent.objects.filter(pk=inserted.pk)._raw_delete("default")
    seal(timezone.now())
    UnsealedRange.objects.filter(first_id=inserted.pk).delete()
    inserted.save(force_insert=True)
    asked = f"?table={first._meta.db_table}&row={inserted.pk}"
    page = admin_client.get(f"/admin/audit/operationalevent/acknowledge/{asked}").content.decode()
    assert "run manage.py audit verify" in page
    [finding] = re.findall(r"\[finding (\w+)\]", manage_here("audit", "verify"))
    manage_here("audit", "acknowledge", finding, "--reason", "put back by hand")
    assert "1 acknowledged findings" in manage_here("audit", "verify")


def manage_here(*command: str) -> str:
    """What it writes, in this process; findings do not stop the test."""
    written = io.StringIO()
    with redirect_stdout(written), suppress(CommandError):
        call_command(*command)
    return written.getvalue()


@advises("templates/console/seal_status.html", "audit verify")
def test_a_row_whose_seal_is_not_found(cast: Cast, admin_client: Client) -> None:
    late = event(at=timezone.now() - timedelta(minutes=1))
    for _ in range(4):
        sealed_events(1)
    with without_triggers():
        IssuanceEvent.objects.filter(pk=late.pk).update(at=timezone.now() + timedelta(hours=3))
    page = admin_client.get("/admin/audit/issuanceevent/").content.decode()
    assert "<code>manage.py audit verify</code> looks everywhere" in page
    with pytest.raises(CommandError):
        call_command("audit", "verify")


@advises("templates/console/needs_lines.html", "maintain")
def test_more_expiries_than_a_page_shows(
    cast: Cast, admin_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [f"secret {number:02}" for number in range(MAX_NAMED + 2)]
    for label in labels:
        add_generated_secret(
            relying_party=cast.billing, label=label, expires_at=timezone.now() + timedelta(days=3)
        )
    page = admin_client.get("/admin/").content.decode()
    assert "more: <code>manage.py maintain</code> names them all" in page
    assert any(label not in page for label in labels)
    call_command("maintain")
    printed = capsys.readouterr().out
    assert [label for label in labels if label not in printed] == []


@pytest.mark.slow
@advises("m2m_idp/env.py", "openssl rand")
def test_a_secret_that_is_missing(tmp_path: Path) -> None:
    variables = {"PUBLIC_URL": "https://idp.example.com", "VAR_DIR": str(tmp_path)} | dict.fromkeys(
        HOW_TO_MAKE, ""
    )
    for _ in HOW_TO_MAKE:
        said = manage("check", environment=variables).stderr
        missing = re.search(r"cannot start: (\w+) .* is missing\. Make one: (.*)", said)
        assert missing, said
        made = subprocess.run(["sh", "-c", missing[2]], capture_output=True, text=True, check=True)
        variables[missing[1]] = made.stdout.strip()
    done = manage("check", environment=variables)
    assert done.returncode == 0, done.stderr


@advises("configuration/client_file.py", "apply")
@advises("templates/console/client_yaml.html", "apply")
def test_a_client_that_is_copied_as_a_file(
    cast: Cast, admin_client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = admin_client.get(reverse("admin:relying_parties_relyingparty_yaml", args=[cast.billing.pk]))
    copied = client_file(cast.billing)
    assert copied.splitlines()[-1] in unescape(page.content.decode())
    (command,) = commands_in(copied)
    file = tmp_path / "client.yaml"
    file.write_text(copied)
    call_command(*[str(file) if word == "FILE" else word for word in command])
    assert "no changes" in capsys.readouterr().out


@pytest.mark.slow
@advises("m2m_idp/env_notices.py", "openssl rand")
def test_a_webhook_without_its_secret(tmp_path: Path) -> None:
    variables = {"VAR_DIR": str(tmp_path), "NOTICE_WEBHOOK_URL": "https://hooks.example.com/"}
    asked = re.search(r"Make one: (.*)", manage("check", environment=variables).stderr)
    assert asked
    made = subprocess.run(["sh", "-c", asked[1]], capture_output=True, text=True, check=True)
    done = manage("check", environment=variables | {"NOTICE_WEBHOOK_SECRET": made.stdout.strip()})
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@advises("issuance/health/start.py", "migrate")
@advises("m2m_idp/sqlite/base.py", "migrate", "audit verify")
def test_a_database_file_that_is_missing(tmp_path: Path) -> None:
    own = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}
    missing = manage("audit", "verify", environment=own)
    assert missing.returncode == 2
    assert "is missing: put it back, or run manage.py migrate to make a new one" in missing.stderr
    assert manage("migrate", "--verbosity", "0", environment=own).returncode == 0
    assert manage("audit", "verify", environment=own).returncode == 0
