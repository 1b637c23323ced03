"""Taking over a key that was made elsewhere: PKCS#12 (RFC 7292) or PEM (RFC 7468), encrypted or not.

The key may keep the kid under which it was published, since live tokens carry it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs12
from django.core.exceptions import ValidationError

from issuers.models import SigningAlg
from keys.certificates import chain_warnings
from keys.generation import RSA_BITS, PrivateKey

JKS_MAGIC = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
RSA_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A private key from outside, and its certificates, leaf first; the chain may be empty."""

    private_key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def chain_pem(self) -> str:
        return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in self.chain)

    def warnings(self, now: datetime) -> list[str]:
        """What an operator should know before the key is taken."""
        return chain_warnings(self.chain, now)


def read_pkcs12(data: bytes, *, store_password: str, key_password: str = "", alias: str = "") -> ForeignKey:
    """Raises ValidationError that says what to do."""
    refuse_jks(data)
    if key_password and key_password != store_password:
        raise ValidationError("In PKCS#12 the key's password is the store's: give the store's alone.")
    try:
        store = pkcs12.load_pkcs12(data, store_password.encode())
    except ValueError as error:
        raise ValidationError(
            "The PKCS#12 file cannot be opened: its password is wrong, or it is damaged."
        ) from error
    if store.key is None or store.cert is None:
        raise ValidationError("The PKCS#12 file holds no private key with its certificate.")
    found = (store.cert.friendly_name or b"").decode(errors="replace")
    if alias and found.lower() != alias.lower():
        raise ValidationError(
            f"The PKCS#12 file has no key of the alias {alias}; its key's alias is {found or 'empty'}."
        )
    chain = (store.cert.certificate, *(other.certificate for other in store.additional_certs))
    return _checked(store.key, chain)


def read_pem(data: bytes, *, password: str = "", chain: bytes = b"") -> ForeignKey:
    """`chain` is PEM, leaf first; without it the certificates beside the key are taken. Raises ValidationError."""
    refuse_jks(data)
    try:
        private_key = load_pem_private_key(data, password=password.encode() or None)
    except TypeError as error:
        needs = "is not encrypted: leave the password out" if password else "is encrypted: give its password"
        raise ValidationError(f"The private key {needs}.") from error
    except ValueError as error:
        raise ValidationError("This is no private key in PEM, or its password is wrong.") from error
    return _checked(private_key, _certificates(chain or data))


def refuse_jks(data: bytes) -> None:
    if data.startswith(JKS_MAGIC):
        raise ValidationError(
            "This is a Java key store. Convert it first: keytool -importkeystore -srckeystore STORE.jks "
            "-destkeystore STORE.p12 -deststoretype PKCS12 -srcalias ALIAS"
        )


def fitting_algs(private_key: PrivateKey) -> tuple[SigningAlg, ...]:
    """The algorithms that a key of this kind can sign with, empty if it is not offered."""
    match private_key:
        case RSAPrivateKey():
            return (SigningAlg.RS256, SigningAlg.PS256)
        case EllipticCurvePrivateKey(curve=SECP256R1()):
            return (SigningAlg.ES256,)
        case EllipticCurvePrivateKey(curve=SECP384R1()):
            return (SigningAlg.ES384,)
        case Ed25519PrivateKey():
            return (SigningAlg.EDDSA,)
    return ()


def _checked(private_key: object, chain: Sequence[x509.Certificate]) -> ForeignKey:
    if not isinstance(private_key, PrivateKey) or not fitting_algs(private_key):
        raise ValidationError("Only RSA, P-256, P-384 and Ed25519 keys are taken.")
    if isinstance(private_key, RSAPrivateKey):
        _refuse_weak_rsa(private_key)
    if chain and _spki(chain[0]) != _spki(private_key):
        raise ValidationError("The first certificate is of another key: put the key's own first.")
    return ForeignKey(private_key=private_key, chain=tuple(chain))


def _refuse_weak_rsa(key: RSAPrivateKey) -> None:
    if key.key_size < RSA_BITS:
        raise ValidationError(
            f"The RSA key has {key.key_size} bits; at least {RSA_BITS} are needed (RFC 7518 3.3)."
        )
    exponent = key.public_key().public_numbers().e
    if exponent != RSA_EXPONENT:
        raise ValidationError(f"The RSA key's exponent is {exponent}; only {RSA_EXPONENT} is taken.")


def _certificates(pem: bytes) -> list[x509.Certificate]:
    if b"BEGIN CERTIFICATE" not in pem:
        return []
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValidationError("The certificates are not PEM.") from error


def _spki(holder: PrivateKey | x509.Certificate) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
