"""The configuration revision: one number that every change raises, so that every process knows when to read again.

A change, its new number and the topics that it concerns commit together. All changes raise the number in one row,
so that numbers are in the order of the commits: who sees a number sees the topics of all up to it. A process reads
number and topics at most every half second, and before it reads configuration; so a change is seen everywhere within
a second, and only what depends on a changed topic is read again (issuers/versioning/snapshots.py).
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.db.models import F, Value

from runtime.slots import Slots

REREAD_AFTER = 0.5
"""Seconds for which a process believes the revision it last read."""
READ_AHEAD_AFTER = 0.25
"""Seconds after which, where a server reads ahead, a thread reads it again while others still believe it."""

MAX_TOPICS_READ = 20_000
"""Of more topics that changed between two readings none is named: everything is read again."""
MAX_TOPICS_KEPT = 100_000
"""Of more topics that changed since the start of the process none is kept: everything is read again."""


class ConfigurationRevision(models.Model):
    """One row, made by a migration."""

    number = models.PositiveBigIntegerField(default=0)
    itemized = models.PositiveBigIntegerField(default=0)
    """How many of the changes named their topics. One that did not, such as one made in SQL, concerns everything."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_revision")]

    def __str__(self) -> str:
        return str(self.number)


class TopicRevision(models.Model):
    """The number of the last change that concerned this topic."""

    topic = models.CharField(max_length=300, primary_key=True)
    number = models.PositiveBigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.topic} {self.number}"


def topic(kind: str, *key: object) -> str:
    """The name of what changes together, such as `issuer:17`."""
    return ":".join([kind, *map(str, key)])


@dataclass(slots=True)
class _Deferred:
    """What the changes of one transaction concern, while it has not raised the revision yet."""

    topics: set[str] = field(default_factory=set)
    is_everything: bool = False
    is_changed: bool = False

    def add(self, topics: frozenset[str]) -> None:
        self.topics |= topics
        self.is_everything |= not topics
        self.is_changed = True


_deferred: ContextVar[_Deferred | None] = ContextVar("revision_deferred", default=None)


def bump(topics: Iterable[str] = ()) -> None:
    """Raise the revision for a change of these topics; of everything if there are none.

    Call it inside the transaction of the change.
    """
    named = frozenset(topics)
    if (deferred := _deferred.get()) is not None:
        deferred.add(named)
        return
    with transaction.atomic(savepoint=False):
        _raise(named)


def _raise(topics: frozenset[str]) -> None:
    revision = ConfigurationRevision.objects.filter(id=1)
    revision.update(number=F("number") + 1, itemized=F("itemized") + Value(1 if topics else 0))
    if not topics:
        return
    number = revision.values_list("number", flat=True).get()
    TopicRevision.objects.bulk_create(
        [TopicRevision(topic=name, number=number) for name in sorted(topics)],
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["topic"],
        update_fields=["number"],
    )


def lock() -> None:
    """Wait for the changes under way; until this transaction ends no other commits. Then what is read is what holds."""
    ConfigurationRevision.objects.select_for_update().get(id=1)


@contextmanager
def one_revision() -> Iterator[None]:
    """A transaction of many changes that raises the revision once, last; not at all if it changed nothing."""
    with transaction.atomic():
        deferred = _Deferred()
        token = _deferred.set(deferred)
        try:
            yield
        finally:
            _deferred.reset(token)
        if deferred.is_changed:
            bump(() if deferred.is_everything else deferred.topics)


@dataclass(frozen=True, slots=True)
class Known:
    """What a process knows of the changes. The topics of a later reading are added to those of an earlier one."""

    number: int
    generation: int
    """Raised when everything may have changed; what was read under an earlier one is not believed."""
    unnamed: int
    """How many changes named no topic."""
    changed_at: dict[str, int] = field(default_factory=dict)
    """The number of the last change of a topic since this generation began."""

    def has_changed(self, topics: Iterable[str], *, since: int) -> bool:
        return any(self.changed_at.get(name, 0) > since for name in topics)


NOTHING_KNOWN = Known(number=-1, generation=0, unnamed=-1)


def _read(known: Known) -> Known:
    try:
        return _read_once(known)
    except (OperationalError, InterfaceError):
        # The connection may be one that a restart of the database cut: a new one tells.
        if connection.in_atomic_block:
            raise
        connection.close()
        return _read_once(known)


def _read_once(known: Known) -> Known:
    number, itemized = ConfigurationRevision.objects.values_list("number", "itemized").get(id=1)
    if number == known.number:
        return known
    if number > known.number and number - itemized == known.unnamed and _read_topics(known):
        return Known(number, known.generation, known.unnamed, known.changed_at)
    return Known(number, known.generation + 1, number - itemized)


def _read_topics(known: Known) -> bool:
    """Add the topics that changed after the known number; False if they are too many.

    Read after the revision, and without an upper bound: a topic that changes once more meanwhile is not missed.
    """
    rows = TopicRevision.objects.filter(number__gt=known.number).values_list("topic", "number")
    changed = list(rows[: MAX_TOPICS_READ + 1])
    if len(changed) > MAX_TOPICS_READ or len(changed) + len(known.changed_at) > MAX_TOPICS_KEPT:
        return False
    known.changed_at.update(changed)
    return True


class _Clock:
    """This process's knowledge of the revision."""

    def __init__(self) -> None:
        self.known = NOTHING_KNOWN
        self.read_at = float("-inf")
        self._reader = Slots(1)
        self._wanted: threading.Event | None = None
        """Set for the thread that reads ahead."""

    def current(self) -> Known:
        """Raises what the database raises, and StuckError while it does not answer the thread that asks it."""
        age = time.monotonic() - self.read_at
        if age > REREAD_AFTER:
            self._read_if_older(REREAD_AFTER)
        elif age > READ_AHEAD_AFTER and self._wanted and not self._wanted.is_set():
            self._wanted.set()
        return self.known

    def _read_if_older(self, seconds: float) -> None:
        """Those that waited for their turn find that it has been read."""
        with self._reader.slot():
            if (now := time.monotonic()) - self.read_at > seconds:
                self.known = _read(self.known)
                self.read_at = now

    def start_reading_ahead(self) -> None:
        """So that under load no request waits for the revision. Only after the fork: it would end the thread."""
        self._wanted = threading.Event()
        threading.Thread(target=self._read_ahead, args=[self._wanted], name="revision", daemon=True).start()

    def _read_ahead(self, wanted: threading.Event) -> None:
        while True:
            wanted.wait()
            # Who needs it meets the failure too, and tells.
            with suppress(Exception):
                self._read_if_older(READ_AHEAD_AFTER)
            wanted.clear()

    def forget(self) -> None:
        self.read_at = float("-inf")


_clock = _Clock()
known = _clock.current
start_reading_ahead = _clock.start_reading_ahead
forget = _clock.forget


def current() -> int:
    """The number of the revision. Raises as `known` does."""
    return known().number
