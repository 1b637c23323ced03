"""Snapshots: frozen values of the configuration that a process keeps while what they depend on stands."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from issuers.versioning import revision
from issuers.versioning.revision import Known
from runtime.main_loop import is_in_transaction
from runtime.slots import DATABASE

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    topics: tuple[str, ...]
    generation: int
    number: int
    """The revision up to which it is known to hold; first that under which its reading began."""

    def holds(self, known: Known) -> bool:
        if self.generation != known.generation:
            return False
        if self.number < known.number:
            if known.has_changed(self.topics, since=self.number):
                return False
            self.number = known.number
        return True


class Snapshots(Generic[K, V]):
    """A bounded cache of frozen values, each good until one of its topics changes.

    `topics` names all that a value was read from.
    """

    def __init__(
        self,
        load: Callable[[K], V | None],
        *,
        topics: Callable[[K, V], Iterable[str]],
        size: int = 10_000,
    ) -> None:
        self._load = load
        self._topics = topics
        self._size = size
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """The value for the key as the configuration stands; None, which is never kept, if there is none.

        Inside a transaction it is read, and not kept: it may hold what is never committed.
        """
        if is_in_transaction():
            return self._loaded(key)
        known = revision.known()
        entry = self._entries.get(key)
        if entry is None or not entry.holds(known):
            return self._read(key, known)
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
        return entry.value

    def last_known(self, key: K) -> V | None:
        """The value as it was last read, whatever has changed since; for answers while the database is away."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def _loaded(self, key: K) -> V | None:
        with DATABASE.slot():
            return self._load(key)

    def _read(self, key: K, known: Known) -> V | None:
        value = self._loaded(key)
        with self._lock:
            self._entries.pop(key, None)
            if value is not None:
                topics = tuple(self._topics(key, value))
                self._entries[key] = _Entry(value, topics, known.generation, known.number)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value
