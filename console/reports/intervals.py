"""The times in which something held, computed from its versions: what the history of the configuration proves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a thing from `at` until its next version: whether it held, within its own validity.

    A deletion is a version that does not hold. `valid_until` is the first instant outside.
    """

    at: datetime
    holds: bool
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """From `since`, before `until`; None: without an end."""

    since: datetime
    until: datetime | None

    def includes(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def standing(versions: Sequence[Version]) -> list[Interval]:
    """When the thing held. Versions are in the order in which they were made."""
    ends = [*(version.at for version in versions[1:]), None]
    held = [
        _overlap(Interval(version.at, end), Interval(version.valid_from or version.at, version.valid_until))
        for version, end in zip(versions, ends, strict=False)
        if version.holds
    ]
    return joined(interval for interval in held if interval)


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """The same times in the fewest intervals, in order."""
    found: list[Interval] = []
    for interval in sorted(intervals, key=lambda interval: interval.since):
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < interval.since):
            found.append(interval)
        else:
            found[-1] = Interval(last.since, _later(last.until, interval.until))
    return found


def common(*all_intervals: Sequence[Interval]) -> list[Interval]:
    """The times that are in each of them."""
    first, *others = all_intervals
    found = list(first)
    for intervals in others:
        overlaps = (_overlap(left, right) for left in found for right in intervals)
        found = joined(overlap for overlap in overlaps if overlap)
    return found


def within(intervals: Sequence[Interval], *, since: datetime, until: datetime) -> list[Interval]:
    """The part of them in the range."""
    return common(intervals, [Interval(since, until)])


def _overlap(left: Interval, right: Interval) -> Interval | None:
    since, until = max(left.since, right.since), _earlier(left.until, right.until)
    return Interval(since, until) if until is None or since < until else None


def _earlier(left: datetime | None, right: datetime | None) -> datetime | None:
    if left is None or right is None:
        return left or right
    return min(left, right)


def _later(left: datetime | None, right: datetime | None) -> datetime | None:
    return None if left is None or right is None else max(left, right)
