"""Storing a key that was made elsewhere: as the first of its algorithm, or as the announced successor."""

from contextlib import suppress
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from issuers.models import Issuer
from keys.importing.key_files import ForeignKey, known_key
from keys.lifecycle.creation import key_of
from keys.lifecycle.due import earliest_activation, newest_keys
from keys.lifecycle.succession import store
from keys.models import SigningKey
from keys.schedule import KeyState


def adopt(foreign: ForeignKey, *, issuer: Issuer, alg: str, kid: str = "", now: datetime) -> SigningKey:
    """Store a key from outside: it signs now if it is the first of its algorithm, else it is the announced successor.

    Raises ValidationError if it does not fit the algorithm, is stored already, or if a successor is announced already.
    """
    if not (kid or foreign.kid).isprintable():
        raise ValidationError("The kid holds a character that is not printable: give it as it was published.")
    if alg not in foreign.algs:
        kind = "An RSA-PSS key" if foreign.is_pss else "A key of this kind"
        raise ValidationError(f"{kind} signs with {' or '.join(foreign.algs)}, not with {alg}.")
    if (known := known_key(foreign)) is not None:
        raise ValidationError(f"This key is here already: {known.kid} of {known.issuer or 'the record'}.")
    newest = newest_keys().filter(issuer=issuer, alg=alg).first()
    if newest is not None and newest.state(now) == KeyState.ANNOUNCED:
        raise ValidationError(
            f"The key {newest.kid} is announced already: revoke it, or wait until it signs."
        )
    key = key_of(
        foreign.private_key,
        issuer=issuer,
        alg=alg,
        published_at=now,
        activates_at=now if newest is None else earliest_activation(issuer, now),
        predecessor=newest,
        kid=kid or foreign.kid,
        certificate_chain=foreign.chain_pem,
    )
    key.full_clean()
    _store_or_refuse(key)
    return key


def _store_or_refuse(key: SigningKey) -> None:
    """Raises ValidationError if another key took its place or its kid since the check."""
    with suppress(IntegrityError):
        if store(key):
            return
    raise ValidationError("Another key was made at this moment: look at what is there now.")
