"""Assertions as clients and other issuers make them, and the public keys that they register."""

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from jwt.algorithms import ECAlgorithm

from tests.support.wire import Answer, ask

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def jwks_of(key: EllipticCurvePrivateKey, **members: str) -> dict[str, Any]:
    """The key's public half as a JWK Set."""
    return {"keys": [ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | members]}


def private_jwks_of(key: EllipticCurvePrivateKey) -> dict[str, Any]:
    """What an operator registers by mistake."""
    return {"keys": [ECAlgorithm.to_jwk(key, as_dict=True)]}


def assertion(key: EllipticCurvePrivateKey, *, lifetime: int = 60, **claims: Any) -> str:
    """A JWT that ends in so many seconds."""
    return jwt.encode({"exp": int(time.time()) + lifetime, **claims}, key, algorithm="ES256")


def ask_by_assertion(text: str, *, client_id: str, target: str) -> Answer:
    return ask(
        {"client_id": client_id, "client_assertion_type": JWT_BEARER, "client_assertion": text}, target=target
    )
