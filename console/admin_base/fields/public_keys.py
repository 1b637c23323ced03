"""Public keys and certificates of others, in words: what a page shows of a JWK Set or of PEM."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from django.db.models import Q

from audit.credential_name import CredentialKind, CredentialName
from formats.thumbprints import base64url
from relying_parties.jwks.client_keys import PublicKey, VerificationKey, registered_keys
from relying_parties.models import CredentialUse, RelyingParty

MAX_OTHERS = 5


@dataclass(frozen=True, slots=True)
class CertificateLine:
    subject: str
    x5t_s256: str
    """SHA-256 of it, in base64url, as a token bound to it carries it (RFC 8705 section 3.1)."""
    expires_at: datetime
    is_live: bool


@dataclass(frozen=True, slots=True)
class KeyLine:
    kid: str
    kind: str
    algs: str
    expires_at: datetime | None
    is_live: bool
    certificate: CertificateLine | None
    last_used_at: datetime | None
    """When the key or its certificate last proved the relying party, None if the record has no use of it."""


@dataclass(frozen=True, slots=True)
class OtherUse:
    """A key or certificate that proved the relying party and is not registered here: fetched, or known by name only."""

    kind: str
    name: str
    last_used_at: datetime


def key_lines(jwks: Any, *, now: datetime) -> list[KeyLine]:
    """The usable keys of a JWK Set as it is stored, None for none."""
    return [_line(key, last_used_at=None, now=now) for key in registered_keys(jwks)]


def client_key_lines(relying_party: RelyingParty, *, now: datetime) -> list[KeyLine]:
    keys = registered_keys(relying_party.client_jwks)
    uses = _uses(relying_party)
    return [
        _line(
            key,
            last_used_at=max(
                (uses[name] for name in _credentials(relying_party, key) & uses.keys()), default=None
            ),
            now=now,
        )
        for key in keys
    ]


def other_uses(relying_party: RelyingParty) -> list[OtherUse]:
    """The newest first."""
    keys = registered_keys(relying_party.client_jwks)
    registered = {name for key in keys for name in _credentials(relying_party, key)}
    uses = [(name, at) for name, at in _uses(relying_party).items() if name not in registered]
    newest = nlargest(MAX_OTHERS, uses, key=lambda use: use[1])
    return [
        OtherUse(kind=name.kind, name=name.thumbprint, last_used_at=at)
        for text, at in newest
        if (name := CredentialName.parse(text))
    ]


def certificate_lines(certificates: Iterable[x509.Certificate], *, now: datetime) -> list[CertificateLine]:
    return [_certificate_line(certificate, now) for certificate in certificates]


def _credentials(relying_party: RelyingParty, key: VerificationKey) -> set[str]:
    """The names under which the record says that the key, or its certificate, proved the relying party."""
    return {
        str(CredentialName(CredentialKind.KEY, relying_party.pk, key.thumbprint)),
        str(CredentialName(CredentialKind.CERTIFICATE, relying_party.pk, key.x5t_s256)),
    }


def _uses(relying_party: RelyingParty) -> dict[str, datetime]:
    """When each key and certificate last proved the relying party."""
    of_key, of_certificate = (
        CredentialName(kind, relying_party.pk) for kind in (CredentialKind.KEY, CredentialKind.CERTIFICATE)
    )
    named = Q(credential__startswith=f"{of_key}:") | Q(credential__startswith=f"{of_certificate}:")
    return dict(CredentialUse.objects.filter(named).values_list("credential", "last_used_at"))


def _line(key: VerificationKey, *, last_used_at: datetime | None, now: datetime) -> KeyLine:
    leaf = x509.load_der_x509_certificate(key.certificates[0]) if key.certificates else None
    return KeyLine(
        kid=key.kid,
        kind=_kind(key.key),
        algs=", ".join(key.algs),
        expires_at=key.expires_at,
        is_live=key.is_live(now),
        certificate=_certificate_line(leaf, now) if leaf else None,
        last_used_at=last_used_at,
    )


def _kind(key: PublicKey) -> str:
    if isinstance(key, RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    return f"EC, P-{key.curve.key_size}" if isinstance(key, EllipticCurvePublicKey) else "OKP, Ed25519"


def _certificate_line(certificate: x509.Certificate, now: datetime) -> CertificateLine:
    return CertificateLine(
        subject=certificate.subject.rfc4514_string() or "without a subject",
        x5t_s256=base64url(certificate.fingerprint(SHA256())),
        expires_at=certificate.not_valid_after_utc,
        is_live=certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc,
    )
