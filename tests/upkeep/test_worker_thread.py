"""The server does its own maintenance."""

import io
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from issuers.versioning.history import Source
from keys.lifecycle.due import rotates_at
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.failing import refusing
from tests.support.outage import losable_database
from tests.support.server import serve
from upkeep.models import LastRun
from upkeep.worker_thread import one_run

MINUTE = timedelta(minutes=1)
SECONDS_AT_MOST = 20
SECONDS_TO_STOP = 5


def make_due(key: SigningKey, *, late: timedelta = timedelta(0)) -> None:
    """Move the key's instants back until its rotation period has ended."""
    since = timezone.now() - (rotates_at(key) - key.activates_at) - late
    SigningKey.objects.filter(pk=key.pk).update(published_at=since, activates_at=since)


def upkeep_lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["log.logger"] == "upkeep"]


@pytest.mark.slow
def test_two_workers_announce_one_successor_by_themselves(cast: Cast, tmp_path: Path) -> None:
    make_due(cast.other_key)
    with serve(tmp_path, 2, {"MAINTAIN_EVERY": "1"}) as server:
        wait_until(lambda: SigningKey.objects.filter(predecessor=cast.other_key).exists())
        wait_until(
            lambda: "maintained" in [line["event.action"] for line in upkeep_lines(server.log.read_text())]
        )
        stopped_from = time.monotonic()
    assert time.monotonic() - stopped_from < SECONDS_TO_STOP

    successor = SigningKey.objects.get(predecessor=cast.other_key)
    assert SigningKey.objects.count() == 4
    made = successor.history.get()
    assert (made.history_user_id, made.source) == ("maintain", Source.COMMAND)
    overdue, maintained = upkeep_lines(server.log.read_text())
    assert (maintained["event.action"], maintained["m2m_idp.announced_keys"]) == (
        "maintained",
        [successor.kid],
    )
    assert (overdue["event.action"], overdue["m2m_idp.kids"]) == ("keys_overdue", [cast.other_key.kid])


@pytest.mark.slow
def test_a_database_that_is_away_ends_no_thread(cast: Cast, tmp_path: Path) -> None:
    with losable_database(tmp_path) as database:
        with serve(tmp_path, 1, {"MAINTAIN_EVERY": "1", "DATABASE_URL": database.url}) as server:
            database.lose()
            wait_until(lambda: runs_not_begun(server.log.read_text()) > 2)
        assert "Traceback" not in server.log.read_text()
    for line in upkeep_lines(server.log.read_text()):
        assert (line["log.level"], line["event.action"]) == ("error", "chore_failed")
        assert line["event.reason"].startswith("The database failed: ")


def runs_not_begun(log: str) -> int:
    """The one that the loss cut off failed further on."""
    return sum(line["m2m_idp.chore"] == "begin" for line in upkeep_lines(log))


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_AT_MOST
    while not is_so():
        assert time.monotonic() < deadline, "the server did not do it"
        time.sleep(0.05)


def test_what_concerns_the_keys_is_logged(cast: Cast, log_lines: io.StringIO) -> None:
    make_due(cast.other_key)

    one_run(every=MINUTE)

    successor = SigningKey.objects.get(predecessor=cast.other_key)
    overdue, maintained = upkeep_lines(log_lines.getvalue())
    assert (overdue["log.level"], overdue["m2m_idp.kids"]) == ("warning", [cast.other_key.kid])
    assert (maintained["log.level"], maintained["m2m_idp.announced_keys"]) == ("info", [successor.kid])


@pytest.mark.django_db
def test_a_run_that_finds_nothing_says_nothing(log_lines: io.StringIO) -> None:
    one_run(every=MINUTE)

    assert LastRun.objects.get().started_at
    assert upkeep_lines(log_lines.getvalue()) == []


def test_it_leaves_maintenance_to_the_one_that_began(cast: Cast) -> None:
    one_run(every=MINUTE)
    make_due(cast.other_key)

    one_run(every=MINUTE)

    assert not SigningKey.objects.filter(predecessor=cast.other_key).exists()


@pytest.mark.django_db
def test_a_run_that_fails_is_one_line_with_its_reason(log_lines: io.StringIO) -> None:
    with refusing("UPDATE", "upkeep_lastrun"):
        one_run(every=MINUTE)

    [line] = upkeep_lines(log_lines.getvalue())
    assert (line["log.level"], line["event.action"], line["m2m_idp.chore"]) == (
        "error",
        "chore_failed",
        "begin",
    )
    assert line["event.reason"].startswith("The database failed: the disk is full.")
