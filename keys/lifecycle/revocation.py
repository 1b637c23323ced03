"""Revoking a key in an emergency: its tokens no longer verify, and another key signs at once."""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from issuers.paths import written_path
from keys.encryption import KeyUnreadableError
from keys.lifecycle.due import earliest_activation, issuer_of
from keys.lifecycle.rotation import new_successor
from keys.lifecycle.succession import activate, locked, retire_before, successor_of
from keys.models import SigningKey
from keys.schedule import KeyState


def revoke(
    key: SigningKey,
    *,
    now: datetime,
    leave_token: bool = False,
    require: Callable[[], None] = lambda: None,
) -> SigningKey | None:
    """Revoke a key in an emergency: it leaves the JWKS, and its tokens no longer verify.

    The same transaction replaces it: the announced successor signs now, or a new key does; for a key that was only
    announced, another is announced. The new key is where the old one was; with `leave_token` it is encrypted here.
    `require` is called with the key locked: an exception from it stops the act. Returns a key that was made, None if
    none was needed. Raises KeyUnreadableError if a token makes none.
    """
    try:
        return _revoke(key, now, leave_token=leave_token, require=require)
    except KeyUnreadableError as error:
        path, kid = written_path(issuer_of(key).path), shlex.quote(key.kid)
        command = f"manage.py revoke_key --leave-token {path} -- {kid}"
        raise KeyUnreadableError(
            f"{error} Nothing was revoked, since no replacement can be made there. To make it here: {command}"
        ) from error


def _revoke(
    key: SigningKey, now: datetime, *, leave_token: bool, require: Callable[[], None]
) -> SigningKey | None:
    with _replacement(key, now, leave_token=leave_token) as replacement, transaction.atomic():
        key = locked(key)
        require()
        if key.revoked_at is not None:
            raise ValidationError(f"The key {key.kid} is revoked already.")
        state, successor = key.state(now), successor_of(key)
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        if successor is None and replacement is not None:
            if state == KeyState.ANNOUNCED:
                replacement.activates_at = max(key.activates_at, earliest_activation(issuer_of(key), now))
            replacement.predecessor = key
            replacement.save()
            retire_before(replacement, now)
            return replacement
        if successor is not None and (state, successor.state(now)) == (KeyState.ACTIVE, KeyState.ANNOUNCED):
            activate(successor, now)
        return None


def _replacement(
    key: SigningKey, now: datetime, *, leave_token: bool
) -> AbstractContextManager[SigningKey | None]:
    """A key that is made before the transaction, since an RSA key takes long. None if there is a successor."""
    if SigningKey.objects.filter(predecessor=key).exists():
        return nullcontext()
    return new_successor(key, now=now, activates_at=now, leave_token=leave_token)
