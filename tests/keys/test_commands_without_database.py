"""The commands on keys while the database is away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

COMMANDS = (
    ("create_key", "/", "ES256"),
    ("import_key", "/", "ES256", "--pkcs11", "pkcs11:token=idp;object=signing"),
    ("revoke_key", "/", "kid"),
    ("rewrap_keys",),
)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_it_is_reported_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/nowhere/db.sqlite3",
        "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
    }
    run = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"CommandError: The database failed: The database file {tmp_path}/nowhere/db.sqlite3 is missing: put it back, "
        "or run manage.py migrate to make a new one. "
        "Is it up, and has manage.py migrate been run?\n"
    )
