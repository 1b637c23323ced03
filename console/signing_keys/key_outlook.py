"""The next scheduled changes of an issuer's keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuers.models import Issuer
from keys.lifecycle.due import earliest_activation, is_overdue, newest_keys, rotates_at, successor_is_due
from keys.models import SigningKey
from keys.schedule import KeyState


@dataclass(frozen=True, slots=True)
class Outlook:
    """For the newest key of an issuer and algorithm.

    `announces_at` and `signs_from` are its successor's or, while the key is announced, its own.
    """

    key: SigningKey
    issuer: Issuer
    is_announced: bool
    is_due: bool
    is_overdue: bool
    announces_at: datetime
    signs_from: datetime
    overdue_since: datetime


def outlooks(now: datetime) -> dict[tuple[int, str], Outlook]:
    """By the issuer's id and the algorithm."""
    return {(outlook.issuer.pk, outlook.key.alg): outlook for outlook in _each(newest_keys(), now)}


def outlooks_of(issuer: Issuer, now: datetime) -> list[Outlook]:
    """In the order of the algorithms."""
    return list(_each(newest_keys().filter(issuer=issuer).order_by("alg"), now))


def _each(keys: Iterable[SigningKey], now: datetime) -> Iterable[Outlook]:
    for key in keys:
        if key.issuer is not None:
            yield _outlook(key, key.issuer, now)


def _outlook(key: SigningKey, issuer: Issuer, now: datetime) -> Outlook:
    is_announced = key.state(now) == KeyState.ANNOUNCED
    planned = rotates_at(key)
    announces_at = max(now, planned - timedelta(seconds=issuer.announce_period))
    return Outlook(
        key=key,
        issuer=issuer,
        is_announced=is_announced,
        is_due=not is_announced and successor_is_due(key, now=now),
        is_overdue=is_overdue(key, now=now),
        announces_at=key.published_at if is_announced else announces_at,
        signs_from=key.activates_at
        if is_announced
        else max(planned, earliest_activation(issuer, announces_at)),
        overdue_since=planned,
    )
