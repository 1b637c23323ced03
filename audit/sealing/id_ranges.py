"""A set of ids as runs of consecutive ones, so that millions take little memory."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

Run = tuple[int, int]
"""First and last id."""


def runs_of(ids: Iterable[int]) -> Iterator[Run]:
    """Of ids in ascending order."""
    first = last = None
    for pk in ids:
        if first is not None and last is not None and pk == last + 1:
            last = pk
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = pk
    if first is not None and last is not None:
        yield first, last


class IdRanges:
    """The ids of one table that checkpoints cover. Call `close` before reading it."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def add(self, ids: Iterable[int]) -> None:
        for first, last in runs_of(ids):
            if self._runs and self._runs[-1][1] + 1 == first:
                self._runs[-1] = (self._runs[-1][0], last)
            else:
                self._runs.append((first, last))

    def close(self) -> list[Run]:
        """Put the runs in order; returns the ids that were added twice."""
        merged: list[Run] = []
        twice: list[Run] = []
        for first, last in sorted(self._runs):
            if merged and first <= merged[-1][1]:
                twice.append((first, min(last, merged[-1][1])))
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._runs = merged
        return twice

    @property
    def last(self) -> int:
        """0 if there is none."""
        return self._runs[-1][1] if self._runs else 0

    def __contains__(self, pk: int) -> bool:
        at = bisect_right(self._runs, pk, key=lambda run: run[0]) - 1
        return at >= 0 and pk <= self._runs[at][1]
