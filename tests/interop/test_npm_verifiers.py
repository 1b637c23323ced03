"""The verifiers of npm take a real token with the published keys, and refuse a changed one and another audience's."""

from dataclasses import asdict

import pytest

from tests.interop.conftest import Provider
from tests.interop.node import answers_of
from tests.interop.table import Role, Row, interoperates, npm
from tests.interop.tokens import AUDIENCE, tokens_from
from tests.support.cast import Cast

pytestmark = pytest.mark.slow

TAKEN = "takes"
# Of the token for another audience, the changed one, and the one with the typ JWT.
VERDICTS = {
    "jose": (
        'unexpected "aud" claim value',
        "signature verification failed",
        'unexpected "typ" JWT header value',
    ),
    "fast-jwt": ("The aud claim value is not allowed.", "The token signature is invalid.", TAKEN),
    "express-oauth2-jwt-bearer": ("401 Unexpected 'aud' value", "401 signature verification failed", TAKEN),
    "express-oauth2-jwt-bearer, strict": (
        "401 Unexpected 'aud' value",
        "401 signature verification failed",
        "401 Unexpected 'typ' value",
    ),
}
SEEN = "a token is verified; a changed one and one of another audience are refused"


@interoperates(
    Row(
        "jose",
        "`jose` of npm",
        npm("jose"),
        Role.VERIFIER,
        told="`createRemoteJWKSet(jwks_uri)`; `issuer`, `audience`, `algorithms`. It checks `typ` only where told: "
        "`typ: 'at+jwt'`, or `'JWT'` for an API with `token_typ` JWT",
        seen=SEEN,
    ),
    Row(
        "get-jwks with fast-jwt",
        "`get-jwks` and `fast-jwt` of npm",
        f"{npm('get-jwks')}, {npm('fast-jwt')}",
        Role.VERIFIER,
        told="`domain` the issuer (it reads `<issuer>/.well-known/jwks.json`); `algorithms`, `allowedIss`, "
        "`allowedAud`",
        seen=f"{SEEN}; it takes either `typ`",
    ),
    Row(
        "express-oauth2-jwt-bearer",
        "`express-oauth2-jwt-bearer` of npm",
        npm("express-oauth2-jwt-bearer"),
        Role.VERIFIER,
        told="`issuerBaseURL` the issuer, `audience`. With `strict: true` it takes `at+jwt` alone",
        seen=SEEN,
    ),
)
@pytest.mark.spec("RFC 9068", "4")
def test_every_verifier_of_npm(provider: Provider, cast: Cast) -> None:
    tokens = asdict(tokens_from(provider, cast))
    question = {"issuer": provider.issuer, "audience": AUDIENCE, "tokens": tokens}
    told = answers_of("verifiers.mjs", question, ca=provider.ca)
    assert told.keys() == VERDICTS.keys()
    for library, answers in told.items():
        good = answers.pop("good")
        assert (good.get("client_id"), good.get("scope")) == ("billing", "invoices.read"), (library, good)
        verdicts = {name: answer.get("refused", TAKEN) for name, answer in answers.items()}
        assert verdicts == dict(zip(("elsewhere", "changed", "plain"), VERDICTS[library], strict=True)), (
            library
        )
