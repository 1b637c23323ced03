"""How many events a key may have within a sliding window of time."""

import math
import time
from collections.abc import Callable

from runtime.rate_limit.local_counts import MAX_KEYS, LocalCounts
from runtime.rate_limit.shared_counts import AwayError, SharedCounts, shared_counts


class Window:
    """At most `limit` events of one key in any `seconds`.

    Counted in the cache that processes share (CACHE_URL); without one, or while it is away, in each process.
    """

    def __init__(
        self,
        name: str,
        *,
        seconds: int,
        max_keys: int = MAX_KEYS,
        shared: Callable[[], SharedCounts | None] = shared_counts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._window = seconds * 1000
        self._shared = shared
        self._clock = clock
        self._local = LocalCounts(window=self._window, max_keys=max_keys)

    def take(self, key: str, *, limit: int) -> int:
        """Count an event and return 0; at the limit count nothing, and return the seconds until one would pass."""
        return self._ask(key, limit=limit, taking=True)

    def wait(self, key: str, *, limit: int) -> int:
        """What `take` would return now."""
        return self._ask(key, limit=limit, taking=False)

    def forget(self, key: str) -> None:
        self._local.forget(key)
        shared = self._shared()
        if shared is None:
            return
        try:
            shared.forget(self._shared_key(key))
        except AwayError:
            return

    def _ask(self, key: str, *, limit: int, taking: bool) -> int:
        shared = self._shared()
        if shared is None:
            return _seconds(self._ask_here(key, limit=limit, taking=taking))
        try:
            wait = shared.ask(self._shared_key(key), window=self._window, limit=limit, taking=taking)
        except AwayError:
            wait = self._ask_here(key, limit=limit, taking=taking)
        return _seconds(wait)

    def _ask_here(self, key: str, *, limit: int, taking: bool) -> int:
        return self._local.ask(key, limit=limit, taking=taking, now=int(self._clock() * 1000))

    def _shared_key(self, key: str) -> str:
        return f"m2m-idp:{self._name}:{key}"


def _seconds(milliseconds: int) -> int:
    return math.ceil(milliseconds / 1000)
