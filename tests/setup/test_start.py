"""What a server says that cannot start: one line, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.slow

SERVE = [sys.executable, "-m", "gunicorn", "--config", "m2m_idp/gunicorn.conf.py"]
MANAGE = [sys.executable, "manage.py", "check"]


def refusal(command: list[str], tmp_path: Path, **variables: str) -> str:
    """What the command prints when it refuses to start."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
        "VAR_DIR": str(tmp_path),
        "PORT": "65535",
    }
    ended = subprocess.run(
        command,
        check=False,
        cwd=settings.BASE_DIR,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    return ended.stdout


@pytest.mark.parametrize("command", [SERVE, MANAGE], ids=["gunicorn", "manage.py"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://idp.example.com/"),
        ("PUBLIC_URL", "http://idp.example.com"),
        ("CONSOLE_URL", "https://console.example.com/admin"),
        ("CONSOLE_URL", "http://console.example.com"),
        ("DATABASE_URL", "mysql://u:p@db/m2m"),
        ("BIND", "localhost"),
        ("WEB_CONCURRENCY", "0"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("IDP_SURFACE", "everything"),
        ("SECRET_PEPPERS", "p1:short"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    command: list[str], name: str, value: str, tmp_path: Path
) -> None:
    said = refusal(command, tmp_path, **{name: value})
    assert said.startswith("m2m-idp cannot start: ")
    assert name in said
    assert said.count("\n") == 1


def test_a_server_refuses_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").touch()
    assert "migrations are not applied: run manage.py migrate" in refused_with(tmp_path / "empty.sqlite3")


def test_a_server_makes_no_database_file(tmp_path: Path) -> None:
    missing = tmp_path / "missing.sqlite3"
    assert refused_with(missing) == (
        f"The database file {missing} is missing: put it back, and its -wal and -shm where those were moved, too. "
        "For a new database run manage.py migrate."
    )
    assert not missing.exists()


def refused_with(database: Path) -> str:
    """The one reason, without a traceback."""
    said = refusal(SERVE, database.parent, DATABASE_URL=f"sqlite:///{database}")
    assert "Traceback" not in said
    beginning = "m2m-idp cannot start: "
    [line] = [line for line in said.splitlines() if line.startswith(beginning)]
    return line.removeprefix(beginning)


@pytest.mark.parametrize("name", ["SECRET_KEY", "KEY_ENCRYPTION_KEYS", "SECRET_PEPPERS"])
def test_a_public_server_makes_no_secret_for_itself(name: str, tmp_path: Path) -> None:
    said = refusal(MANAGE, tmp_path, PUBLIC_URL="https://idp.example.com", **{name: ""})
    assert said.startswith(f"m2m-idp cannot start: {name} (or {name}_FILE) is missing. Make one: ")
    assert not list(tmp_path.iterdir())
