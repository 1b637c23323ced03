"""manage.py maintain."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.support.failing import refusing
from tests.support.server import database_url
from tests.upkeep.past import open_session, proved

NOTHING = {
    "credential_uses": 0,
    "expired_sessions": 0,
    "forgotten_uses": 0,
    "announced_keys": [],
    "overdue_keys": [],
    "unreadable_chains": [],
    "wiped_keys": [],
    "endings": [],
    "sent_notices": 0,
    "sealed_rows": 0,
    "sent_checkpoints": 0,
    "failed": [],
}
SECONDS_TO_STOP = 5

pytestmark = pytest.mark.usefixtures("sealed")


def test_it_reports_in_lines_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    proved("secret:1", timezone.now())

    call_command("maintain")
    call_command("maintain", "--json")

    *lines, report = capsys.readouterr().out.splitlines()
    assert lines == [
        "1 last uses of credentials noted",
        "0 expired sessions cleared",
        "0 uses of assertions and proofs forgotten",
        "1 rows of the record sealed",
    ]
    assert json.loads(report) == NOTHING


def test_a_chore_that_failed_is_reported_and_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    open_session(-10)

    with refusing("DELETE", "console_consolesession"), pytest.raises(CommandError) as caught:
        call_command("maintain", "--json")

    assert str(caught.value) == "Not done: clear expired sessions."
    assert caught.value.returncode == 1
    [failure] = json.loads(capsys.readouterr().out)["failed"]
    assert failure["chore"] == "clear expired sessions"


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "soon", "", "86401", "٣"])
def test_it_refuses_a_pause_that_is_none(seconds: str) -> None:
    with pytest.raises(CommandError, match="a whole number of seconds from 1 to 86400"):
        call_command("maintain", f"--every={seconds}")


@pytest.mark.slow
def test_it_goes_on_after_a_run_that_failed_until_it_has_to_stop() -> None:
    open_session(-10)
    with going_on("--json") as process:
        with refusing("DELETE", "console_consolesession"):
            assert report(process)["failed"][0]["chore"] == "clear expired sessions"
        while (done := report(process))["failed"]:
            pass
        assert done == NOTHING | {"expired_sessions": 1}
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=SECONDS_TO_STOP)
        assert (process.returncode, complaints) == (0, "")


@pytest.mark.slow
def test_an_interrupt_ends_it_as_well() -> None:
    with going_on() as process:
        assert process.stdout
        assert process.stdout.readline() == "0 last uses of credentials noted\n"
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=SECONDS_TO_STOP)
        assert (process.returncode, complaints) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--json"], ["--every=1"]])
def test_it_ends_without_a_word_when_nobody_reads_its_report(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = subprocess.run(
            [sys.executable, "manage.py", "maintain", *arguments], stdout=writer, stderr=subprocess.PIPE,
            cwd=settings.BASE_DIR, env=environment(), text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.slow
def test_a_database_that_is_away_is_reported_without_a_traceback(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "maintain", "--json"], capture_output=True, text=True, check=False,
        cwd=settings.BASE_DIR, env=environment() | {"DATABASE_URL": f"sqlite:///{tmp_path}/nowhere/db.sqlite3"},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (1, "CommandError: Not done: begin.\n")
    [failure] = json.loads(run.stdout)["failed"]
    missing = f"The database failed: The database file {tmp_path}/nowhere/db.sqlite3 is missing: "
    assert failure["reason"].startswith(missing)


def environment() -> dict[str, str]:
    """Over the test database."""
    return os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings", "DATABASE_URL": database_url()}


@contextmanager
def going_on(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """`manage.py maintain --every 1` over the test database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "maintain", "--every=1", *arguments],
        cwd=settings.BASE_DIR,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def report(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told
