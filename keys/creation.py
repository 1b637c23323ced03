"""Making a key: always an explicit act, never a side effect of serving."""

from datetime import datetime

from django.conf import settings

from issuers.directory import IssuerSnapshot
from issuers.models import Issuer
from issuers.paths import written_path
from keys.encryption import encrypt
from keys.generation import PrivateKey, generate_private_key, private_bytes, self_signed_certificate
from keys.jwk import public_jwk, thumbprint
from keys.models import Purpose, SigningKey
from keys.schedule import KeyState


def create_first_key(*, issuer: Issuer | None, alg: str, now: datetime) -> SigningKey:
    """Make and store the first key of an issuer and algorithm (`issuer` None: of the record).

    It is published and active at once: nothing can have been signed before it. Raises ValidationError if there is one.
    """
    key = made_key(issuer=issuer, alg=alg, published_at=now, activates_at=now)
    key.checked().save()
    return key


def made_key(
    *,
    issuer: Issuer | None,
    alg: str,
    published_at: datetime,
    activates_at: datetime,
    predecessor: SigningKey | None = None,
) -> SigningKey:
    """A new key pair, its private half encrypted, not yet stored."""
    return key_of(
        generate_private_key(alg),
        issuer=issuer,
        alg=alg,
        published_at=published_at,
        activates_at=activates_at,
        predecessor=predecessor,
    )


def key_of(  # noqa: PLR0913 - a row of this many columns
    private_key: PrivateKey,
    *,
    issuer: Issuer | None,
    alg: str,
    published_at: datetime,
    activates_at: datetime,
    predecessor: SigningKey | None = None,
    kid: str = "",
    certificate_chain: str = "",
) -> SigningKey:
    """A key pair, its private half encrypted, not yet stored.

    Without a kid it has its thumbprint, without a chain a self-signed certificate.
    """
    jwk = public_jwk(private_key.public_key())
    name = issuer.url if issuer else f"{settings.PUBLIC_URL}/audit"
    key = SigningKey(
        purpose=Purpose.TOKEN if issuer else Purpose.RECORD,
        issuer=issuer,
        kid=kid or thumbprint(jwk),
        alg=alg,
        public_jwk=jwk,
        certificate_chain=certificate_chain
        or self_signed_certificate(private_key, common_name=name, now=published_at),
        predecessor=predecessor,
        published_at=published_at,
        activates_at=activates_at,
    )
    encrypted = encrypt(private_bytes(private_key), identity=key.identity)
    key.encrypted_private_key, key.kek_id = encrypted.ciphertext, encrypted.kek_id
    return key


def has_key(*, issuer: Issuer, alg: str) -> bool:
    return SigningKey.objects.filter(issuer=issuer, alg=alg).exists()


def signing_alg_problem(*, issuer: Issuer, alg: str, now: datetime) -> str | None:
    """Why an issuer, or one of its relying parties, cannot sign with this algorithm; None if it can."""
    rows = SigningKey.objects.filter(issuer=issuer, alg=alg, revoked_at__isnull=True, activates_at__lte=now)
    if any(row.state(now) == KeyState.ACTIVE for row in rows):
        return None
    return no_active_key(issuer, alg)


def no_active_key(issuer: Issuer | IssuerSnapshot, alg: str) -> str:
    path = written_path(issuer.path)
    name = issuer.name or path
    return f"{name} has no active {alg} key. Create one first: manage.py create_key {path} {alg}"
