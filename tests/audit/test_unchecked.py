"""Exit status of manage.py audit verify: 1 means findings; whatever stops it is 2 and one line."""

import io
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from keys.models import Purpose, SigningKey
from tests.support.server import server_environment

pytestmark = pytest.mark.usefixtures("sealed")


@pytest.mark.slow
def test_what_stops_a_verification_ends_it_with_2_and_one_line(tmp_path: Path) -> None:
    """A server's own command line over real files, each with a fault of its own."""
    faults: dict[str, tuple[dict[str, str], list[str]]] = {
        "cannot start: PUBLIC_URL": ({"PUBLIC_URL": "nonsense"}, []),
        "Not verified: ModuleNotFoundError": ({"DJANGO_SETTINGS_MODULE": "nowhere"}, []),
        "Not verified, the database failed": ({"DATABASE_URL": "postgres://u:p@127.0.0.1:1/none"}, []),
        "cannot be read: Is a directory": ({}, ["--checkpoint", str(tmp_path)]),
    }
    for line, (variables, arguments) in faults.items():
        ended = command_line(*arguments, **variables)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert line in ended.stderr
        assert ended.stderr.count("\n") == 1, ended.stderr
    assert command_line().returncode == 0
    SigningKey.objects.filter(purpose=Purpose.RECORD)._raw_delete("default")
    ended = command_line()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the public keys of the record are not there" in ended.stderr


def test_a_defect_and_an_interruption_are_no_findings() -> None:
    for error, line in (
        (sqlite3.OperationalError("database or disk is full"), "OperationalError: database or disk is full"),
        (KeyboardInterrupt(), "Not verified: it was interrupted."),
        (RecursionError("too deep"), "RecursionError: too deep"),
    ):

        class Full(io.StringIO):
            def write(self, text: str, error: BaseException = error) -> int:
                raise error

        with redirect_stdout(Full()), pytest.raises(CommandError, match=re.escape(line)) as caught:
            call_command("audit", "verify")
        assert caught.value.returncode == 2


def command_line(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "audit", "verify", *arguments],
        check=False,
        cwd=settings.BASE_DIR,
        env=os.environ | server_environment(1, 1) | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("command", "status"), [(["audit", "verify"], 2), (["check"], 1)])
def test_a_python_without_django_is_reported_and_is_no_finding(command: list[str], status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "manage.py", *command],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr == (
        "No module named 'django': run this with the Python that m2m-idp is installed in, .venv/bin/python.\n"
    )
