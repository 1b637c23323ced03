"""What state a key is in: a function of its instants and the clock, so that every process agrees without a message."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from django.db import models


class KeyState(models.TextChoices):
    ANNOUNCED = "announced", "Announced"
    ACTIVE = "active", "Active"
    RETIRING = "retiring", "Retiring"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


ENDED = frozenset({KeyState.EXPIRED, KeyState.REVOKED})
"""In these states a key is no longer in the JWKS."""


class Scheduled(Protocol):
    """A key's instants. `retires_at` and `expires_at` are None until a successor exists."""

    @property
    def alg(self) -> str: ...
    @property
    def activates_at(self) -> datetime: ...
    @property
    def retires_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...


S = TypeVar("S", bound=Scheduled)


def state_of(key: Scheduled, now: datetime) -> KeyState:
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if now < key.activates_at:
        return KeyState.ANNOUNCED
    if key.retires_at is None or now < key.retires_at:
        return KeyState.ACTIVE
    if key.expires_at is None or now < key.expires_at:
        return KeyState.RETIRING
    return KeyState.EXPIRED


def published(keys: Iterable[S], now: datetime) -> list[S]:
    """The keys that the JWKS shows: each as soon as its row is stored, independent of the clock."""
    return [key for key in keys if state_of(key, now) not in ENDED]


def signing_key(keys: Iterable[S], *, alg: str, now: datetime) -> S | None:
    """The newest activated, unrevoked key of the algorithm.

    If a clock is set back before every activation, none is active: then the first to be activated signs, since it is
    the one that signed at that time or the nearest to it.
    """
    usable = sorted(
        (
            key
            for key in keys
            if key.alg == alg and state_of(key, now) in {KeyState.ANNOUNCED, KeyState.ACTIVE}
        ),
        key=lambda key: key.activates_at,
    )
    active = [key for key in usable if key.activates_at <= now]
    return active[-1] if active else next(iter(usable), None)
