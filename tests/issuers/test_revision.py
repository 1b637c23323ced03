"""issuers/versioning/revision.py: what a process read holds while its revision stands, and not a second longer."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest
from django.db import IntegrityError, connection

from issuers.models import ConfigurationRevision, GlobalVariable
from issuers.versioning import revision
from issuers.versioning.revision import topic
from issuers.versioning.snapshots import Snapshots
from tests.support.cast import Cast
from tests.support.server import database_url


@dataclass
class Shelf:
    """What a Snapshots reads from, and how often it did."""

    values: dict[str, str | None] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    change_while_reading: bool = False

    def load(self, key: str) -> str | None:
        self.read.append(key)
        value = self.values.get(key)
        if self.change_while_reading:
            self.values[key] = "changed"
            revision.bump()
        return value


@pytest.fixture
def shelf(cast: Cast) -> Shelf:
    return Shelf({"a": "first"})


@pytest.fixture
def snapshots(shelf: Shelf) -> Snapshots[str, str]:
    return Snapshots(shelf.load, topics=topics)


def topics(key: object, _value: str) -> tuple[str, ...]:
    return topic("shelf", key), topic("global_variables", "all")


def half_a_second_passes() -> None:
    revision._clock.read_at -= revision.REREAD_AFTER


def test_a_value_is_read_once_under_one_revision(shelf: Shelf, snapshots: Snapshots[str, str]) -> None:
    for _ in range(3):
        assert snapshots.get("a") == "first"
        half_a_second_passes()
    assert shelf.read == ["a"]


def test_a_change_is_seen_when_the_revision_is_read_again(
    shelf: Shelf, snapshots: Snapshots[str, str]
) -> None:
    snapshots.get("a")
    shelf.values["a"] = "second"
    GlobalVariable(name="new", value=1).save()
    assert snapshots.get("a") == "first"
    half_a_second_passes()
    assert snapshots.get("a") == "second"
    assert snapshots.get("a") == "second"
    assert shelf.read == ["a", "a"]


def test_the_revision_is_believed_for_half_a_second_at_most(cast: Cast) -> None:
    assert revision.REREAD_AFTER <= 0.5
    before = revision.current()
    revision.bump()
    assert revision.current() == before
    half_a_second_passes()
    assert revision.current() == before + 1


def test_a_change_that_commits_during_a_reading_is_not_missed(
    shelf: Shelf, snapshots: Snapshots[str, str]
) -> None:
    shelf.change_while_reading = True
    assert snapshots.get("a") == "first"
    half_a_second_passes()
    assert snapshots.get("a") == "changed"


def test_nothing_is_kept_of_what_is_not_there(shelf: Shelf, snapshots: Snapshots[str, str]) -> None:
    assert [snapshots.get("b"), snapshots.get("b")] == [None, None]
    assert shelf.read == ["b", "b"]
    shelf.values["b"] = "made"
    assert snapshots.get("b") == "made"


def test_what_is_gone_is_forgotten(shelf: Shelf, snapshots: Snapshots[str, str]) -> None:
    snapshots.get("a")
    shelf.values["a"] = None
    revision.bump()
    revision.forget()
    assert snapshots.get("a") is None
    assert snapshots.last_known("a") is None


def test_the_last_known_value_outlives_a_change(shelf: Shelf, snapshots: Snapshots[str, str]) -> None:
    assert snapshots.last_known("a") is None
    snapshots.get("a")
    shelf.values["a"] = "second"
    revision.bump()
    revision.forget()
    assert snapshots.last_known("a") == "first"
    assert shelf.read == ["a"]


def test_the_least_recently_used_value_makes_room(shelf: Shelf) -> None:
    shelf.values = {"a": "1", "b": "2", "c": "3"}
    snapshots = Snapshots(shelf.load, topics=topics, size=2)
    for key in ("a", "b", "a", "c"):
        snapshots.get(key)
    assert [snapshots.last_known(key) for key in ("a", "b", "c")] == ["1", None, "3"]


def test_a_key_that_is_not_there_makes_no_room(shelf: Shelf) -> None:
    snapshots = Snapshots(shelf.load, topics=topics, size=1)
    snapshots.get("a")
    for stranger in range(100):
        snapshots.get(f"stranger-{stranger}")
    assert snapshots.last_known("a") == "first"


def test_it_stays_bounded_when_many_threads_read(cast: Cast) -> None:
    snapshots = Snapshots(str, topics=topics, size=10)

    def read(turn: int) -> int:
        try:
            for key in range(200):
                assert snapshots.get(key * turn % 37) == str(key * turn % 37)
        finally:
            connection.close()
        return turn

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(1, 9))) == list(range(1, 9))
    assert sum(snapshots.last_known(key) is not None for key in range(37)) <= 10


def test_no_change_is_lost_when_many_happen_at_once(cast: Cast) -> None:
    before = ConfigurationRevision.objects.get().number

    def change(number: int) -> None:
        try:
            GlobalVariable(name=f"v{number}", value=1).save()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(12)))
    assert ConfigurationRevision.objects.get().number == before + 12


def test_there_is_one_revision(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        ConfigurationRevision.objects.create(id=2)


def test_a_connection_that_the_database_cut_is_made_again(cast: Cast) -> None:
    if connection.vendor == "sqlite":
        return  # Nobody can cut it.
    before = revision.current()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    revision.forget()
    assert revision.current() == before
