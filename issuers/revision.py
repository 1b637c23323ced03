"""The configuration revision: one number that every change raises, so that every process knows when to read again.

A change and its new number commit together. A process reads the number at most every half second, and before it
reads configuration; what it read holds only while that number stands. So a change is seen everywhere within a second.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.db.models import F

from issuers.turns import DATABASE, Turns

K = TypeVar("K")
V = TypeVar("V")

REREAD_AFTER = 0.5
"""Seconds for which a process believes the revision it last read."""


class ConfigurationRevision(models.Model):
    """One row, made by a migration."""

    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_revision")]

    def __str__(self) -> str:
        return str(self.number)


_deferred: ContextVar[bool] = ContextVar("revision_deferred", default=False)


def bump() -> None:
    """Raise the revision. Call it inside the transaction of the change."""
    if not _deferred.get():
        ConfigurationRevision.objects.filter(id=1).update(number=F("number") + 1)


def lock() -> None:
    """Wait for the changes under way; until this transaction ends no other commits. Then what is read is what holds."""
    ConfigurationRevision.objects.select_for_update().get(id=1)


@contextmanager
def one_revision() -> Iterator[None]:
    """A transaction of many changes that raises the revision once, last."""
    with transaction.atomic():
        token = _deferred.set(True)
        try:
            yield
        finally:
            _deferred.reset(token)
        bump()


def _read() -> int:
    try:
        return ConfigurationRevision.objects.values_list("number", flat=True).get(id=1)
    except (OperationalError, InterfaceError):
        # The connection may be one that a restart of the database cut: a new one tells.
        if connection.in_atomic_block:
            raise
        connection.close()
        return ConfigurationRevision.objects.values_list("number", flat=True).get(id=1)


class _Clock:
    """This process's knowledge of the revision."""

    def __init__(self) -> None:
        self.number = -1
        self.read_at = float("-inf")
        self._reader = Turns(1)

    def current(self) -> int:
        """Raises what the database raises, and StuckError while it does not answer the thread that asks it."""
        if self._is_old():
            with self._reader.turn():
                self._read_if_old()
        return self.number

    def _is_old(self) -> bool:
        return time.monotonic() - self.read_at > REREAD_AFTER

    def _read_if_old(self) -> None:
        """Those that waited for their turn find that it has been read."""
        if self._is_old():
            now = time.monotonic()
            self.number = _read()
            self.read_at = now

    def forget(self) -> None:
        self.read_at = float("-inf")


_clock = _Clock()
current = _clock.current
forget = _clock.forget


class Snapshots(Generic[K, V]):
    """A bounded cache of frozen values, each good for the revision under which its reading began."""

    def __init__(self, load: Callable[[K], V | None], *, size: int = 10_000) -> None:
        self._load = load
        self._size = size
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """The value for the key as the configuration stands; None, which is never kept, if there is none."""
        revision = current()
        entry = self._entries.get(key)
        if entry is None or entry[0] != revision:
            return self._read(key, revision)
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
        return entry[1]

    def last_known(self, key: K) -> V | None:
        """The value as it was last read, whatever has changed since; for answers while the database is away."""
        entry = self._entries.get(key)
        return entry[1] if entry else None

    def _read(self, key: K, revision: int) -> V | None:
        with DATABASE.turn():
            value = self._load(key)
        with self._lock:
            self._entries.pop(key, None)
            if value is not None:
                self._entries[key] = (revision, value)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value
