"""Events of the last minute, counted in this process, in bounded memory."""

from collections import OrderedDict
from threading import Lock

Buckets = tuple[tuple[int, int], ...]
"""For each second that had events: the instant of its last one, and how many there were. Oldest first.

Instants and periods are whole milliseconds, as in Redis.
"""

MAX_KEYS = 50_000
"""Some 15 MB. To push out a count takes as many events under other names: about what a process serves in a minute."""


class LocalCounts:
    """Counts by key. The key that was asked about longest ago goes first; threads may share them."""

    def __init__(self, *, window: int, max_keys: int = MAX_KEYS) -> None:
        self._window = window
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, Buckets] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def ask(self, key: str, *, limit: int, taking: bool, now: int) -> int:
        """Milliseconds until one more event keeps within the limit; 0: it does now, and is counted when `taking`."""
        if not taking and key not in self._buckets:
            return 0
        with self._lock:
            buckets = live(self._buckets.get(key, ()), since=now - self._window)
            wait = milliseconds_to_wait(buckets, limit=limit, since=now - self._window)
            if taking and not wait:
                buckets = with_one_more(buckets, now=now)
            self._keep(key, buckets)
        return wait

    def forget(self, key: str) -> None:
        with self._lock:
            self._buckets.pop(key, None)

    def _keep(self, key: str, buckets: Buckets) -> None:
        self._buckets.pop(key, None)
        if buckets:
            self._buckets[key] = buckets
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)


def live(buckets: Buckets, *, since: int) -> Buckets:
    return tuple(bucket for bucket in buckets if bucket[0] > since)


def milliseconds_to_wait(buckets: Buckets, *, limit: int, since: int) -> int:
    """A second's events leave together, a window after the last of them: so no window holds more than the limit."""
    left = sum(count for _, count in buckets)
    wait = 0
    for last, count in buckets:
        if left < limit:
            break
        left -= count
        wait = last - since
    return wait


def with_one_more(buckets: Buckets, *, now: int) -> Buckets:
    if not buckets:
        return ((now, 1),)
    # A thread may have read the clock before the one that went first.
    now = max(now, buckets[-1][0])
    if buckets[-1][0] // 1000 == now // 1000:
        return (*buckets[:-1], (now, buckets[-1][1] + 1))
    return (*buckets, (now, 1))
