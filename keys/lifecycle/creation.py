"""Making a key: always an explicit act, never a side effect of serving."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet

from formats.thumbprints import thumbprint
from issuers.directory import IssuerSnapshot
from issuers.models import Issuer
from issuers.paths import written_path
from keys.encryption import KeyUnreadableError, encrypt
from keys.generation import PrivateKey, generate_private_key, private_bytes, self_signed_certificate
from keys.jwk import PublicKey, public_jwk
from keys.models import Purpose, SigningKey
from keys.pkcs11.keys import InToken
from keys.pkcs11.objects import destroy_in_token, generate_in_token
from keys.pkcs11.uri import Pkcs11Uri

log = structlog.get_logger("keys")


def create_first_key(
    *, issuer: Issuer | None, alg: str, now: datetime, token: Pkcs11Uri | None = None
) -> SigningKey:
    """Make and store the first key of an issuer and algorithm (`issuer` None: of the record).

    It is published and active at once, since nothing can have been signed before it. Raises ValidationError if there is
    a key already, KeyUnreadableError if the token makes none.
    """
    with new_key(issuer=issuer, alg=alg, published_at=now, activates_at=now, token=token) as key:
        key.checked().save()
        return key


@contextmanager
def new_key(
    *,
    issuer: Issuer | None,
    alg: str,
    published_at: datetime,
    activates_at: datetime,
    predecessor: SigningKey | None = None,
    token: Pkcs11Uri | None = None,
) -> Iterator[SigningKey]:
    """A new key pair, in the token or with its private half encrypted, to be stored in the block.

    If the block stores no row for it, a key pair made in a token is destroyed there. Raises KeyUnreadableError.
    """
    private_key = _generated(issuer=issuer, alg=alg, now=published_at, token=token)
    try:
        yield key_of(
            private_key,
            issuer=issuer,
            alg=alg,
            published_at=published_at,
            activates_at=activates_at,
            predecessor=predecessor,
        )
    finally:
        if isinstance(private_key, InToken):
            _destroy_unless_stored(private_key.uri, private_key.public_key())


def _generated(*, issuer: Issuer | None, alg: str, now: datetime, token: Pkcs11Uri | None) -> PrivateKey:
    if token is None:
        return generate_private_key(alg)
    owner = written_path(issuer.path) if issuer else "record"
    return generate_in_token(token, alg=alg, label=f"m2m-idp {owner} {alg} {now:%Y-%m-%dT%H:%M:%SZ}")


def _destroy_unless_stored(uri: Pkcs11Uri, public_key: PublicKey) -> None:
    if SigningKey.objects.filter(pkcs11_uri=str(uri)).exists():
        return
    try:
        destroy_in_token(uri, public_key)
    except KeyUnreadableError as error:
        log.warning("key_left_in_token", uri=str(uri), reason=str(error))


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
    """A key pair, not yet stored; its private half is encrypted, or stays in its token.

    Without a kid it has its thumbprint, without a chain a self-signed certificate.
    """
    jwk = public_jwk(private_key.public_key())
    key = SigningKey(
        purpose=Purpose.TOKEN if issuer else Purpose.RECORD,
        issuer=issuer,
        kid=kid or thumbprint(jwk),
        alg=alg,
        public_jwk=jwk,
        predecessor=predecessor,
        published_at=published_at,
        activates_at=activates_at,
    )
    key.certificate_chain = certificate_chain or self_signed_certificate(
        private_key, common_name=key.owner_url, now=published_at
    )
    if isinstance(private_key, InToken):
        key.pkcs11_uri = str(private_key.uri)
        return key
    encrypted = encrypt(private_bytes(private_key), identity=key.identity)
    key.encrypted_private_key, key.kek_id = encrypted.ciphertext, encrypted.kek_id
    return key


def has_key(*, issuer: Issuer, alg: str) -> bool:
    return SigningKey.objects.filter(issuer=issuer, alg=alg).exists()


def active_keys(now: datetime) -> QuerySet[SigningKey]:
    """The keys of every owner whose state is active, as a condition of the database."""
    not_retired = Q(retires_at__isnull=True) | Q(retires_at__gt=now)
    return SigningKey.objects.filter(not_retired, revoked_at__isnull=True, activates_at__lte=now)


def can_sign(now: datetime) -> Exists:
    """For a query of issuers: whether each has an active key of its own algorithm."""
    own = active_keys(now).filter(issuer=OuterRef("pk"), alg=OuterRef("signing_alg"))
    return Exists(own)


def signing_alg_problem(*, issuer: Issuer, alg: str, now: datetime) -> str | None:
    """Why an issuer, or one of its relying parties, cannot sign with this algorithm; None if it can."""
    if active_keys(now).filter(issuer=issuer, alg=alg).exists():
        return None
    return no_active_key(issuer, alg)


def no_active_key(issuer: Issuer | IssuerSnapshot, alg: str) -> str:
    path = written_path(issuer.path)
    name = issuer.name or path
    return f"{name} has no active {alg} key. Create one first: manage.py create_key {path} {alg}"
