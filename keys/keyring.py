"""An issuer's keys as frozen snapshots: the JWKS that verifies, and the key that signs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from cryptography import x509
from jwt.exceptions import PyJWTError

from issuers.versioning.revision import topic
from issuers.versioning.snapshots import Snapshots
from keys.encryption import EncryptedKey
from keys.jwk import certificate_members, public_key
from keys.models import RECORD, Purpose, SigningKey
from keys.schedule import published, signing_key

log = structlog.get_logger("keys")


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    id: int
    kid: str
    alg: str
    activates_at: datetime
    retires_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    jwk: dict[str, Any]
    encrypted: EncryptedKey | None
    pkcs11_uri: str

    @classmethod
    def of(cls, key: SigningKey) -> "KeySnapshot":
        jwk = key.public_jwk | {"kid": key.kid, "use": "sig", "alg": key.alg} | _certificate_members(key)
        return cls(
            id=key.pk,
            kid=key.kid,
            alg=key.alg,
            activates_at=key.activates_at,
            retires_at=key.retires_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            jwk=jwk,
            encrypted=key.encrypted,
            pkcs11_uri=key.pkcs11_uri,
        )


def _certificate_members(key: SigningKey) -> dict[str, Any]:
    """None of a chain that was stored past the checks and cannot be read: signatures verify without it."""
    try:
        return certificate_members(key.certificate_chain)
    except (ValueError, x509.InvalidVersion) as error:
        log.error("chain_not_read", reason=str(error), kid=key.kid)  # noqa: TRY400 - one line
        return {}


@dataclass(frozen=True, slots=True)
class Keyring:
    keys: tuple[KeySnapshot, ...]
    is_of_record: bool = False

    def jwks(self, now: datetime) -> dict[str, Any]:
        """The JWK Set of this moment (RFC 7517 section 5). What a key of the record signed is verified for ever."""
        shown = self.keys if self.is_of_record else published(self.keys, now)
        return {"keys": [key.jwk for key in shown]}

    def signing_key(self, *, alg: str, now: datetime) -> KeySnapshot | None:
        return signing_key(self.keys, alg=alg, now=now)


def read_keyring(issuer_id: int) -> Keyring:
    """As the database has it, within a transaction too; RECORD for the keys of the record."""
    keys = SigningKey.objects.order_by("published_at", "id")
    of_issuer = (
        keys.filter(purpose=Purpose.RECORD) if issuer_id == RECORD else keys.filter(issuer_id=issuer_id)
    )
    usable = (key for key in of_issuer if _is_public_key(key))
    return Keyring(keys=tuple(map(KeySnapshot.of, usable)), is_of_record=issuer_id == RECORD)


def _is_public_key(key: SigningKey) -> bool:
    """One that was stored past the checks and is no key verifies nothing, and takes no other away."""
    try:
        public_key(key.public_jwk)
    except (PyJWTError, ValueError, TypeError, AttributeError) as error:
        log.error("signing_key_not_read", reason=str(error), kid=key.kid)  # noqa: TRY400 - one line
        return False
    return True


def _topics(issuer_id: int, _keyring: Keyring) -> tuple[str, ...]:
    return (topic("signing_keys", issuer_id),)


keyrings: Snapshots[int, Keyring] = Snapshots(read_keyring, topics=_topics)
