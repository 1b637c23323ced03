"""upkeep/server_life.py and upkeep/gaps.py: starts and stops of a server, and what it could not record, are rows."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import OperationalEvent
from m2m_idp import __version__
from tests.audit.rows import sealed_leaves
from tests.audit.tampering import found
from tests.faults.clients import crowd
from tests.faults.own_database import OwnCluster, OwnDatabase, OwnFile, own_database
from tests.faults.test_readiness_of_faults import with_a_lock
from tests.support.cast import Cast
from tests.support.server import Server, free_port, serve
from upkeep.models import LastRun
from upkeep.sealing import seal

SECONDS_TO_WRITE = 30
REFUSED = re.compile(
    r"From (\S+)Z to (\S+)Z this process could not record(?:, \d+ times)?: (\d+) requests got 503\. (.+)"
)
T = TypeVar("T")
Row = tuple[object, ...]

pytestmark = [pytest.mark.slow, pytest.mark.contract("P10.12")]


def wait_until(look: Callable[[], T]) -> T:
    deadline = time.monotonic() + SECONDS_TO_WRITE
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return seen


def rows() -> list[OperationalEvent]:
    return list(OperationalEvent.objects.filter(source="server").order_by("id"))


def kinds() -> list[str]:
    return [row.kind for row in rows()]


def where(port: int) -> str:
    return f"surface all at http://127.0.0.1:{port}"


@pytest.mark.usefixtures("sealed")
def test_a_start_and_its_stop_are_sealed_rows_and_a_reload_is_neither(tmp_path: Path) -> None:
    before = timezone.now()
    with serve(tmp_path, 2) as server:
        wait_until(rows)
        first = set(server.workers())
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: len(server.workers()) == 2 and not first & set(server.workers()))
        replaced = server.workers()[0]
        os.kill(replaced, signal.SIGKILL)
        wait_until(lambda: len(server.workers()) == 2 and replaced not in server.workers())
        assert server.get("/livez").status_code == 200
        assert kinds() == ["started"]
    started, stopped = rows()
    name, _, rest = started.detail.partition(". ")
    assert rest == f"Version {__version__}."
    assert re.fullmatch(rf"Started at \S+Z, process {server.pid}", name)
    assert (stopped.kind, stopped.detail) == ("stopped", f"{name}. Stopped in order.")
    for row in (started, stopped):
        assert (row.actor, row.target) == (socket.gethostname(), where(server.port))
        assert before < row.at < timezone.now()
    told = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["event.reason"] for line in told if line.get("event.category") == ["process"]] == [
        started.detail, stopped.detail,
    ]  # fmt: skip
    seal(timezone.now())
    assert {row.pk for row in rows()} <= {leaf.id for leaf in sealed_leaves(table="audit_operationalevent")}
    assert found() == []


def test_a_start_says_that_the_one_before_was_killed(cast: Cast, tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, 1, port=port) as server:
        wait_until(rows)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: is_free(port))
    with serve(tmp_path, 1, port=port):
        wait_until(lambda: len(rows()) == 2)
    with serve(tmp_path, 1, port=port):
        wait_until(lambda: len(rows()) == 4)
    killed, after, stopped, last, _ = rows()
    at = killed.detail.removeprefix("Started at ").partition(",")[0]
    assert f"The start of {at} has no stop: the server was killed" in after.detail
    assert stopped.kind == "stopped"
    assert "has no stop" not in last.detail


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_long_time_without_any_server_is_a_gap(cast: Cast, tmp_path: Path) -> None:
    last_sign = timezone.now() - timedelta(hours=3)
    LastRun.objects.update(started_at=last_sign)
    for _ in range(2):
        with serve(tmp_path, 1):
            pass
    gap, *others = rows()
    assert (gap.kind, gap.target) == ("gap", "all servers")
    assert gap.detail.startswith(f"From {last_sign:%Y-%m-%dT%H:%M:%S.%f}Z to ")
    assert [row.kind for row in others] == 2 * ["started", "stopped"]


@contextmanager
def away(database: OwnDatabase) -> Iterator[None]:
    if isinstance(database, OwnCluster):
        with database.stopped():
            yield
        return
    assert isinstance(database, OwnFile)
    elsewhere = database.path.with_suffix(".elsewhere")
    database.path.rename(elsewhere)
    yield
    elsewhere.rename(database.path)


def acts_in(database: OwnDatabase, kind: str) -> list[Row]:
    return database.rows(
        f"SELECT target, detail, actor FROM audit_operationalevent WHERE kind = '{kind}' ORDER BY id"  # noqa: S608
    )


def gaps_in(database: OwnDatabase) -> list[re.Match[str]]:
    """What each process wrote of the time in which it could not record; one that refused nobody writes nothing."""
    details = (str(detail) for _, detail, _ in acts_in(database, "gap"))
    return [match for detail in details if (match := REFUSED.fullmatch(detail))]


def test_each_process_writes_down_when_it_could_not_record_and_how_many_it_refused(
    cast: Cast, tmp_path: Path
) -> None:
    asking = [("/oidc_m2m/token", cast.basic("billing"))]
    with own_database(tmp_path) as database:
        with (
            serve(tmp_path, 2, {"DATABASE_URL": database.url}) as server,
            crowd(server, asking, connections=16) as clients,
        ):
            clients.wait_for(tokens=100)
            before = f"{timezone.now():%Y-%m-%dT%H:%M:%S}"
            with away(database):
                clients.wait_for(refused=200)
            clients.assert_recovered()
            after = f"{timezone.now():%Y-%m-%dT%H:%M:%S.%f}"
            processes = {f"process {pid}" for pid in server.workers()}
            wait_until(lambda: sum(int(gap[3]) for gap in gaps_in(database)) >= clients.refused)
        gaps = acts_in(database, "gap")
        told = gaps_in(database)
    assert {target for target, *_ in gaps} <= processes
    assert len(told) == len(gaps)
    assert all(before <= gap[1] < gap[2] <= after for gap in told)
    assert sum(int(gap[3]) for gap in told) == clients.refused
    assert {actor for *_, actor in gaps} == {socket.gethostname()}


def test_a_server_that_starts_without_its_database_writes_its_start_later(cast: Cast, tmp_path: Path) -> None:
    with own_database(tmp_path) as database, ThreadPoolExecutor(1) as operator:
        is_away = Event()
        mending = operator.submit(break_until_it_runs, database, tmp_path, is_away)
        assert is_away.wait(SECONDS_TO_WRITE)
        with serve(tmp_path, 2, {"DATABASE_URL": database.url}) as server:
            mending.result()
            [(target, detail, _)] = wait_until(lambda: acts_in(database, "started"))
            assert target == where(server.port)
            assert str(detail).partition(". ")[0].endswith(f"process {server.pid}")
        assert len(acts_in(database, "started")) == len(acts_in(database, "stopped")) == 1


def break_until_it_runs(database: OwnDatabase, directory: Path, is_away: Event) -> None:
    """Until its workers have begun, and more than one attempt has failed."""
    with unwritable(database):
        is_away.set()
        wait_until(lambda: any("Booting worker" in log.read_text() for log in directory.glob("server-*.log")))
        time.sleep(3)
    # This thread's, which looked up where PostgreSQL is installed.
    connection.close()


def unwritable(database: OwnDatabase) -> AbstractContextManager[None]:
    """A server starts without PostgreSQL. Without its SQLite file it does not: there somebody holds the lock."""
    if isinstance(database, OwnCluster):
        return database.stopped()
    return with_a_lock(database, Server(port=0, log=Path(), pid=0))
