"""The verifiers of PyPI take a real token with the published keys, and refuse a changed one and another audience's."""

import ssl
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from jose import jwt as python_jose
from jose.exceptions import JWTClaimsError, JWTError
from joserfc import jwt as joserfc_jwt
from joserfc.errors import BadSignatureError, InvalidClaimError
from joserfc.jwk import KeySet, OctKey

from tests.interop.conftest import Provider
from tests.interop.table import Role, Row, interoperates, pypi
from tests.interop.tokens import AUDIENCE, Tokens, tokens_from
from tests.support.cast import Cast

pytestmark = pytest.mark.slow

SEEN = "a token is verified; a changed one and one of another audience are refused; it takes either `typ`"


def by_pyjwt(token: str, provider: Provider) -> dict[str, Any]:
    trust = ssl.create_default_context(cafile=provider.ca)
    keys = jwt.PyJWKClient(f"{provider.issuer}/jwks", ssl_context=trust)
    claims: dict[str, Any] = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["RS256"],
        audience=AUDIENCE,
        issuer=provider.issuer,
        options={"require": ["exp", "iat", "iss", "aud"]},
    )
    return claims


def by_python_jose(token: str, provider: Provider) -> dict[str, Any]:
    keys = _published(provider)
    claims: dict[str, Any] = python_jose.decode(
        token, keys, algorithms=["RS256"], audience=AUDIENCE, issuer=provider.issuer
    )
    return claims


def by_joserfc(token: str, provider: Provider) -> dict[str, Any]:
    keys = KeySet.import_key_set(_published(provider))
    claims = joserfc_jwt.decode(token, keys, algorithms=["RS256"]).claims
    joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    ).validate(claims)
    return claims


def _published(provider: Provider) -> Any:
    return requests.get(f"{provider.issuer}/jwks", verify=provider.ca, timeout=10).json()


@interoperates(
    Row(
        "PyJWT",
        "`pyjwt` of PyPI",
        pypi("pyjwt"),
        Role.VERIFIER,
        told="`PyJWKClient(jwks_uri)`; `algorithms`, `audience`, `issuer`. It refuses an `iat` ahead of its clock: "
        "`leeway=` there, or `iat_backdating` at the issuer",
        seen=SEEN,
    ),
    Row(
        "python-jose",
        "`python-jose` of PyPI",
        pypi("python-jose"),
        Role.VERIFIER,
        told="the key set, fetched by the service itself; `algorithms`, `audience`, `issuer`",
        seen=SEEN,
    ),
    Row(
        "joserfc",
        "`joserfc` of PyPI",
        pypi("joserfc"),
        Role.VERIFIER,
        told="the key set, fetched by the service itself; `algorithms`. Claims are checked by "
        "`JWTClaimsRegistry(iss=..., aud=..., exp=...)` in a call of its own, which refuses an `iat` ahead of its "
        "clock: `leeway=` there, or `iat_backdating` at the issuer",
        seen=SEEN,
    ),
)
@pytest.mark.spec("RFC 9068", "4")
def test_every_verifier_of_pypi(provider: Provider, cast: Cast) -> None:
    tokens = tokens_from(provider, cast)
    _verifies(
        by_pyjwt, tokens, provider, elsewhere=jwt.InvalidAudienceError, changed=jwt.InvalidSignatureError
    )
    _verifies(by_python_jose, tokens, provider, elsewhere=JWTClaimsError, changed=JWTError)
    _verifies(by_joserfc, tokens, provider, elsewhere=InvalidClaimError, changed=BadSignatureError)


def test_pyjwt_and_joserfc_refuse_an_iat_ahead_of_their_clock_without_leeway() -> None:
    now = int(time.time())
    claims = {"iat": now + 30, "exp": now + 90}
    key = OctKey.generate_key(256)
    token = joserfc_jwt.encode({"alg": "HS256"}, claims, key)
    with pytest.raises(jwt.ImmatureSignatureError):
        jwt.decode(token, key.raw_value, algorithms=["HS256"])
    assert jwt.decode(token, key.raw_value, algorithms=["HS256"], leeway=60) == claims
    with pytest.raises(InvalidClaimError):
        joserfc_jwt.JWTClaimsRegistry().validate(claims)
    joserfc_jwt.JWTClaimsRegistry(leeway=60).validate(claims)


def _verifies(
    verify: Callable[[str, Provider], dict[str, Any]],
    tokens: Tokens,
    provider: Provider,
    *,
    elsewhere: type[Exception],
    changed: type[Exception],
) -> None:
    for token in (tokens.good, tokens.plain):
        claims = verify(token, provider)
        assert (claims["client_id"], claims["scope"]) == ("billing", "invoices.read")
    with pytest.raises(elsewhere, match=r"(?i)aud"):
        verify(tokens.elsewhere, provider)
    with pytest.raises(changed, match=r"(?i)signature"):
        verify(tokens.changed, provider)
