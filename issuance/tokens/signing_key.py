"""Which key signs, made ready before the row that names it is committed, and used after."""

from datetime import datetime

from issuance.tokens.access_token import UnsignedToken
from issuance.wire.errors import TemporarilyUnavailable
from issuers.directory import IssuerSnapshot
from keys.encryption import KeyUnreadableError
from keys.keyring import KeySnapshot, keyrings
from keys.lifecycle.creation import no_active_key
from keys.signing import private_key_of, sign
from relying_parties.client import Client


def ready_key(*, client: Client, issuer: IssuerSnapshot, now: datetime) -> KeySnapshot:
    """The key that signs for this client, its private half at hand. Raises TemporarilyUnavailable."""
    alg = client.signing_alg or issuer.signing_alg
    keyring = keyrings.get(issuer.id)
    key = keyring.signing_key(alg=alg, now=now) if keyring else None
    if key is None:
        raise TemporarilyUnavailable(no_active_key(issuer, alg))
    try:
        private_key_of(key)
    except KeyUnreadableError as error:
        raise TemporarilyUnavailable(str(error)) from error
    return key


def signed(token: UnsignedToken, *, key: KeySnapshot) -> str:
    """The access token. Raises TemporarilyUnavailable: a key in a token may have gone away since it was made ready."""
    try:
        return sign(token.claims, header=token.header, key=key)
    except KeyUnreadableError as error:
        raise TemporarilyUnavailable(str(error)) from error
