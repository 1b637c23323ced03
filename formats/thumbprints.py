"""Names of public keys that are computed from the keys (RFC 7638), in the encoding of JOSE (RFC 7515 section 2)."""

import base64
import hashlib
import json
from collections.abc import Mapping

REQUIRED_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
"""The members that define the key, which are the members of its thumbprint (RFC 7638 section 3.2)."""


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint in base64url (RFC 7638)."""
    members = {name: jwk[name] for name in REQUIRED_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(canonical.encode()).digest())


def base64url(data: bytes) -> str:
    """RFC 7515 section 2: without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
