"""Connections that wait for the same thing, in the order of their last sign of life."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

Conn = TypeVar("Conn")


class Waiting(Generic[Conn]):
    """`seconds`: how long each of them may stay silent."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: OrderedDict[Conn, float] = OrderedDict()

    def put(self, conn: Conn, *, now: float) -> None:
        """It has shown life: it is the last one to be closed."""
        self._since[conn] = now
        self._since.move_to_end(conn)

    def drop(self, conn: Conn) -> None:
        del self._since[conn]

    def __len__(self) -> int:
        return len(self._since)

    def __iter__(self) -> Iterator[Conn]:
        return iter(list(self._since))

    def oldest(self, *, seconds: float, now: float) -> tuple[float, Conn] | None:
        """The one that has been silent longest, and since when, if that is so many seconds."""
        for conn in self.silent(seconds=seconds, now=now):
            return self._since[conn], conn
        return None

    def silent(self, *, seconds: float, now: float) -> Iterator[Conn]:
        """Those that have been silent for so long, the longest first; what is done to one may take it away."""
        while self._since:
            conn, since = next(iter(self._since.items()))
            if now - since < seconds:
                return
            yield conn
