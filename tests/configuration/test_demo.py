"""manage.py load_demo: once, into an empty installation on loopback."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from configuration.demo import FILE, WELL_KNOWN
from issuers.models import GlobalVariable, Issuer
from keys.models import SigningKey
from relying_parties.models import AccessGrant, ClaimTemplate, ClientSecret, RelyingParty, ResourceServer
from tests.configuration.files import applied
from tests.support.wire import ask, basic


@pytest.fixture
def values_file(db: None, settings: Settings, tmp_path: Path) -> Path:
    """Of an installation that has never had an issuer or a user."""
    models: list[Any] = [
        AccessGrant,
        ClientSecret,
        RelyingParty,
        ResourceServer,
        ClaimTemplate,
        GlobalVariable,
        SigningKey,
        Issuer,
        Issuer.history.model,
        User,
    ]
    for model in models:
        model.objects.all().delete()
    settings.VAR_DIR = tmp_path
    return tmp_path / "demo.env"


def load(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("load_demo")
    return capsys.readouterr().out


def values_in(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_the_demos_clients_get_their_tokens(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)

    app = ask(b"client_id=app&client_secret=secret", target="/api/oidc_m2m")
    billing = ask(auth=basic("billing", values_in(values_file)["BILLING_SECRET"]))

    assert (app.json["token_type"], app.json["expires_in"], app.json["scope"]) == ("Bearer", 300, "YourScope")
    assert (app.claims["sub"], app.claims["aud"]) == ("app", "your_application")
    assert billing.json["expires_in"] == 3600
    assert billing.claims["aud"] == "https://billing.example"


def test_the_first_users_have_their_roles(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)

    values = values_in(values_file)
    users = {user.username: user for user in User.objects.all()}
    assert users.keys() == {"admin", "operator", "auditor"}
    assert all(
        user.is_staff and user.check_password(values[f"{name.upper()}_PASSWORD"])
        for name, user in users.items()
    )
    assert [user.username for user in users.values() if user.is_superuser] == ["admin"]
    assert [group.name for group in users["operator"].groups.all()] == ["Operators"]
    assert [group.name for group in users["auditor"].groups.all()] == ["Auditors"]


def test_generated_values_are_printed_and_lie_in_a_file_of_the_owners(
    values_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = load(capsys)

    values = values_in(values_file)
    assert list(values) == ["ADMIN_PASSWORD", "OPERATOR_PASSWORD", "AUDITOR_PASSWORD", "BILLING_SECRET"]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20,}", value) and value in printed for value in values.values())
    assert stat.S_IMODE(values_file.stat().st_mode) == 0o600
    assert list(values_file.parent.iterdir()) == [values_file]


def test_it_prints_what_to_do_next(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = load(capsys)

    assert "http://127.0.0.1:8000/admin/" in printed
    assert "http://127.0.0.1:8000/oidc_m2m/.well-known/openid-configuration" in printed
    assert (
        'curl -X POST http://127.0.0.1:8000/api/oidc_m2m -d "client_id=app&client_secret=secret"' in printed
    )
    assert f". {values_file}" in printed


def test_a_later_start_changes_nothing(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)
    values = values_file.read_text()
    User.objects.get(username="auditor").delete()
    admin = User.objects.get(username="admin")
    admin.set_password("changed by a person")
    admin.save()

    printed = load(capsys)

    assert values_file.read_text() == values
    assert not any(value in printed for value in values_in(values_file).values())
    assert "manage.py changepassword admin" in printed
    assert set(User.objects.values_list("username", flat=True)) == {"admin", "operator"}
    assert User.objects.get(username="admin").check_password("changed by a person")


def test_what_was_deleted_is_not_brought_back(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)
    for model in (RelyingParty, ResourceServer, SigningKey, Issuer):
        model._default_manager.all().delete()

    load(capsys)

    assert not Issuer.objects.exists()


def test_it_leaves_the_users_that_are_there(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    User.objects.create_superuser("admin", password="chosen before")

    load(capsys)

    assert User.objects.get().check_password("chosen before")
    assert list(values_in(values_file)) == ["BILLING_SECRET"]


def test_it_is_not_loaded_where_there_is_an_issuer(
    values_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Issuer(path="own", name="Own").checked().save()

    printed = load(capsys)

    assert Issuer.objects.get().path == "own"
    assert not values_file.exists()
    assert "Make one: manage.py createsuperuser" in printed
    assert "client_secret=secret" not in printed


def test_it_is_not_loaded_for_the_public(
    values_file: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL, settings.PUBLIC_URL_IS_LOOPBACK = "https://idp.example.com", False

    assert load(capsys) == "No demo: https://idp.example.com is not loopback.\n"
    assert not Issuer.objects.exists()


def test_a_missing_group_is_named_and_nothing_is_kept(values_file: Path) -> None:
    Group.objects.filter(name="Auditors").delete()

    with pytest.raises(CommandError, match="The group Auditors is missing"):
        call_command("load_demo")

    assert not Issuer.objects.exists()
    assert not User.objects.exists()
    assert not values_file.exists()


def test_its_file_is_an_ordinary_one(values_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)

    assert applied(FILE.read_text(), environment=WELL_KNOWN).changes == ()
