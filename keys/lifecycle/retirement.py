"""How long a key that no longer signs stays published: as long as the tokens that it signed are valid."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import transaction

from issuers.models import CLOCK_SKEW, Issuer
from keys.models import SigningKey


def published_until(key: SigningKey, *, issuer: Issuer, retires_at: datetime) -> datetime:
    """A retire period after its last signature, or later if it signed tokens with a longer lifetime before."""
    return max([retires_at + timedelta(seconds=issuer.retire_period), *_ends_of_longer_lives(key, issuer)])


def outlive_tokens(issuer: Issuer, *, now: datetime) -> None:
    """Extend the expiry of retiring keys where an issuer, about to be saved, allows tokens a longer lifetime."""
    with transaction.atomic():
        # The issuer is locked before its keys, in the console as in a file: no two wait for each other in a circle.
        list(Issuer.objects.select_for_update(no_key=True).filter(pk=issuer.pk).values_list("pk"))
        # A process that sets the expiry of another key meanwhile waits, and then reads the issuer as it was saved.
        keys = SigningKey.objects.select_for_update().filter(issuer=issuer, revoked_at__isnull=True)
        for key in keys.order_by("pk"):
            if key.retires_at is not None and key.expires_at is not None and key.expires_at > now:
                _prolong(key, published_until(key, issuer=issuer, retires_at=key.retires_at))


def _prolong(key: SigningKey, expires_at: datetime) -> None:
    if key.expires_at is None or key.expires_at < expires_at:
        key.expires_at = expires_at
        key.save(update_fields=["expires_at"])


def _ends_of_longer_lives(key: SigningKey, issuer: Issuer) -> Iterator[datetime]:
    """For each maximum lifetime that the issuer had while the key signed: when the last such token expires."""
    changes = issuer.history.order_by("history_date", "history_id")
    for (_, greatest), (until, _) in pairwise(changes.values_list("history_date", "max_access_token_ttl")):
        if until > key.activates_at:
            yield until + timedelta(seconds=greatest) + CLOCK_SKEW
