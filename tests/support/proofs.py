"""DPoP proofs as a client makes them (RFC 9449 section 4.2), and wrong ones. joserfc signs them: not the server's."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ENDPOINT = "http://127.0.0.1:8000/oidc_m2m/token"
MISSING = object()
"""The value of a member that is to be left out."""
Members = Mapping[str, Any]


@cache
def key_for(alg: str, *, number: int = 0) -> Key:
    """A key that signs with `alg`; another one for each number."""
    match alg:
        case "RS256" | "PS256" | "RS384" | "RS512" | "PS384" | "PS512":
            return RSAKey.generate_key(2048)
        case "EdDSA" | "Ed25519":
            return OKPKey.generate_key("Ed25519")
        case "Ed448":
            return OKPKey.generate_key("Ed448")
        case "HS256":
            return OctKey.generate_key(256)
    return ECKey.generate_key(
        {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}[alg]
    )


def public(key: Key) -> dict[str, Any]:
    return key.as_dict(private=False)


def proof(
    claims: Members | None = None,
    *,
    header: Members | None = None,
    alg: str = "ES256",
    key: Key | None = None,
    signer: Key | None = None,
) -> str:
    """A proof that is right but for the members given; `signer` is another than the key in its header."""
    key = key or key_for(alg)
    return signed(
        _changed({"typ": "dpop+jwt", "alg": alg, "jwk": public(key)}, header or {}),
        _changed(
            {"jti": str(uuid.uuid4()), "htm": "POST", "htu": ENDPOINT, "iat": int(time.time())}, claims or {}
        ),
        alg=alg,
        key=signer or key,
    )


def signed(header: Members | bytes, claims: Members | bytes, *, alg: str, key: Key) -> str:
    """A JWS of these, whatever they are."""
    signing_input = f"{encoded(_bytes(header))}.{encoded(_bytes(claims))}"
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{encoded(signature)}"


def thumbprint(key: Key) -> str:
    """RFC 7638, from its own words and not from a library."""
    members = {
        name: value for name, value in public(key).items() if name in {"crv", "e", "kty", "n", "x", "y"}
    }
    text = ",".join(f'"{name}":"{members[name]}"' for name in sorted(members))
    return encoded(hashlib.sha256(f"{{{text}}}".encode()).digest())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _changed(members: Members, changes: Members) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not MISSING}


def _bytes(members: Members | bytes) -> bytes:
    return members if isinstance(members, bytes) else json.dumps(members).encode()
