"""When the key changes: acts that create a successor and set the instants of both keys in one transaction.

A successor is announced for the issuer's announce period before it signs, except in an emergency and where an operator
activates it early. `predecessor` is one-to-one: of many processes that create a successor at once, only one succeeds.
"""

from contextlib import AbstractContextManager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from keys.lifecycle.creation import new_key
from keys.lifecycle.due import earliest_activation, issuer_of, rotates_at
from keys.lifecycle.succession import activate, locked, store
from keys.models import SigningKey
from keys.pkcs11.uri import Pkcs11Uri
from keys.schedule import KeyState


def announce_successor(key: SigningKey, *, now: datetime, on_schedule: bool = False) -> SigningKey | None:
    """Publish a successor that signs after the announce period, on schedule not before the rotation period is over.

    It is where the key is: in its token or encrypted here. None if another process was first. Raises KeyUnreadableError
    if a token makes none.
    """
    activates_at = earliest_activation(issuer_of(key), now)
    if on_schedule:
        activates_at = max(activates_at, rotates_at(key))
    with new_successor(key, now=now, activates_at=activates_at) as successor:
        return successor if store(successor) else None


def activate_without_waiting(key: SigningKey, *, now: datetime) -> None:
    """An announced key signs now: verifiers with an older copy of the JWKS do not know it yet."""
    with transaction.atomic():
        key = locked(key)
        if key.state(now) != KeyState.ANNOUNCED:
            raise ValidationError(
                f"The key {key.kid} is {key.state(now)}: only an announced key can be activated."
            )
        activate(key, now)


def new_successor(
    key: SigningKey, *, now: datetime, activates_at: datetime, leave_token: bool = False
) -> AbstractContextManager[SigningKey]:
    """In the token of the key, or encrypted here; to be stored in the block."""
    in_token = key.pkcs11_uri and not leave_token
    return new_key(
        issuer=key.issuer,
        alg=key.alg,
        published_at=now,
        activates_at=activates_at,
        predecessor=key,
        token=Pkcs11Uri.parse(key.pkcs11_uri) if in_token else None,
    )
