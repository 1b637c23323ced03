"""Importing a key that was made elsewhere: PKCS#12 (RFC 7292), PEM (RFC 7468), DER, JWK (RFC 7517) or PKCS#11.

The key may keep the kid under which it was published, since live tokens carry it.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ValidationError

from formats.foreign_keys import MAX_RSA_BITS, ROCA, RSA_EXPONENT
from formats.roca import is_roca_weak
from issuers.models import SigningAlg
from keys.encryption import KeyUnreadableError
from keys.generation import NOT_OFFERED, RSA_BITS, PrivateKey
from keys.importing.certificates import Chain, chain_warnings, require_chain
from keys.importing.file_kinds import PEM, PRIVATE_PEM, FileKind, kind_of, unwrapped
from keys.importing.opening import open_der, open_pem
from keys.importing.private_jwk import read_jwk
from keys.importing.stores import open_store, refuse_java_store
from keys.jwk import public_jwk
from keys.models import SigningKey
from keys.pkcs11.objects import find_in_token
from keys.pkcs11.uri import Pkcs11Uri
from keys.signing import proves_itself

MAX_KEY_FILE_LENGTH = 64 * 1024
"""Bytes: a key and its chain are some thousands."""
KEY_FILES = "PKCS#12, PEM with the certificates behind the key, DER, or a private JWK or JWK Set."
"""The kinds of files that are accepted, as forms and commands say it."""
CERTIFICATE = PEM + b"CERTIFICATE-----"
TWO_PASSWORDS = (
    "In PKCS#12 the key's password is the store's: give the store's alone. Where they differ indeed, take PEM: "
    "openssl pkcs12 -in STORE.p12 -nocerts -nomacver -out KEY.pem (with the key's password), "
    "openssl pkcs12 -in STORE.p12 -nokeys -out CHAIN.pem (with the store's)"
)
"""The first line fails at the certificates, when the key is written already."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A private key from outside, and its certificates, leaf first; the chain may be empty."""

    private_key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]
    kid: str = ""
    """The file's name for it, empty if it has none."""
    is_pss: bool = False
    """Whether it is an RSA key that signs by PSS alone (RFC 4055 section 1.2)."""

    @property
    def algs(self) -> tuple[SigningAlg, ...]:
        """What it can sign with."""
        return (SigningAlg.PS256,) if self.is_pss else fitting_algs(self.private_key)

    @property
    def chain_pem(self) -> str:
        return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in self.chain)

    def warnings(self, now: datetime) -> list[str]:
        """What an operator should know before the key is imported."""
        return chain_warnings(self.chain, now)


def read_key_file(data: bytes, *, store_password: str, key_password: str, alias: str) -> ForeignKey:
    """PKCS#12, PEM with the certificates behind the key, DER, or a private JWK; in base64 too. Raises ValidationError.

    `alias` is that of a PKCS#12 store, or the kid of a key in a JWK Set.
    """
    data = unwrapped(data)
    kind = kind_of(data)
    if kind in (FileKind.PKCS12, FileKind.JAVA):
        return read_pkcs12(data, store_password=store_password, key_password=key_password, alias=alias)
    if kind is FileKind.JSON:
        return read_jwk_file(data, kid=alias)
    if alias:
        raise ValidationError(f"This is {kind.value}, in which a key has no alias: leave the alias out.")
    return read_pem(data, password=key_password)


def read_pkcs12(data: bytes, *, store_password: str, key_password: str = "", alias: str = "") -> ForeignKey:
    """Raises ValidationError that says what to do."""
    data = unwrapped(data)
    refuse_java_store(data, alias=alias)
    if (kind := kind_of(data)) is not FileKind.PKCS12:
        raise ValidationError(f"The file is {kind.value}, not PKCS#12.")
    if key_password and key_password != store_password:
        raise ValidationError(TWO_PASSWORDS)
    return _checked(*open_store(data, password=store_password, alias=alias))


def read_pem(data: bytes, *, password: str = "", chain: bytes = b"") -> ForeignKey:
    """PEM or DER. `chain` is PEM, leaf first; without it the certificates beside the key are taken.

    Raises ValidationError.
    """
    data = unwrapped(data)
    refuse_java_store(data)
    kind = kind_of(data)
    _require_private_key(data, kind)
    try:
        open_key = open_pem if kind is FileKind.PRIVATE_PEM else open_der
        private_key, is_pss = open_key(data, password=password)
    except TypeError as error:
        needs = "is not encrypted: leave the password out" if password else "is encrypted: give its password"
        raise ValidationError(f"The private key {needs}.") from error
    except ValueError as error:
        why = "its password is wrong, or it is damaged" if _is_encrypted(data, kind) else "it is damaged"
        raise ValidationError(f"The private key cannot be read: {why}.") from error
    if chain and CERTIFICATE not in chain:
        raise ValidationError("The file of the certificates holds none in PEM.")
    return _checked(private_key, _certificates(chain or data), is_pss=is_pss)


def read_jwk_file(data: bytes, *, kid: str = "") -> ForeignKey:
    """A JWK, or a JWK Set in which `kid` names the private key. Raises ValidationError."""
    data = unwrapped(data)
    if (kind := kind_of(data)) is not FileKind.JSON:
        raise ValidationError(f"The file is {kind.value}, not a JWK.")
    private_key, chain, own_kid = read_jwk(data, kid=kid)
    return _checked(private_key, chain, kid=own_kid)


def may_be_encrypted(data: bytes) -> bool:
    """Whether the file may need a password."""
    data = unwrapped(data)
    kind = kind_of(data)
    return kind in (FileKind.PKCS12, FileKind.JAVA) or _is_encrypted(data, kind)


def read_token(uri: Pkcs11Uri) -> ForeignKey:
    """A key that stays in its PKCS#11 token, and the certificate if one lies beside it. Raises ValidationError."""
    try:
        private_key, chain = find_in_token(uri)
        foreign = _checked(private_key, chain)
        if not proves_itself(private_key, alg=foreign.algs[0]):
            raise ValidationError(f"What {uri} signs does not fit the public half beside it: mend the token.")
    except KeyUnreadableError as error:
        raise ValidationError(str(error)) from error
    return foreign


def known_key(foreign: ForeignKey) -> SigningKey | None:
    """The row of a key that is stored already, for any issuer."""
    jwk = public_jwk(foreign.private_key.public_key())
    rows = SigningKey.objects.select_related("issuer")
    return next((row for row in rows if row.public_jwk == jwk), None)


def fitting_algs(private_key: PrivateKey) -> tuple[SigningAlg, ...]:
    """The algorithms that a key of this kind can sign with, empty if the kind is not supported."""
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


def _checked(private_key: object, chain: Chain, *, kid: str = "", is_pss: bool = False) -> ForeignKey:
    if not isinstance(private_key, PrivateKey) or not fitting_algs(private_key):
        raise ValidationError(NOT_OFFERED)
    if isinstance(private_key, RSAPrivateKey):
        _refuse_unfit_rsa(private_key)
    if chain:
        require_chain(chain, public_key=private_key.public_key())
    return ForeignKey(private_key=private_key, chain=chain, kid=kid, is_pss=is_pss)


def _refuse_unfit_rsa(key: RSAPrivateKey) -> None:
    if key.key_size < RSA_BITS:
        raise ValidationError(
            f"The RSA key has {key.key_size} bits; at least {RSA_BITS} are needed (RFC 7518 3.3)."
        )
    if key.key_size > MAX_RSA_BITS:
        raise ValidationError(f"The RSA key has {key.key_size} bits; at most {MAX_RSA_BITS} are taken.")
    numbers = key.public_key().public_numbers()
    if numbers.e != RSA_EXPONENT:
        raise ValidationError(f"The RSA key's exponent is {numbers.e}; only {RSA_EXPONENT} is taken.")
    if is_roca_weak(numbers.n):
        raise ValidationError(ROCA)


NEEDS_PRIVATE_KEY = {
    FileKind.PUTTY: "convert it with PuTTYgen: Conversions, Export OpenSSH key; then ssh-keygen -p -m PKCS8 -f COPY",
    FileKind.PKCS12: "name it as PKCS#12",
    FileKind.JSON: "name it as a JWK",
}
"""What to do with a file of another kind, where the advice is more than to bring a supported one."""


def _require_private_key(data: bytes, kind: FileKind) -> None:
    if kind in (FileKind.PRIVATE_DER, FileKind.ENCRYPTED_DER):
        return
    if kind is not FileKind.PRIVATE_PEM:
        advice = NEEDS_PRIVATE_KEY.get(kind, "choose the file that holds the private key")
        raise ValidationError(f"The file is {kind.value}: {advice}.")
    found = PRIVATE_PEM.findall(data)
    if b"OPENSSH " in found:
        raise ValidationError(
            "This is a private key of OpenSSH, which is not taken. Convert a copy of an RSA or ECDSA key: "
            "ssh-keygen -p -m PKCS8 -f COPY"
        )
    if len(found) != 1:
        raise ValidationError(f"The PEM file holds {len(found)} private keys: it must hold one.")


def _is_encrypted(data: bytes, kind: FileKind) -> bool:
    return kind is FileKind.ENCRYPTED_DER or b"ENCRYPTED" in data


def _certificates(pem: bytes) -> Chain:
    if CERTIFICATE not in pem:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, x509.InvalidVersion) as error:
        raise ValidationError("The certificates cannot be read: they are damaged.") from error
