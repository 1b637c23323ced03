"""When a key is to change: by its issuer's periods, and by how long copies of the JWKS are kept."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from issuers.models import Issuer
from keys.models import SigningKey


def newest_keys() -> QuerySet[SigningKey]:
    """The keys that sign or will sign and have no successor, of every issuer and algorithm."""
    keys = SigningKey.objects.filter(issuer__isnull=False, successor__isnull=True, revoked_at__isnull=True)
    return keys.select_related("issuer", "predecessor")


def rotates_at(key: SigningKey) -> datetime:
    """When a key has signed for its issuer's rotation period."""
    return key.activates_at + timedelta(seconds=issuer_of(key).rotation_period)


def successor_is_due(key: SigningKey, *, now: datetime) -> bool:
    """Whether it is not too early to announce a successor now."""
    return now >= rotates_at(key) - timedelta(seconds=issuer_of(key).announce_period)


def is_overdue(key: SigningKey, *, now: datetime) -> bool:
    """A key without a successor that has signed for longer than its rotation period. It goes on signing."""
    return now >= rotates_at(key)


def overdue_keys(now: datetime) -> list[SigningKey]:
    return [key for key in newest_keys() if is_overdue(key, now=now)]


def earliest_activation(issuer: Issuer, now: datetime) -> datetime:
    """When every copy of the JWKS has a key that is published now."""
    announced = now + timedelta(seconds=issuer.announce_period)
    return max(announced, issuer.old_copies_until) if issuer.old_copies_until else announced


def issuer_of(key: SigningKey) -> Issuer:
    if key.issuer is None:
        raise ValidationError("Keys of the record are not rotated by the clock.")
    return key.issuer
