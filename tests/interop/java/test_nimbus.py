"""The Nimbus OAuth 2.0 SDK gets tokens, and Nimbus JOSE + JWT verifies them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from issuers.models import SigningAlg
from tests.interop.conftest import Provider
from tests.interop.java.clients import BY_DEFAULT, SCOPE, Clients, assert_tokens, pkcs12
from tests.interop.java.conftest import Java
from tests.interop.table import Role, Row, interoperates, maven
from tests.interop.tokens import AUDIENCE, plain_tokens_from, tokens_from, tokens_of_every_algorithm
from tests.support.cast import Cast

pytestmark = pytest.mark.nightly

ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512")
DPOP_ALGS = ("ES256", "RS256", "PS256", "Ed25519")
SIGNED = tuple(alg for alg in SigningAlg if alg != SigningAlg.EDDSA)
TAKEN = "takes"


@interoperates(
    Row(
        "Nimbus OAuth 2.0 SDK",
        "`oauth2-oidc-sdk` of Maven Central",
        maven("oauth2-oidc-sdk"),
        Role.CLIENT,
        told="`OIDCProviderMetadata.resolve(issuer)` or `AuthorizationServerMetadata.resolve(issuer)`. "
        "`private_key_jwt`: `accepts_token_endpoint_audience` for the client, or the issuer as `aud` by "
        "`JWTAuthenticationClaimsSet`; it has no EdDSA there",
        seen="discovery, also without `advertises_authorization_endpoint`; "
        "`client_secret_basic` (also with client ids and secrets with `+`, `%` and `:`), "
        f"`client_secret_post`, `private_key_jwt` with {', '.join(ALGS)}, `tls_client_auth`, "
        f"DPoP with {', '.join(DPOP_ALGS)} (with `tink` on the class path)",
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.spec("RFC 9449", "5")
def test_every_method_of_the_nimbus_sdk(provider: Provider, cast: Cast, java: Java, tmp_path: Path) -> None:
    clients = Clients(provider, cast)
    basic = clients.basic()
    asked = [
        basic,
        basic | {"name": "by RFC 8414", "rfc8414": True},
        clients.post(),
        *clients.awkward(),
        *clients.with_keys(ALGS),
        clients.strict(),
        clients.certified(),
        clients.stranger(),
        *(basic | {"name": f"dpop-{alg}", "dpop": alg} for alg in DPOP_ALGS),
    ]
    question = {
        "scope": SCOPE,
        "pkcs12": pkcs12(provider, tmp_path),
        "clients": [*asked, clients.strict_by_default()],
    }
    told = java.answers_of("NimbusClients", question)
    supported = set(told.pop("supported"))
    assert supported >= set(ALGS)
    assert not supported & {"EdDSA", "Ed25519"}
    assert "invalid_client" in told.pop(BY_DEFAULT)["failed"]
    assert_tokens(told, provider, asked)


@interoperates(
    Row(
        "Nimbus JOSE + JWT",
        "`nimbus-jose-jwt` of Maven Central",
        maven("nimbus-jose-jwt"),
        Role.VERIFIER,
        told="`JWKSourceBuilder.create(jwks_uri)`, `JWSVerificationKeySelector` with the algorithm, "
        "`DefaultJWTClaimsVerifier` with audience and issuer. By default it takes `typ` JWT only: `token_typ` JWT for "
        "the API, or "
        '`setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")))`',
        seen=f"a token signed with {', '.join(SIGNED)} is verified, with EdDSA not; a changed one, one of another "
        "audience and one of the other `typ` are refused",
    )
)
@pytest.mark.spec("RFC 9068", "4")
def test_the_verifier_of_nimbus(provider: Provider, cast: Cast, java: Java) -> None:
    tokens = asdict(tokens_from(provider, cast))
    plain = {f"plain {name}": token for name, token in plain_tokens_from(provider, cast).items()}
    signed = [asdict(each) for each in tokens_of_every_algorithm(provider)]
    question = {"issuer": provider.issuer, "audience": AUDIENCE, "tokens": tokens | plain, "signed": signed}
    told = java.answers_of("NimbusVerifier", question)
    signed_by = told.pop("signed")
    assert "Another algorithm expected" in signed_by.pop(SigningAlg.EDDSA)["failed"]
    assert {alg: _verdict(answer) for alg, answer in signed_by.items()} == dict.fromkeys(SIGNED, TAKEN)
    assert told.keys() == {"by default", "at+jwt"}
    assert _verdicts(told["by default"], "good", "plain good", "plain elsewhere", "plain changed") == (
        "typ (type) at+jwt not allowed",
        TAKEN,
        "JWT aud claim rejected",
        "Invalid signature",
    )
    assert _verdicts(told["at+jwt"], "good", "elsewhere", "changed", "plain") == (
        TAKEN,
        "JWT aud claim rejected",
        "Invalid signature",
        "typ (type) JWT not allowed",
    )


def _verdicts(told: dict[str, dict[str, Any]], *names: str) -> tuple[str, ...]:
    return tuple(_verdict(told[name]) for name in names)


def _verdict(answer: dict[str, Any]) -> str:
    if "failed" in answer:
        return str(answer["failed"]).rsplit(": ", 1)[-1].removeprefix("JOSE header ")
    assert (answer["client_id"], answer["scope"]) == ("billing", SCOPE)
    return TAKEN
