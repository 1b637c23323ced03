"""Tokens verified as a stranger does: two JOSE libraries, neither of them the server's, and nothing but the JWKS."""

import json
from typing import Any

from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT


def verified_twice(token: str, *, jwks: bytes, alg: str) -> dict[str, Any]:
    """The claims, on which both libraries agree. Each raises if the signature does not verify."""
    by_joserfc = joserfc_jwt.decode(token, KeySet.import_key_set(json.loads(jwks)), algorithms=[alg])
    by_jwcrypto = JWT(jwt=token, key=JWKSet.from_json(jwks.decode()), algs=[alg])
    claims: dict[str, Any] = json.loads(by_jwcrypto.claims)
    assert claims == by_joserfc.claims
    return claims
