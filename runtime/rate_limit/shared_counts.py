"""Events of the last minute, counted in Redis or Valkey: exact for all processes that share it."""

import time
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import structlog
from django.conf import settings
from redis import Redis, RedisError

from runtime.main_loop import refuse_to_wait

T = TypeVar("T")

TRY_AGAIN_AFTER = 3.0
"""Seconds for which a server that failed is left alone: a request waits for it now and then, not each time."""
WARN_EVERY = 60.0
"""Seconds."""

# The same buckets as in local_counts.py, by the server's own clock: it is one for all hosts. What
# lies ahead of it was counted before it was set back, and would stay for as long.
ASK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, limit, taking = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local packed = redis.call('GET', KEYS[1])
local live, left = {}, 0
for _, bucket in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    if bucket[1] > now - window and bucket[1] <= now then
        table.insert(live, bucket)
        left = left + bucket[2]
    end
end
if left < limit then
    if taking then
        local newest = live[#live]
        if newest and math.floor(newest[1] / 1000) == math.floor(now / 1000) then
            newest[1], newest[2] = now, newest[2] + 1
        else
            table.insert(live, {now, 1})
        end
        redis.call('SET', KEYS[1], cmsgpack.pack(live), 'PX', window)
    end
    return 0
end
local wait = 0
for _, bucket in ipairs(live) do
    if left < limit then break end
    left = left - bucket[2]
    wait = bucket[1] - now + window
end
return wait
"""

log = structlog.get_logger("issuance")


class AwayError(Exception):
    """The server cannot be asked, or is not asked yet again."""


class SharedCounts:
    """Counts by key. Every key expires by itself."""

    def __init__(self, *, location: str, options: dict[str, Any]) -> None:
        self._redis = Redis.from_url(location, **options)
        self._script = self._redis.register_script(ASK)
        self._try_again_at = 0.0
        self._warned_at = float("-inf")
        self._lock = Lock()

    def ask(self, key: str, *, window: int, limit: int, taking: bool) -> int:
        """As LocalCounts.ask, in one round trip. Raises AwayError."""
        wait: int = self._reached(lambda: self._script(keys=[key], args=[window, limit, int(taking)]))
        return wait

    def forget(self, key: str) -> None:
        """Raises AwayError."""
        self._reached(lambda: self._redis.delete(key))

    def _reached(self, act: Callable[[], T]) -> T:
        refuse_to_wait()
        if not self._may_try(time.monotonic()):
            raise AwayError
        try:
            answer = act()
        except RedisError as error:
            self._leave_alone(error, time.monotonic())
            raise AwayError from error
        self._try_again_at = 0.0
        return answer

    def _may_try(self, now: float) -> bool:
        """While the server is away one request at a time tries it."""
        with self._lock:
            if now < self._try_again_at:
                return False
            if self._try_again_at:
                self._try_again_at = now + TRY_AGAIN_AFTER
            return True

    def _leave_alone(self, error: RedisError, now: float) -> None:
        with self._lock:
            self._try_again_at = now + TRY_AGAIN_AFTER
            if now - self._warned_at < WARN_EVERY:
                return
            self._warned_at = now
        log.warning(
            "cache_away",
            reason=f"{type(error).__name__}: {error}",
            advice="Quotas and failed authentications are counted in each process until CACHE_URL answers again.",
        )


@cache
def shared_counts() -> SharedCounts | None:
    """Those of CACHE_URL; None where each process has a cache of its own."""
    named = settings.ENVIRONMENT.shared_cache
    return SharedCounts(location=named.location, options=named.options) if named else None
