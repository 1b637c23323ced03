"""What a certificate authority signs for a key, and the chain that comes back: for `x5c` and `x5t` alone.

Verifiers of tokens take the public key from the JWKS; the chain shows which authority certified it.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ValidationError
from django.db import transaction

from formats.certificates import read_certificates
from formats.foreign_keys import rsa_problem
from formats.pem import holds_private_key
from keys.generation import digest_for, subject
from keys.jwk import public_key
from keys.keyring import KeySnapshot
from keys.models import SigningKey
from keys.schedule import ENDED
from keys.signing import private_key_of

MAX_CERTIFICATES = 10
"""The maximum in a chain: every copy of the JWKS contains all of them."""

Chain = tuple[x509.Certificate, ...]


def certificate_request(key: SigningKey) -> str:
    """A PKCS#10 request in PEM (RFC 2986), signed by the key itself. Raises KeyUnreadableError."""
    private_key = private_key_of(KeySnapshot.of(key))
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(key.owner_url))
    request = builder.sign(private_key, digest_for(private_key))
    return request.public_bytes(Encoding.PEM).decode()


def certificates_of(key: SigningKey) -> Chain:
    """The key's chain, leaf first. Raises CertificateUnreadableError for one that was stored past the checks."""
    return read_certificates(key.certificate_chain)


def read_chain(pem: bytes, *, key: SigningKey) -> Chain:
    """A chain for the key, leaf first, each certificate signed by the next. Raises ValidationError."""
    if holds_private_key(pem.decode("latin-1")):
        raise ValidationError("This holds a private key: send the certificates alone.")
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, x509.InvalidVersion) as error:
        raise ValidationError("These are not certificates in PEM.") from error
    require_chain(chain, public_key=public_key(key.public_jwk))
    return chain


def require_chain(chain: Chain, *, public_key: object) -> None:
    """Raises ValidationError unless this is a chain for the key (RFC 7517 section 4.7)."""
    if len(chain) > MAX_CERTIFICATES:
        raise ValidationError(
            f"At most {MAX_CERTIFICATES} certificates make a chain; these are {len(chain)}."
        )
    if not is_of(chain[0], public_key):
        raise ValidationError(
            f"The first certificate, {_name(chain[0])}, is of another key: put the key's own first."
        )
    for certificate, issuer in pairwise(chain):
        _refuse_weak_authority(issuer)
        if not is_issued_by(certificate, issuer):
            raise ValidationError(
                f"The certificate {_name(certificate)} is not signed by the one behind it, {_name(issuer)}: "
                f"give the chain in order, the key's own first."
            )


def _refuse_weak_authority(certificate: x509.Certificate) -> None:
    """Called before a signature is verified with it. Curves are not checked: all of them cost little."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return
    if isinstance(key, RSAPublicKey) and (problem := rsa_problem(key)):
        raise ValidationError(f"The key of the certificate {_name(certificate)} is not accepted. {problem}")


def chain_warnings(chain: Sequence[x509.Certificate], now: datetime) -> list[str]:
    """What an operator should know about the dates of the certificates."""
    late = [
        f"The certificate {_name(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: "
        f"replace it, verifiers may look at it."
        for certificate in chain
        if certificate.not_valid_after_utc < now
    ]
    early = [
        f"The certificate {_name(certificate)} is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} "
        f"UTC only: until then verifiers may refuse it."
        for certificate in chain
        if certificate.not_valid_before_utc > now
    ]
    return late + early


def attach_chain(key: SigningKey, chain: Chain, *, now: datetime) -> None:
    """Replace the key's chain by this one. Raises ValidationError if the key is no longer in the JWKS."""
    with transaction.atomic():
        locked = SigningKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if (state := locked.state(now)) in ENDED:
            raise ValidationError(f"The key {locked.kid} is {state}: it is no longer in the JWKS.")
        locked.certificate_chain = "".join(
            certificate.public_bytes(Encoding.PEM).decode() for certificate in chain
        )
        locked.save(update_fields=["certificate_chain"])


def is_of(certificate: x509.Certificate, public_key: object) -> bool:
    try:
        return certificate.public_key() == public_key
    except (ValueError, UnsupportedAlgorithm):
        return False


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "without a name"
