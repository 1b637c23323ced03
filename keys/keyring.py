"""An issuer's keys as frozen snapshots: the JWKS that verifies, and the key that signs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from issuers.revision import Snapshots
from keys.encryption import EncryptedKey
from keys.jwk import certificate_members
from keys.models import Purpose, SigningKey
from keys.schedule import published, signing_key

RECORD = 0
"""Stands where an issuer's id would, for the keys of the record."""


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
        jwk = (
            key.public_jwk
            | {"kid": key.kid, "use": "sig", "alg": key.alg}
            | certificate_members(key.certificate_chain)
        )
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


def _load(issuer_id: int) -> Keyring:
    keys = SigningKey.objects.order_by("published_at", "id")
    of_issuer = (
        keys.filter(purpose=Purpose.RECORD) if issuer_id == RECORD else keys.filter(issuer_id=issuer_id)
    )
    return Keyring(keys=tuple(KeySnapshot.of(key) for key in of_issuer), is_of_record=issuer_id == RECORD)


keyrings: Snapshots[int, Keyring] = Snapshots(_load)
