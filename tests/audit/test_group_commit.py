"""audit/writing/group_commit.py: rows that wait at the same moment share a statement, and none spoils another."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from django.db import IntegrityError, OperationalError

from audit.writing.group_commit import MAX_ROWS, GroupCommit, Written
from audit.writing.insertion import NotStoredError, Row
from runtime.slots import PATIENCE, StuckError

LONG = 10.0
"""Seconds that nothing here takes."""
POISON = "poison"


@dataclass
class Database:
    """Takes rows but for those that a test names; each statement waits for `may_go_on`."""

    statements: list[list[str]] = field(default_factory=list)
    refusal: Callable[[list[str]], Exception | None] = lambda _names: None
    drops: frozenset[str] = frozenset()
    is_asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    may_go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def write(self, rows: Sequence[Row]) -> dict[str, int]:
        names = [row["request_id"] for row in rows]
        self.statements.append(names)
        self.is_asked.release()
        assert self.may_go_on.acquire(timeout=LONG)
        if failure := self.refusal(names):
            raise failure
        return {name: number for number, name in enumerate(names, start=1) if name not in self.drops}


class Clients:
    """Requests in threads of their own."""

    def __init__(self, database: Database) -> None:
        self.now = 0.0
        self.logged: list[str] = []
        self.commits = GroupCommit(database.write, log=self.log, clock=lambda: self.now)
        self.commits.start()
        self.pool = ThreadPoolExecutor(2 * MAX_ROWS)

    def log(self, written: Written) -> None:
        self.logged += [row["request_id"] for _, row in written]

    def ask(self, *names: str) -> "list[Future[int]]":
        """They wait in this order."""
        asked = []
        for name in names:
            before = self.commits.queued
            asked.append(self.pool.submit(self.commits.commit, {"request_id": name}))
            while self.commits.queued == before:
                threading.Event().wait(0.001)
        return asked


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def clients(database: Database) -> Iterator[Clients]:
    them = Clients(database)
    yield them
    for _ in range(10 * MAX_ROWS):
        database.may_go_on.release()
    them.pool.shutdown()


def asked_while_one_is_written(clients: Clients, database: Database, *names: str) -> "list[Future[int]]":
    """Those names, after a first row that the database works on meanwhile and then takes."""
    clients.pool.submit(clients.commits.commit, {"request_id": "first"})
    assert database.is_asked.acquire(timeout=LONG)
    asked = clients.ask(*names)
    database.may_go_on.release()
    assert database.is_asked.acquire(timeout=LONG)
    return asked


def failure_of(asked: "Future[int]") -> BaseException | None:
    return asked.exception(timeout=LONG)


def test_rows_that_wait_share_a_statement(database: Database, clients: Clients) -> None:
    asked = asked_while_one_is_written(clients, database, "a", "b", "c")
    database.may_go_on.release()
    assert [future.result(LONG) for future in asked] == [1, 2, 3]
    assert database.statements == [["first"], ["a", "b", "c"]]
    assert clients.logged == ["first", "a", "b", "c"]


def test_a_statement_has_a_bounded_number_of_rows(database: Database, clients: Clients) -> None:
    names = [f"{number}" for number in range(MAX_ROWS + 5)]
    asked = asked_while_one_is_written(clients, database, *names)
    database.may_go_on.release(2)
    assert all(future.result(LONG) for future in asked)
    assert database.statements == [["first"], names[:MAX_ROWS], names[MAX_ROWS:]]


def test_a_row_that_the_database_refuses_takes_no_other_away(database: Database, clients: Clients) -> None:
    database.refusal = lambda names: IntegrityError("one in ten") if POISON in names else None
    before, poison, after = asked_while_one_is_written(clients, database, "a", POISON, "b")
    database.may_go_on.release(4)
    assert (before.result(LONG), after.result(LONG)) == (1, 1)
    assert str(failure_of(poison)) == "one in ten"
    assert database.statements == [["first"], ["a", POISON, "b"], ["a"], [POISON], ["b"]]
    assert clients.logged == ["first", "a", "b"]


def test_once_the_connection_is_gone_the_rows_that_were_to_be_tried_again_are_not(
    database: Database, clients: Clients
) -> None:
    def refusal(names: list[str]) -> Exception | None:
        if names == ["b"]:
            return OperationalError("gone")
        return IntegrityError("one in ten") if POISON in names else None

    database.refusal = refusal
    asked = asked_while_one_is_written(clients, database, "a", "b", POISON, "c")
    database.may_go_on.release(9)
    assert asked[0].result(LONG) == 1
    assert [str(failure_of(future)) for future in asked[1:]] == ["gone", "one in ten", "one in ten"]
    assert database.statements[2:] == [["a"], ["b"]]


def test_what_ends_the_connection_fails_all_and_none_is_written_twice(
    database: Database, clients: Clients
) -> None:
    database.refusal = lambda names: OperationalError("gone") if "a" in names else None
    asked = asked_while_one_is_written(clients, database, "a", "b")
    database.may_go_on.release()
    assert [str(failure_of(future)) for future in asked] == ["gone", "gone"]
    assert database.statements == [["first"], ["a", "b"]]
    assert clients.logged == ["first"]


def test_a_defect_is_a_failure_of_the_rows_and_the_thread_goes_on(
    database: Database, clients: Clients
) -> None:
    database.refusal = lambda names: ValueError("a defect") if "a" in names else None
    (asked,) = asked_while_one_is_written(clients, database, "a")
    database.may_go_on.release()
    assert str(failure_of(asked)) == "ValueError('a defect')"
    database.may_go_on.release()
    assert clients.commits.commit({"request_id": "b"}) == 1


def test_a_line_that_cannot_be_logged_fails_no_row_and_the_thread_goes_on(
    database: Database, clients: Clients
) -> None:
    logged, clients.logged = clients.logged, None  # type: ignore[assignment]
    database.may_go_on.release(3)
    assert clients.commits.commit({"request_id": "a"}) == 1
    clients.logged = logged
    assert clients.commits.commit({"request_id": "b"}) == 1
    assert clients.logged == ["b"]


def test_a_row_that_was_not_stored_is_a_failure_of_its_own(database: Database, clients: Clients) -> None:
    database.drops = frozenset({"b"})
    stored, dropped = asked_while_one_is_written(clients, database, "a", "b")
    database.may_go_on.release()
    assert stored.result(LONG) == 1
    assert isinstance(failure_of(dropped), NotStoredError)
    assert clients.logged == ["first", "a"]


def test_who_waits_behind_a_lock_that_lasts_waits_no_second_time(
    database: Database, clients: Clients
) -> None:
    database.refusal = lambda names: OperationalError("database is locked") if "ok" not in names else None
    first = clients.pool.submit(clients.commits.commit, {"request_id": "first"})
    assert database.is_asked.acquire(timeout=LONG)
    (behind,) = clients.ask("behind")
    clients.now += PATIENCE
    database.may_go_on.release()
    assert [str(failure_of(first)), type(failure_of(behind))] == ["database is locked", StuckError]
    trying = clients.pool.submit(clients.commits.commit, {"request_id": "trying"})
    assert database.is_asked.acquire(timeout=LONG)
    with pytest.raises(StuckError):
        clients.commits.commit({"request_id": "at once"})
    database.may_go_on.release()
    assert str(failure_of(trying)) == "database is locked"
    database.may_go_on.release()
    assert clients.commits.commit({"request_id": "ok"}) == 1


def test_while_the_database_says_nothing_nobody_waits_in_vain(database: Database, clients: Clients) -> None:
    written = clients.pool.submit(clients.commits.commit, {"request_id": "first"})
    assert database.is_asked.acquire(timeout=LONG)
    (waiting,) = clients.ask("a")
    clients.commits.give_up_if_stuck()
    assert not waiting.done()
    clients.now += PATIENCE + 0.1
    for _ in range(2):
        clients.commits.give_up_if_stuck()
    assert isinstance(failure_of(waiting), StuckError)
    assert isinstance(failure_of(written), StuckError)
    with pytest.raises(StuckError):
        clients.commits.commit({"request_id": "b"})
    database.may_go_on.release(2)
    while clients.logged != ["first"]:
        threading.Event().wait(0.001)
    assert clients.commits.commit({"request_id": "c"}) == 1
    assert database.statements == [["first"], ["c"]]
