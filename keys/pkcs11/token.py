"""The PKCS#11 tokens of this process: one library, one session a token, one call at a time.

A session is opened when it is first needed, and again in a process that was forked since. When a session has died,
because the HSM was away, the next call opens another. python-pkcs11 initializes the library for a single thread, so all
calls share one lock.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from django.conf import settings

from keys.encryption import KeyUnreadableError
from keys.pkcs11.refused_pins import tried_once, wrong_pin
from keys.pkcs11.uri import Pkcs11Uri

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib

try:
    import pkcs11
except ImportError:  # An optional dependency: it is needed only for keys in a token.
    pkcs11 = None  # type: ignore[assignment]

__all__ = ["OpenToken", "close", "in_token", "pkcs11"]

T = TypeVar("T")

MAX_WAIT = 5
"""Seconds that a call waits for earlier calls: while an HSM does not answer, the threads serve what needs no key."""

TRIES, PAUSE = 5, (0.02, 0.07)
"""How many times opening a session is tried, and the seconds between."""


@dataclass(frozen=True, slots=True)
class OpenToken:
    """A session, and the private keys that were found in it."""

    session: "pkcs11.Session"
    keys: "dict[Pkcs11Uri, pkcs11.SignMixin]" = field(default_factory=dict)

    def private_key(self, uri: Pkcs11Uri) -> "pkcs11.SignMixin":
        """Raises NoSuchKey or MultipleObjectsReturned."""
        if uri not in self.keys:
            self.keys[uri] = self._found(uri)
        return self.keys[uri]

    def _found(self, uri: Pkcs11Uri) -> "pkcs11.SignMixin":
        named = {pkcs11.Attribute.LABEL: uri.object, pkcs11.Attribute.ID: uri.id}
        wanted = {name: value for name, value in named.items() if value}
        # All are read: a search that is not finished stays open in the session.
        found = list(
            self.session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, **wanted})
        )
        if not found:
            raise pkcs11.NoSuchKey
        if len(found) > 1:
            raise pkcs11.MultipleObjectsReturned
        return cast("pkcs11.SignMixin", found[0])


class _Process:
    """The state of PKCS#11 in this process."""

    def __init__(self) -> None:
        self.library: lib | None = None
        self.begin()

    def begin(self) -> None:
        """A forked child cannot use its parent's sessions, and a thread of the parent may have held the lock."""
        self.lock = threading.Lock()
        self.open: dict[str, OpenToken] = {}


_process = _Process()
os.register_at_fork(after_in_child=_process.begin)


def in_token(uri: Pkcs11Uri, act: Callable[[OpenToken], T], *, writes: bool = False) -> T:
    """What `act` returns in a session on the URI's token. Raises KeyUnreadableError.

    `act` runs again in a new session if it fails in one that may have died.
    """
    _check_setup(uri)
    if not _process.lock.acquire(timeout=MAX_WAIT):
        raise KeyUnreadableError(f"The token {uri.token} did not answer for {MAX_WAIT} seconds: look at it.")
    try:
        opened = None if writes else _process.open.get(uri.token)
        try:
            return act(opened or _opened(uri, writes=writes))
        except pkcs11.PKCS11Error:
            if opened is None:
                raise
            return act(_opened(uri, writes=writes))
    except pkcs11.PKCS11Error as error:
        _close()
        raise KeyUnreadableError(_advice(uri, error)) from error
    finally:
        if writes:
            _close()
        _process.lock.release()


def close() -> None:
    """End this process's sessions; the next call opens one again."""
    with _process.lock:
        _close()


def _check_setup(uri: Pkcs11Uri) -> None:
    if pkcs11 is None:
        raise KeyUnreadableError(
            f"The key {uri} lies in a PKCS#11 token: install what reads it, "
            "pip install --require-hashes --requirement requirements-pkcs11.txt"
        )
    if not settings.PKCS11_MODULE:
        raise KeyUnreadableError(
            f"The key {uri} lies in a PKCS#11 token: PKCS11_MODULE must be the path of its library."
        )


def _opened(uri: Pkcs11Uri, *, writes: bool) -> OpenToken:
    """A new session. Raises KeyUnreadableError if the PIN was refused before."""
    refusals = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)
    with tried_once(token=uri.token, pin=settings.PKCS11_PIN, refusals=refusals):
        return _opened_at_last(uri, writes=writes)


def _opened_at_last(uri: Pkcs11Uri, *, writes: bool) -> OpenToken:
    """Some libraries show a token partly, or not at all, while another process opens it: tried again."""
    for _ in range(TRIES - 1):
        try:
            return _newly_opened(uri, writes=writes)
        except (pkcs11.GeneralError, pkcs11.NoSuchToken):
            time.sleep(random.uniform(*PAUSE))  # noqa: S311 - no secret
    return _newly_opened(uri, writes=writes)


def _newly_opened(uri: Pkcs11Uri, *, writes: bool) -> OpenToken:
    """With the library initialized again: otherwise it does not see a token that was attached since."""
    _close()
    _process.library = pkcs11.lib(settings.PKCS11_MODULE)
    token = _process.library.get_token(token_label=uri.token)
    _process.open[uri.token] = OpenToken(token.open(rw=writes, user_pin=settings.PKCS11_PIN or None))
    return _process.open[uri.token]


def _close() -> None:
    """Close all sessions with the library: their state in a forked or failed process is not known."""
    _process.open.clear()
    if _process.library is None:
        return
    library, _process.library = _process.library, None
    try:
        library.finalize()
    except pkcs11.PKCS11Error:
        # It was not initialized in this process, or lost its device: it is initialized again.
        return


def _advice(uri: Pkcs11Uri, error: Exception) -> str:
    match error:
        case pkcs11.NoSuchToken():
            return f"PKCS11_MODULE knows no token {uri.token}: attach it, or correct the library's configuration."
        case pkcs11.MultipleTokensReturned():
            return f"Several tokens are called {uri.token}: give each a name of its own."
        case pkcs11.PinIncorrect() | pkcs11.PinInvalid() | pkcs11.PinLenRange():
            return wrong_pin(uri.token, settings.PKCS11_PIN)
        case pkcs11.NoSuchKey():
            return f"The token {uri.token} has no private key {uri}, or shows none without PKCS11_PIN: put it back."
        case pkcs11.MultipleObjectsReturned():
            return f"The token {uri.token} has several private keys {uri}: name one by its id."
    return (
        f"The token {uri.token} does not work ({type(error).__name__} {error}".rstrip()
        + "): look at the HSM, PKCS11_MODULE and the library's configuration."
    )
