"""Key sets that other servers publish (RFC 7517 section 5), remembered by each process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any, Generic, Literal, TypeVar

import structlog

from runtime.outbound.fetch_tokens import token_for, token_if_any_for
from runtime.outbound.fetching import MAX_FETCH, FetchError, TokenOf, anonymous, fetch_json
from runtime.outbound.remote_url import issuer_problem

K = TypeVar("K")
Jwk = dict[str, Any]
Wanted = Callable[[K], bool]

FRESH = 600
"""Seconds for which a set is used without another look."""
MAX_USE = 86_400
"""Seconds for which a set is used while it cannot be fetched."""
RETRY, RETRY_WHEN_UNKNOWN = 60, 10
"""Seconds after a failed fetch until the next: with a known set, and without one."""
SEEK = 60
"""Seconds between two fetches that look for keys which a set lacks."""
MAX_KEYS = 100
MAX_SOURCES = 1_000

log = structlog.get_logger("relying_parties")


@dataclass(frozen=True, slots=True)
class KeySource:
    """`uri`: the URL of a key set. `discovery`: an issuer, whose metadata names that URL."""

    kind: Literal["discovery", "uri"]
    url: str
    token_file: str = ""
    """The name of the file whose bearer token is sent (fetch_tokens.py); empty: no token is sent."""

    def __str__(self) -> str:
        """Without the query, which may hold a secret."""
        return self.url.partition("?")[0]


def fetch_keys(source: KeySource) -> tuple[Jwk, ...]:
    """The keys of the source now, as they are published. Raises FetchError."""
    ends_at = time.monotonic() + MAX_FETCH
    name, url = source.token_file, source.url
    token_of: TokenOf = partial(token_for, name=name) if name else anonymous
    if source.kind == "discovery":
        url = _discovered(source.url, ends_at, token_of)
        # The server of the metadata chose this URL: its host need not have a token.
        token_of = partial(token_if_any_for, name=name) if name else anonymous
    keys = fetch_json(url, ends_at=ends_at, token_of=token_of).get("keys")
    if not isinstance(keys, list):
        raise FetchError(
            f"The answer for {source} is not a key set: it must have a member keys, which is a list."
        )
    if len(keys) > MAX_KEYS:
        raise FetchError(f"The key set for {source} has {len(keys)} keys: it may have {MAX_KEYS}.")
    return tuple(key for key in keys if isinstance(key, dict))


def _discovered(issuer: str, ends_at: float, token_of: TokenOf) -> str:
    """The issuer's `jwks_uri` (OpenID Connect Discovery, section 4)."""
    if problem := issuer_problem(issuer):
        raise FetchError(f"The issuer cannot be looked up. {problem}")
    url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    metadata = fetch_json(url, ends_at=ends_at, token_of=token_of)
    if (stated := metadata.get("issuer")) != issuer:
        shown = f"the issuer {stated!r:.200}" if isinstance(stated, str) else "no issuer"
        raise FetchError(
            f"The metadata of {issuer} is that of {shown}: the two must be the same, byte for byte."
        )
    if not isinstance(jwks_uri := metadata.get("jwks_uri"), str):
        raise FetchError(f"The metadata of {issuer} has no jwks_uri: name the URL of its key set instead.")
    return jwks_uri


@dataclass(frozen=True, slots=True)
class _Known(Generic[K]):
    """What is known of a source. Instants are seconds of the clock; `failure` is why the last fetch failed."""

    keys: tuple[K, ...] = ()
    fetched_at: float = float("-inf")
    failure: str = ""
    failed_at: float = float("-inf")
    sought_at: float = float("-inf")

    def is_usable(self, now: float) -> bool:
        return now - self.fetched_at < MAX_USE

    def is_due(self, now: float, wanted: Wanted[K] | None) -> bool:
        wait = RETRY if self.is_usable(now) else RETRY_WHEN_UNKNOWN
        if self.failure and now - self.failed_at < wait:
            return False
        if now - self.fetched_at >= FRESH:
            return True
        return now - self.sought_at >= SEEK and self.lacks(wanted)

    def lacks(self, wanted: Wanted[K] | None) -> bool:
        return wanted is not None and not any(map(wanted, self.keys))


class _Entry(Generic[K]):
    """`known` is replaced as a whole, by the thread that holds `fetching`. One that waits for it holds `waiting`."""

    def __init__(self) -> None:
        self.known: _Known[K] = _Known()
        self.fetching = Lock()
        self.waiting = Lock()


class RemoteKeys(Generic[K]):
    """The key sets of many sources, parsed.

    A set is fetched again on use when it is ten minutes old, and at most once a minute when it lacks the wanted key. A
    fetch that fails leaves the set in use, for a day at most; one that succeeds replaces it, by an empty set too. A
    slow source blocks two threads at most.

    `parse` turns a set's members into keys, and leaves out those that it cannot use. `clock` gives seconds that never
    decrease.
    """

    def __init__(
        self,
        parse: Callable[[tuple[Jwk, ...]], tuple[K, ...]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parse = parse
        self._clock = clock
        self._entries: OrderedDict[KeySource, _Entry[K]] = OrderedDict()
        self._lock = Lock()

    def keys_of(self, source: KeySource, *, wanted: Wanted[K] | None = None) -> tuple[K, ...]:
        """All keys that are known of the source; `wanted` recognises the one that is needed.

        Raises FetchError while none is available.
        """
        entry = self._entry(source)
        if entry.known.is_due(self._clock(), wanted):
            self._refresh(source, entry, wanted)
        known = entry.known
        if not known.is_usable(self._clock()):
            raise FetchError(known.failure or f"The keys of {source} are being fetched: try again.")
        return known.keys

    def _entry(self, source: KeySource) -> _Entry[K]:
        with self._lock:
            entry = self._entries.setdefault(source, _Entry())
            self._entries.move_to_end(source)
            if len(self._entries) > MAX_SOURCES:
                self._entries.popitem(last=False)
            return entry

    def _refresh(self, source: KeySource, entry: _Entry[K], wanted: Wanted[K] | None) -> None:
        if not self._may_fetch(entry, wanted):
            return
        try:
            # Another thread may have fetched meanwhile.
            if entry.known.is_due(self._clock(), wanted):
                entry.known = self._fetched(source, entry.known, wanted)
        finally:
            entry.fetching.release()

    def _may_fetch(self, entry: _Entry[K], wanted: Wanted[K] | None) -> bool:
        """Whether `fetching` was acquired. One thread waits for it, unless the last fetch failed; the others go on.

        The waiting request has proven nothing: if more could wait, they could block every thread of a worker.
        """
        if entry.fetching.acquire(blocking=False):
            return True
        known = entry.known
        if known.failure or (known.is_usable(self._clock()) and not known.lacks(wanted)):
            return False
        if not entry.waiting.acquire(blocking=False):
            return False
        try:
            return entry.fetching.acquire(timeout=MAX_FETCH)
        finally:
            entry.waiting.release()

    def _fetched(self, source: KeySource, known: _Known[K], wanted: Wanted[K] | None) -> _Known[K]:
        """What is known after a fetch."""
        begun_at = self._clock()
        try:
            jwks = fetch_keys(source)
        except FetchError as error:
            log.warning("keys_not_fetched", source=str(source), reason=str(error))
            after = replace(known, failure=str(error), failed_at=self._clock())
        else:
            after = _Known(self._parse(jwks), fetched_at=begun_at)
        was_sought = known.is_usable(begun_at) and known.lacks(wanted)
        return replace(after, sought_at=self._clock()) if was_sought or after.lacks(wanted) else after
