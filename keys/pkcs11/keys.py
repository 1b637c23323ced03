"""Private keys in a PKCS#11 token, in cryptography's interface: they sign, and never leave the token."""

from typing import Any, NoReturn, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keys.encryption import KeyUnreadableError
from keys.jwk import PublicKey
from keys.pkcs11.token import in_token, pkcs11
from keys.pkcs11.uri import Pkcs11Uri


def key_in_token(uri: Pkcs11Uri, public_key: PublicKey) -> "RsaKeyInToken | EcKeyInToken | Ed25519KeyInToken":
    """The private key at the URI. The token is asked when it signs."""
    match public_key:
        case rsa.RSAPublicKey():
            return RsaKeyInToken(uri, public_key)
        case ec.EllipticCurvePublicKey():
            return EcKeyInToken(uri, public_key)
    return Ed25519KeyInToken(uri, public_key)


class InToken:
    """What all kinds of keys share: everything that would export the private half, or use it otherwise, is refused."""

    uri: Pkcs11Uri

    def private_bytes(self, *_args: object, **_options: object) -> NoReturn:
        raise UnsupportedAlgorithm(f"The key {self.uri} signs in its token and does not leave it.")

    private_bytes_raw = private_numbers = decrypt = exchange = private_bytes

    def seen(self) -> Self:
        """This key, after a check that its token is open and has it. Raises KeyUnreadableError."""
        in_token(self.uri, lambda opened: opened.private_key(self.uri))
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def _sign(self, data: bytes, mechanism: "pkcs11.Mechanism", parameter: object = None) -> bytes:
        """Raises KeyUnreadableError."""
        return in_token(
            self.uri,
            lambda opened: opened.private_key(self.uri).sign(
                data, mechanism=mechanism, mechanism_param=parameter
            ),
        )


class RsaKeyInToken(InToken, rsa.RSAPrivateKey):
    def __init__(self, uri: Pkcs11Uri, public_key: rsa.RSAPublicKey) -> None:
        self.uri, self._public_key = uri, public_key

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    def sign(self, data: bytes, padding_: Any, algorithm: Any) -> bytes:
        """RSASSA-PKCS1-v1_5, or RSASSA-PSS with a salt as long as the hash (RFC 7518 sections 3.3 and 3.5)."""
        if not isinstance(algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("RSA keys in a token sign with SHA-256.")
        mechanisms = pkcs11.Mechanism
        if isinstance(padding_, padding.PSS):
            parameter = (mechanisms.SHA256, pkcs11.MGF.SHA256, algorithm.digest_size)
            return self._sign(data, mechanisms.SHA256_RSA_PKCS_PSS, parameter)
        return self._sign(data, mechanisms.SHA256_RSA_PKCS)


class EcKeyInToken(InToken, ec.EllipticCurvePrivateKey):
    def __init__(self, uri: Pkcs11Uri, public_key: ec.EllipticCurvePublicKey) -> None:
        self.uri, self._public_key = uri, public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        """ECDSA in DER; the token signs the digest and returns r and s side by side."""
        digest = hashes.Hash(signature_algorithm.algorithm)
        digest.update(data)
        raw = self._sign(digest.finalize(), pkcs11.Mechanism.ECDSA)
        half = (self.key_size + 7) // 8
        if len(raw) != 2 * half:
            raise KeyUnreadableError(
                f"What {self.uri} signs is not of the curve {self.curve.name}: mend the token."
            )
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


class Ed25519KeyInToken(InToken, Ed25519PrivateKey):
    def __init__(self, uri: Pkcs11Uri, public_key: Ed25519PublicKey) -> None:
        self.uri, self._public_key = uri, public_key

    def public_key(self) -> Ed25519PublicKey:
        return self._public_key

    def sign(self, data: Any) -> bytes:
        return self._sign(bytes(data), pkcs11.Mechanism.EDDSA)
