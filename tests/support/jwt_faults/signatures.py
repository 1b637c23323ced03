"""Signatures that are none."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support.forging import CURVES, Change, Signer, octets_of, signed, signed_by, signer
from tests.support.jwt_faults.fault import SIGNATURE, Fault, nothing, of_any

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def _ecdsa(r: Callable[[int], int], s: Callable[[int], int]) -> Callable[[Signer], Change | None]:
    """Both numbers of an ECDSA signature, of the curve's order."""

    def change(by: Signer) -> Change | None:
        if not isinstance(by.key, ec.EllipticCurvePrivateKey):
            return None
        octets, order = CURVES[by.alg][2], by.key.curve.group_order
        return signed(lambda _: r(order).to_bytes(octets) + s(order).to_bytes(octets))

    return change


def _der_form(by: Signer) -> Change | None:
    if by.alg not in CURVES:
        return None
    half = CURVES[by.alg][2]
    return signed(lambda raw: encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:])))


def _beyond_the_order(by: Signer) -> Change | None:
    """RFC 8032 section 5.1.7: S must be below the order, or each signature has a twin."""
    if by.alg not in {"EdDSA", "Ed25519"}:
        return None
    return signed(
        lambda raw: raw[:32] + (int.from_bytes(raw[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    )


def _beyond_the_modulus(by: Signer) -> Change | None:
    if not isinstance(by.key, rsa.RSAPrivateKey):
        return None
    modulus = by.key.public_key().public_numbers().n
    return signed(lambda raw: octets_of(int.from_bytes(raw) + modulus))


def _by_another_key(by: Signer) -> Change:
    return signed_by(signer(by.alg, "attackers"))


SIGNATURE_FAULTS = {
    **of_any(
        {
            "signature stripped": signed(nothing),
            "signature truncated": signed(lambda raw: raw[:-1]),
            "signature longer": signed(lambda raw: raw + b"\0"),
            "a zero before the signature": signed(lambda raw: b"\0" + raw),
            "signature with a bit flipped": signed(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
            "signature of zeros": signed(lambda raw: bytes(len(raw))),
            "signature of ones": signed(lambda raw: b"\xff" * len(raw)),
            "signature twice": signed(lambda raw: raw + raw),
            "signature of one byte": signed(lambda _: b"\0"),
        },
        SIGNATURE,
    ),
    "signed by another key": Fault(_by_another_key, SIGNATURE),
    "ECDSA of zeros": Fault(_ecdsa(lambda _: 0, lambda _: 0), SIGNATURE),
    "ECDSA of r = 0": Fault(_ecdsa(lambda _: 0, lambda _: 1), SIGNATURE),
    "ECDSA of s = 0": Fault(_ecdsa(lambda _: 1, lambda _: 0), SIGNATURE),
    "ECDSA of the order": Fault(_ecdsa(lambda order: order, lambda order: order), SIGNATURE),
    "ECDSA of ones": Fault(_ecdsa(lambda _: 1, lambda _: 1), SIGNATURE),
    "ECDSA in DER": Fault(_der_form, SIGNATURE),
    "EdDSA beyond the order": Fault(_beyond_the_order, SIGNATURE),
    "RSA beyond the modulus": Fault(_beyond_the_modulus, SIGNATURE),
}
