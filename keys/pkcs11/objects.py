"""Objects in a PKCS#11 token: key pairs that are made, found and destroyed there, and their certificates."""

import secrets

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ValidationError

from issuers.models import SigningAlg
from keys.encryption import KeyUnreadableError
from keys.generation import NOT_OFFERED, RSA_BITS, PrivateKey
from keys.jwk import PublicKey
from keys.pkcs11.keys import key_in_token
from keys.pkcs11.token import OpenToken, in_token, pkcs11
from keys.pkcs11.uri import Pkcs11Uri

CURVES: dict[bytes, ec.EllipticCurve] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
"""By CKA_EC_PARAMS: the curve's object identifier in DER (RFC 5480 section 2.1.1.1)."""
ED25519 = b"\x13\x0cedwards25519"
"""CKA_EC_PARAMS as PKCS#11 3.0 section 2.3.10 names the curve."""
ALSO_ED25519 = bytes.fromhex("06032b6570")
"""The same in DER (RFC 8410 section 3)."""
ED25519_BYTES = 32
ID_BYTES = 16


def generate_in_token(token: Pkcs11Uri, *, alg: str, label: str) -> PrivateKey:
    """A new key pair in the token, whose private half can never be exported. Raises KeyUnreadableError."""
    uri = token.key(object=label, id=secrets.token_bytes(ID_BYTES))
    public_key = in_token(token, lambda opened: _generated(opened, uri, alg), writes=True)
    return key_in_token(uri, public_key)


def find_in_token(uri: Pkcs11Uri) -> tuple[PrivateKey, tuple[x509.Certificate, ...]]:
    """A key that is in the token already, and its certificate if the token has it. Raises KeyUnreadableError."""
    public_key, chain = in_token(uri, lambda opened: _public_half(opened, uri))
    return key_in_token(uri, public_key), chain


def destroy_in_token(uri: Pkcs11Uri, public_key: PublicKey) -> None:
    """Destroys both halves of this key and the certificate, if they are still there. Raises KeyUnreadableError."""
    in_token(uri, lambda opened: _destroy(opened, uri, public_key), writes=True)


def _generated(opened: OpenToken, uri: Pkcs11Uri, alg: str) -> PublicKey:
    kind, length, public_template = _wanted(alg)
    public, _ = opened.session.generate_keypair(
        kind,
        length,
        id=uri.id,
        label=uri.object,
        store=True,
        capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
        public_template=public_template,
        private_template={
            pkcs11.Attribute.PRIVATE: True,
            pkcs11.Attribute.SENSITIVE: True,
            pkcs11.Attribute.EXTRACTABLE: False,
        },
    )
    return _public_key(public)


def _wanted(alg: str) -> "tuple[pkcs11.KeyType, int | None, dict[pkcs11.Attribute, bytes]]":
    curves = {curve.name: params for params, curve in CURVES.items()}
    match alg:
        case SigningAlg.RS256 | SigningAlg.PS256:
            return pkcs11.KeyType.RSA, RSA_BITS, {}
        case SigningAlg.ES256:
            return pkcs11.KeyType.EC, None, {pkcs11.Attribute.EC_PARAMS: curves["secp256r1"]}
        case SigningAlg.ES384:
            return pkcs11.KeyType.EC, None, {pkcs11.Attribute.EC_PARAMS: curves["secp384r1"]}
    return pkcs11.KeyType.EC_EDWARDS, None, {pkcs11.Attribute.EC_PARAMS: ED25519}


def _public_half(opened: OpenToken, uri: Pkcs11Uri) -> tuple[PublicKey, tuple[x509.Certificate, ...]]:
    private = opened.private_key(uri)
    certificates = [
        x509.load_der_x509_certificate(found[pkcs11.Attribute.VALUE])
        for found in _beside(opened, private, pkcs11.ObjectClass.CERTIFICATE)
    ]
    for public in _beside(opened, private, pkcs11.ObjectClass.PUBLIC_KEY):
        return _public_key(public), tuple(certificates[:1])
    for certificate in certificates:
        return certificate.public_key(), (certificate,)  # type: ignore[return-value]
    raise KeyUnreadableError(
        f"The token {uri.token} has neither the public half of {uri} nor its certificate: put one there, "
        "with the CKA_ID of the private key."
    )


def _beside(
    opened: OpenToken, private: "pkcs11.SignMixin", kind: "pkcs11.ObjectClass"
) -> "list[pkcs11.Object]":
    """The objects of this kind with the private key's id; empty if it has none."""
    key_id = private[pkcs11.Attribute.ID]
    wanted = {pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.ID: key_id}
    return list(opened.session.get_objects(wanted)) if key_id else []


def _public_key(public: "pkcs11.Object") -> PublicKey:
    if public[pkcs11.Attribute.KEY_TYPE] == pkcs11.KeyType.RSA:
        exponent, modulus = public[pkcs11.Attribute.PUBLIC_EXPONENT], public[pkcs11.Attribute.MODULUS]
        return rsa.RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus)).public_key()
    point, params = public[pkcs11.Attribute.EC_POINT], public[pkcs11.Attribute.EC_PARAMS]
    if params in {ED25519, ALSO_ED25519}:
        return Ed25519PublicKey.from_public_bytes(point[-ED25519_BYTES:])
    curve = CURVES.get(params)
    if curve is None:
        raise ValidationError(NOT_OFFERED)
    # An uncompressed point; most tokens wrap it as an OCTET STRING, of which the length fits one byte.
    length = 1 + 2 * ((curve.key_size + 7) // 8)
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-length:])


def _destroy(opened: OpenToken, uri: Pkcs11Uri, public_key: PublicKey) -> None:
    try:
        private = opened.private_key(uri)
    except pkcs11.NoSuchKey:
        return
    if _is_another(opened, uri, public_key):
        return
    for kind in (pkcs11.ObjectClass.CERTIFICATE, pkcs11.ObjectClass.PUBLIC_KEY):
        for found in _beside(opened, private, kind):
            found.destroy()
    private.destroy()


def _is_another(opened: OpenToken, uri: Pkcs11Uri, public_key: PublicKey) -> bool:
    """Whether another key has this label since: it may be the one that signs now."""
    try:
        return _public_half(opened, uri)[0] != public_key
    except ValidationError:
        return True
    except (KeyUnreadableError, ValueError):
        # The objects beside it cannot be read, so nothing says that another key is there.
        return False
