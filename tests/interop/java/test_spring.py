"""Spring Security gets tokens, and an API of Spring Boot takes them."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest
import requests

from issuers.models import SigningAlg
from tests.interop.conftest import Provider
from tests.interop.java.clients import BY_DEFAULT, SCOPE, Clients, assert_tokens, pkcs12
from tests.interop.java.conftest import Java
from tests.interop.table import Role, Row, interoperates, maven
from tests.interop.tokens import AUDIENCE, plain_tokens_from, tokens_from, tokens_of_every_algorithm
from tests.support.cast import Cast

pytestmark = pytest.mark.nightly

ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512")
SIGNATURE = "Invalid signature"
OTHER_AUDIENCE = "The aud claim is not valid"
SIGNED = tuple(alg for alg in SigningAlg if alg != SigningAlg.EDDSA)
READS = (200, 403)
"""The answers to a GET that needs the scope invoices.read, and to one that needs invoices.write."""


@interoperates(
    Row(
        "Spring Security",
        "`spring-security-oauth2-client` of Maven Central",
        maven("spring-security-bom"),
        Role.CLIENT,
        told="`ClientRegistrations.fromIssuerLocation` (`issuer-uri`); grant type `client_credentials`. "
        "`private_key_jwt`: `NimbusJwtClientAuthenticationParametersConverter`, with `accepts_token_endpoint_audience` "
        "for the client, or the issuer as `aud` by `setJwtClientAssertionCustomizer`. `tls_client_auth` and "
        "`federated_jwt`: `ClientAuthenticationMethod.NONE` and a `RestClient` with the certificate, or "
        "`addParametersConverter` with the assertion",
        seen="discovery, also without `advertises_authorization_endpoint`; "
        "`client_secret_basic` (also with client ids and secrets with `+`, `%` and `:`), "
        f"`client_secret_post`, `private_key_jwt` with {', '.join(ALGS)}, `tls_client_auth`, `federated_jwt`",
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
def test_every_method_of_spring_security(provider: Provider, cast: Cast, java: Java, tmp_path: Path) -> None:
    clients = Clients(provider, cast)
    asked = [
        clients.basic(),
        clients.post(),
        *clients.awkward(),
        *clients.with_keys(ALGS),
        clients.strict(),
        clients.federated(),
        clients.certified(),
        clients.stranger(),
    ]
    question = {
        "scope": SCOPE,
        "pkcs12": pkcs12(provider, tmp_path),
        "clients": [*asked, clients.strict_by_default()],
    }
    told = java.answers_of("SpringClients", question)
    assert "401 Unauthorized" in told.pop(BY_DEFAULT)["failed"]
    assert_tokens(told, provider, asked)


@interoperates(
    Row(
        "Spring Boot resource server",
        "`spring-boot-starter-security-oauth2-resource-server` of Maven Central",
        f"{maven('spring-boot-dependencies')}, with Spring Security {maven('spring-security-bom')}",
        Role.VERIFIER,
        told="`spring.security.oauth2.resourceserver.jwt.issuer-uri` the issuer and `.audiences`; without `audiences` "
        "it takes every audience. By these alone it takes `typ` JWT only: `token_typ` JWT for the API. For "
        "`at+jwt` it has a bean: `NimbusJwtDecoder.withIssuerLocation(issuer).build()` with "
        "`setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).build())`, which "
        "takes `at+jwt` only",
        seen="over HTTP, with the default decoder and with that bean: a token is verified and its scopes become "
        "authorities (200, and 403 for another scope); a changed one, one of another audience and one of the other "
        f"`typ` are refused (401). Its decoder takes what {', '.join(SIGNED)} signed, and nothing of EdDSA",
    )
)
@pytest.mark.spec("RFC 9068", "4")
def test_a_resource_server_of_spring_boot(provider: Provider, cast: Cast, java: Java) -> None:
    tokens = asdict(tokens_from(provider, cast))
    plain = plain_tokens_from(provider, cast)
    with java.serving("SpringService", {"issuer": provider.issuer, "audience": AUDIENCE}) as urls:
        by_properties, at_jwt, every_audience = (
            urls["by properties"],
            urls["at+jwt"],
            urls["without audience"],
        )
        assert _answers(by_properties, plain["good"]) == READS
        assert _answers(by_properties, plain["changed"]) == _refused(SIGNATURE)
        assert _answers(by_properties, plain["elsewhere"]) == _refused(OTHER_AUDIENCE)
        assert _answers(by_properties, tokens["good"]) == _refused(
            "the given typ value needs to be one of [JWT]"
        )
        assert _answers(at_jwt, tokens["good"]) == READS
        assert _answers(at_jwt, tokens["changed"]) == _refused(SIGNATURE)
        assert _answers(at_jwt, tokens["elsewhere"]) == _refused(OTHER_AUDIENCE)
        assert _answers(at_jwt, plain["good"]) == _refused(
            "the given typ value needs to be one of [at+jwt, application/at+jwt]"
        )
        assert _answers(every_audience, plain["elsewhere"]) == READS


@pytest.mark.spec("RFC 7518", "3.1")
def test_spring_verifies_what_every_algorithm_but_eddsa_signed(provider: Provider, java: Java) -> None:
    signed = [asdict(each) for each in tokens_of_every_algorithm(provider)]
    told = java.answers_of("SpringDecoder", {"audience": AUDIENCE, "signed": signed})
    assert "Failed to find any algorithms" in told.pop(SigningAlg.EDDSA)["failed"]
    assert {alg: claims.get("client_id") for alg, claims in told.items()} == dict.fromkeys(SIGNED, "billing")


def _answers(url: str, token: str) -> tuple[int | str, ...]:
    return tuple(_answer(f"{url}/{path}", token) for path in ("read", "write"))


def _answer(url: str, token: str) -> int | str:
    """The status, with the reason where the token is refused."""
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    if answer.status_code == 200:
        assert answer.json()["client_id"] == "billing"
    if answer.status_code != 401:
        return answer.status_code
    why = re.search(r'error_description="(?:[^"]*: )?([^"]*)"', answer.headers["WWW-Authenticate"])
    return f"401 {why[1] if why else answer.headers['WWW-Authenticate']}"


def _refused(why: str) -> tuple[str, str]:
    return (f"401 {why}",) * 2
