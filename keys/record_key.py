"""The key that seals the record: it signs statements about it, and its public half stays published for ever.

A statement is a JWT (RFC 7519) of its own kind, `typ`, so that none can be used as another one or as an access token.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import jwt
from django.db import transaction

from issuers.models import SigningAlg
from keys.encryption import KeyUnreadableError
from keys.keyring import KeySnapshot, keyrings
from keys.lifecycle.creation import create_first_key, new_key
from keys.models import RECORD, Purpose, SigningKey
from keys.signing import sign

NO_KEY = "The record has no key, so nothing is sealed: make one with manage.py create_key --record."


class NoRecordKeyError(Exception):
    """Nothing can be sealed yet; the text says what to do."""


class ForgedStatementError(ValueError):
    """The text is not a statement of this kind by a key of the record; the text says why."""


def record_key(now: datetime) -> KeySnapshot:
    """The key that signs now. Raises NoRecordKeyError."""
    keyring = keyrings.get(RECORD)
    key = keyring.signing_key(alg=SigningAlg.EDDSA, now=now) if keyring else None
    if key is None:
        raise NoRecordKeyError(NO_KEY)
    return key


def signed_statement(claims: dict[str, Any], *, kind: str, key: KeySnapshot) -> str:
    """The statement in compact serialization. Raises NoRecordKeyError where the private half cannot be read."""
    try:
        return sign(claims, header={"typ": kind}, key=key)
    except KeyUnreadableError as error:
        raise NoRecordKeyError(f"The record's key cannot sign, so nothing is sealed: {error}") from error


def read_statement(text: str, *, kind: str, keys: dict[str, Any]) -> dict[str, Any]:
    """What the statement says; `keys` are JWKs by kid. Raises ForgedStatementError."""
    try:
        header = jwt.get_unverified_header(text)
        if header.get("typ") != kind:
            raise ForgedStatementError(f"It is no {kind}.")
        key = keys.get(header.get("kid", ""))
        if key is None:
            raise ForgedStatementError(
                f"It is signed by {header.get('kid')}, which is not a key of the record."
            )
        claims: dict[str, Any] = jwt.decode(
            text, jwt.PyJWK(key, algorithm=SigningAlg.EDDSA), algorithms=[SigningAlg.EDDSA],
            options={
                "require": [], "verify_exp": False, "verify_iat": False, "verify_nbf": False,
                "verify_aud": False, "verify_iss": False,
            },
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise ForgedStatementError(f"Its signature does not verify: {error}") from error
    return claims


def make_record_key(now: datetime) -> SigningKey:
    """The record's first key, or a successor: it signs at once. The predecessor's public half stays published.

    Raises ValidationError or IntegrityError if another process makes one at this moment.
    """
    newest = SigningKey.objects.filter(purpose=Purpose.RECORD, successor__isnull=True).first()
    if newest is None:
        return create_first_key(issuer=None, alg=SigningAlg.EDDSA, now=now)
    # A clock that was set back may be before the predecessor's activation.
    at = max(now, newest.activates_at)
    made = new_key(issuer=None, alg=SigningAlg.EDDSA, published_at=at, activates_at=at, predecessor=newest)
    with made as key, transaction.atomic():
        key.checked().save()
        newest.retires_at = newest.expires_at = at
        newest.save(update_fields=["retires_at", "expires_at"])
        return key


def record_jwks() -> dict[str, Any]:
    """Every public key that the record ever had, by kid."""
    keyring = keyrings.get(RECORD)
    return {key.kid: key.jwk for key in keyring.keys} if keyring else {}


def statement_reader() -> Callable[[str, str], dict[str, Any]]:
    """Reads the text of a statement of a kind, by the current public keys. The result raises ForgedStatementError."""
    keys = record_jwks()
    return lambda text, kind: read_statement(text, kind=kind, keys=keys)


def statement_signer(now: datetime) -> Callable[[dict[str, Any], str], str]:
    """Signs claims as a statement of a kind, by the current key. Raises NoRecordKeyError, and so does the result."""
    key = record_key(now)
    return lambda claims, kind: signed_statement(claims, kind=kind, key=key)
