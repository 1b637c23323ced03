"""The succession of an issuer's keys of one algorithm: which key signs after which, and when each one ends."""

from datetime import datetime

from django.db import IntegrityError, transaction

from issuers.models import Issuer
from keys.lifecycle.due import issuer_of
from keys.lifecycle.retirement import published_until
from keys.models import SigningKey
from keys.schedule import KeyState


def successor_of(key: SigningKey) -> SigningKey | None:
    """The key that signs after this one: its successor, or the successor's replacement if that was revoked."""
    successor = SigningKey.objects.filter(predecessor=key).first()
    while successor is not None and successor.revoked_at is not None:
        successor = SigningKey.objects.filter(predecessor=successor).first()
    return successor


def signs_before(key: SigningKey) -> SigningKey | None:
    """The key that signs before this one: its predecessor, or an earlier one if that was revoked."""
    before = key.predecessor
    while before is not None and before.revoked_at is not None:
        before = before.predecessor
    return before


def store(key: SigningKey) -> bool:
    """Save a new key and set its predecessor's end; False if another process stored a key in its place."""
    try:
        with transaction.atomic():
            if key.predecessor is not None:
                # A revocation at this moment locks it too: one of the two waits.
                key.predecessor = locked(key.predecessor)
            key.save()
            if key.predecessor is not None:
                _retire(key.predecessor, at=key.activates_at)
    except IntegrityError:
        if not _has_rival(key):
            raise
        return False
    return True


def locked(key: SigningKey) -> SigningKey:
    """The key as it is stored, locked until the transaction ends, with all keys of its issuer and algorithm.

    An act on one key changes others. All are locked in one order and before a row is saved, so that acts at the same
    time never wait for each other in a circle.
    """
    succession = SigningKey.objects.filter(issuer=key.issuer, alg=key.alg).order_by("pk")
    list(succession.select_for_update(of=("self",)).values_list("pk"))
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)


def activate(key: SigningKey, now: datetime) -> None:
    # A clock that was set back may be before the publication.
    key.activates_at = max(now, key.published_at)
    key.save(update_fields=["activates_at"])
    retire_before(key, now)


def retire_before(key: SigningKey, now: datetime) -> None:
    """The key that signs before this one retires by then."""
    before = signs_before(key)
    if before is not None and before.state(now) in {KeyState.ANNOUNCED, KeyState.ACTIVE}:
        _retire(before, at=key.activates_at)


def _retire(key: SigningKey, *, at: datetime) -> None:
    key.retires_at = max(at, key.activates_at)
    issuer = Issuer.objects.get(pk=issuer_of(key).pk)
    key.expires_at = published_until(key, issuer=issuer, retires_at=key.retires_at)
    key.save(update_fields=["retires_at", "expires_at"])


def _has_rival(key: SigningKey) -> bool:
    return SigningKey.objects.filter(issuer=key.issuer, alg=key.alg, predecessor=key.predecessor).exists()
