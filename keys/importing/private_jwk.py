"""A private key as a JWK, or in a JWK Set (RFC 7517, RFC 7518 section 6, RFC 8037)."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from django.core.exceptions import ValidationError

from formats.strict_json import StrictDecoder
from keys.importing.certificates import Chain
from keys.importing.opening import open_jwk

NUMBERS = frozenset({"n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y"})
MAX_NUMBER = 1400
"""Characters of base64url: 8192 bits, and some."""


def read_jwk(data: bytes, *, kid: str = "") -> tuple[object, Chain, str]:
    """The private key, its certificates (`x5c`) and its kid. `kid` selects one of several. Raises ValidationError."""
    jwk = _the_private_one(_keys_in(data), kid)
    _refuse_long_numbers(jwk)
    try:
        private_key = open_jwk(json.dumps(jwk).encode())
    except ValueError as error:
        raise ValidationError(
            "The JWK holds no key that can be used: a member is missing, damaged, or its numbers do not fit."
        ) from error
    return private_key, _certificates(jwk), jwk.get("kid", "")


def _keys_in(data: bytes) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(data.decode(), cls=StrictDecoder)
    except (ValueError, RecursionError) as error:
        raise ValidationError("The file is JSON by its beginning, but it cannot be read as JSON.") from error
    keys = value.get("keys", [value]) if isinstance(value, dict) else value
    if not isinstance(keys, list) or not all(isinstance(key, dict) and "kty" in key for key in keys):
        raise ValidationError("The file is JSON, but neither a JWK nor a JWK Set (RFC 7517).")
    return keys


def _the_private_one(keys: list[Mapping[str, Any]], kid: str) -> Mapping[str, Any]:
    private = [key for key in keys if "d" in key]
    if not private:
        what = "a symmetric key" if any("k" in key for key in keys) else "public keys alone"
        raise ValidationError(
            f"The file is a JWK or JWK Set with {what}: give the private JWK, which has a member d."
        )
    named = [key for key in private if kid in ("", key.get("kid"))]
    kids = ", ".join(str(key.get("kid", "without kid")) for key in private)
    if not named:
        raise ValidationError(f"The JWK Set has no private key with the kid {kid}. It has: {kids}.")
    if len(named) > 1:
        raise ValidationError(
            f"The JWK Set has several private keys ({kids}): name the kid of one as the alias."
        )
    if not isinstance(named[0].get("kid", ""), str):
        raise ValidationError("The kid of the JWK is not a text.")
    return named[0]


def _refuse_long_numbers(jwk: Mapping[str, Any]) -> None:
    for name in NUMBERS & jwk.keys():
        if not isinstance(jwk[name], str) or len(jwk[name]) > MAX_NUMBER:
            raise ValidationError(
                f"The member {name} of the JWK is not a number of at most 8192 bits in base64url."
            )


def _certificates(jwk: Mapping[str, Any]) -> Chain:
    entries = jwk.get("x5c", [])
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValidationError("The member x5c of the JWK is not a list of certificates in base64.")
    try:
        return tuple(
            x509.load_der_x509_certificate(base64.b64decode(entry, validate=True)) for entry in entries
        )
    except (binascii.Error, ValueError, x509.InvalidVersion) as error:
        raise ValidationError(
            "The member x5c of the JWK holds something that is not a certificate."
        ) from error
