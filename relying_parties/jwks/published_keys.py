"""The keys that another party publishes: read less strictly than those which an operator registers."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from formats.thumbprints import base64url
from relying_parties.jwks.client_keys import BASE64URL, VerificationKey, usable_keys


def published_keys(jwk_list: Iterable[Any]) -> tuple[VerificationKey, ...]:
    """Of these JWKs the keys that can be used."""
    return usable_keys(map(_without_leading_zeros, jwk_list))


def _without_leading_zeros(jwk: Any) -> Any:
    """Older providers write an RSA key's `n` with a zero octet before it, against RFC 7518 section 6.3.1.1."""
    if not isinstance(jwk, Mapping) or jwk.get("kty") != "RSA":
        return jwk
    return {**jwk, **{name: _shortest(jwk[name]) for name in ("n", "e") if name in jwk}}


def _shortest(value: Any) -> Any:
    """The number as RFC 7518 section 2 encodes it; what is not base64url is left for the reader to refuse."""
    if not isinstance(value, str) or not BASE64URL.match(value) or len(value) % 4 == 1:
        return value
    octets = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    return base64url(octets.lstrip(b"\0")) if octets.startswith(b"\0") else value
