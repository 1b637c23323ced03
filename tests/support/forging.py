"""JWTs made by hand, so that any fault can be put into one: only the numbers of a signature are a library's."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

CURVES: dict[str, tuple[ec.EllipticCurve, str, int, HashAlgorithm]] = {
    "ES256": (ec.SECP256R1(), "P-256", 32, SHA256()),
    "ES384": (ec.SECP384R1(), "P-384", 48, SHA384()),
    "ES512": (ec.SECP521R1(), "P-521", 66, SHA512()),
}
"""By the algorithm: curve, its name, the octets of a coordinate, hash (RFC 7518 section 3.4)."""
ALGS = ("RS256", "PS256", *CURVES, "EdDSA", "Ed25519")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def written(members: Any) -> bytes:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and the algorithm that it signs with."""

    alg: str
    key: PrivateKey = field(repr=False)
    kid: str

    def __call__(self, signing_input: bytes) -> bytes:
        return signature(self.key, self.alg, signing_input)

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public half (RFC 7518 section 6, RFC 8037 section 2)."""
        return {**public_members(self.key), "kid": self.kid}

    def der(self, encoding: Encoding = Encoding.DER) -> bytes:
        return self.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def signature(key: PrivateKey, alg: str, data: bytes) -> bytes:
    """RFC 7518 section 3, RFC 8037 section 3.1."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
        return key.sign(data, pss if alg == "PS256" else padding.PKCS1v15(), SHA256())
    _, _, octets, hashing = CURVES[alg]
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashing)))
    return r.to_bytes(octets) + s.to_bytes(octets)


def public_members(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(key.public_key().public_bytes_raw())}
    if isinstance(key, rsa.RSAPrivateKey):
        rsa_numbers = key.public_key().public_numbers()
        n, e = rsa_numbers.n, rsa_numbers.e
        return {"kty": "RSA", "n": encoded(octets_of(n)), "e": encoded(octets_of(e))}
    name, octets = next((name, octets) for curve, name, octets, _ in CURVES.values()
                        if curve.name == key.curve.name)  # fmt: skip
    numbers = key.public_key().public_numbers()
    x, y = numbers.x.to_bytes(octets), numbers.y.to_bytes(octets)
    return {"kty": "EC", "crv": name, "x": encoded(x), "y": encoded(y)}


def octets_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def signer(alg: str, kid: str = "") -> Signer:
    """The key of this name, the same one each time; RS256 and PS256, EdDSA and Ed25519 share one."""
    family = {"PS256": "RS256", "Ed25519": "EdDSA"}.get(alg, alg)
    return Signer(alg=alg, key=_key(family, kid), kid=kid or family.lower())


@cache
def _key(alg: str, _kid: str) -> PrivateKey:
    return new_key(alg)


def new_key(alg: str, *, rsa_bits: int = 2048) -> PrivateKey:
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg][0])
    if alg in {"EdDSA", "Ed25519"}:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)


def as_it_is(data: bytes) -> bytes:
    return data


def text_as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Draft:
    """A JWT that is not written yet. The last four are how its parts are changed when it is."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    sign: Callable[[bytes], bytes]
    header_json: Callable[[bytes], bytes] = as_it_is
    claims_json: Callable[[bytes], bytes] = as_it_is
    signed: Callable[[bytes], bytes] = as_it_is
    text: Callable[[str], str] = text_as_it_is

    def made(self) -> str:
        header = encoded(self.header_json(written(self.header)))
        claims = encoded(self.claims_json(written(self.claims)))
        signing_input = f"{header}.{claims}"
        return self.text(f"{signing_input}.{encoded(self.signed(self.sign(signing_input.encode())))}")


Change = Callable[[Draft], Draft]


def header(**members: Any) -> Change:
    return lambda draft: replace(draft, header={**draft.header, **members})


def claims(**members: Any) -> Change:
    return lambda draft: replace(draft, claims={**draft.claims, **members})


def header_without(name: str) -> Change:
    return lambda draft: replace(draft, header={key: v for key, v in draft.header.items() if key != name})


def claims_without(name: str) -> Change:
    return lambda draft: replace(draft, claims={key: v for key, v in draft.claims.items() if key != name})


def header_json(change: Callable[[bytes], bytes]) -> Change:
    return lambda draft: replace(draft, header_json=change)


def claims_json(change: Callable[[bytes], bytes]) -> Change:
    return lambda draft: replace(draft, claims_json=change)


def signed(change: Callable[[bytes], bytes]) -> Change:
    return lambda draft: replace(draft, signed=change)


def text(change: Callable[[str], str]) -> Change:
    return lambda draft: replace(draft, text=change)


def signed_by(sign: Callable[[bytes], bytes], **members: Any) -> Change:
    """By another signer; `members` go into the header."""
    return lambda draft: replace(draft, sign=sign, header={**draft.header, **members})


def more(raw: bytes) -> Callable[[bytes], bytes]:
    """A JSON object with this written at its end as it stands."""
    return lambda json_object: json_object[:-1] + b"," + raw + b"}"
