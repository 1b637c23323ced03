"""The client crates get a token by every method that they know; a verifier takes one, and refuses what it must."""

import time
from pathlib import Path
from typing import Any

import pytest

from issuers.models import SigningAlg
from tests.interop.conftest import Provider
from tests.interop.estate import AWKWARD_IDS
from tests.interop.programs import HERE, answers_of, compiled
from tests.interop.table import Role, Row, cargo, interoperates
from tests.interop.tokens import AUDIENCE, SECONDS_TO_SEE_A_CHANGE, verifying
from tests.support.cast import Cast
from tests.support.verifying import verified_twice

pytestmark = pytest.mark.nightly

SCOPE = "invoices.read"
ALGS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")  # jsonwebtoken knows no ES512 and no Ed25519
CLIENTS = {
    "oauth2": {"basic", "post", "workload", "certified", *AWKWARD_IDS, *(f"key-{alg}" for alg in ALGS)},
    "openidconnect": {"basic", "post"},
}


@pytest.fixture(scope="session")
def program() -> Path:
    compiled("cargo", "build", "--locked", "--quiet", "--target-dir", "target", directory="rust")
    return HERE / "rust" / "target" / "debug" / "interop"


@interoperates(
    Row(
        "oauth2",
        "`oauth2` of crates.io",
        cargo("oauth2"),
        Role.CLIENT,
        told="the token endpoint. `client_secret_post`: `set_auth_type(AuthType::RequestBody)`. `private_key_jwt` and "
        "`federated_jwt`: no secret, and `add_extra_param` with `client_assertion` and `client_assertion_type`. "
        "`tls_client_auth`: no secret, and the certificate as `identity` of the HTTP client",
        seen="`client_secret_basic`, also with client ids and secrets with `+`, `%` and `:`; `client_secret_post`, "
        f"`private_key_jwt` with {', '.join(ALGS)} (signed by jsonwebtoken), `tls_client_auth`, `federated_jwt`",
    ),
    Row(
        "openidconnect",
        "`openidconnect` of crates.io",
        cargo("openidconnect"),
        Role.CLIENT,
        told="nothing. `client_secret_post`: `set_auth_type(AuthType::RequestBody)`",
        seen="discovery with the crate's own `CoreProviderMetadata`; `client_secret_basic`, `client_secret_post`",
    ),
)
@pytest.mark.contract("P3.4", "P6.2")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.spec("RFC 7523", "2.2")
def test_every_method_of_the_client_crates(provider: Provider, program: Path) -> None:
    told = _answers("clients", program, provider)
    assert told.keys() == CLIENTS.keys()
    jwks = provider.server.get("/oidc_m2m/jwks").content
    for crate, client_ids in CLIENTS.items():
        failed = {name: answer for name, answer in told[crate].items() if "failed" in answer}
        assert not failed, crate
        assert told[crate].keys() == client_ids
        for client_id, answer in told[crate].items():
            assert (answer["token_type"], answer["scope"]) == ("bearer", [SCOPE])
            assert 3500 < answer["expires_in"] <= 3600
            claims = verified_twice(answer["access_token"], jwks=jwks, alg="RS256")
            assert (claims["iss"], claims["client_id"]) == (provider.issuer, client_id)
            assert claims.get("cnf", {}).keys() == ({"x5t#S256"} if client_id == "certified" else set())


@pytest.mark.contract("P6.5")
def test_openidconnect_refuses_metadata_without_an_authorization_endpoint(
    provider: Provider, cast: Cast, program: Path
) -> None:
    cast.oidc_m2m.advertises_authorization_endpoint = False
    cast.oidc_m2m.checked().save()
    _until_not_advertised(provider)
    for client_id, answer in _answers("clients", program, provider)["openidconnect"].items():
        assert "missing field `authorization_endpoint`" in answer.get("failed", ""), client_id


@interoperates(
    Row(
        "jsonwebtoken",
        "`jsonwebtoken` of crates.io",
        cargo("jsonwebtoken"),
        Role.VERIFIER,
        told="the key set, fetched by the service itself, and the key in it with the token's `kid`; "
        '`Validation::new(algorithm)`, `set_issuer`, `set_audience`, `set_required_spec_claims(&["exp", '
        '"iss", "aud"])`',
        seen=f"a token signed with {', '.join(SigningAlg)} is verified; a changed one and one of another audience are "
        "refused; it takes either `typ`",
    )
)
@pytest.mark.contract("P5.1", "P5.2")
@pytest.mark.spec("RFC 9068", "4")
def test_jsonwebtoken(provider: Provider, cast: Cast, program: Path) -> None:
    told = _answers("verifiers", program, provider, **verifying(provider, cast))["jsonwebtoken"]
    taken = {"client_id": "billing", "scope": SCOPE}
    assert told == {
        **dict.fromkeys(("good", "plain", *SigningAlg), taken),
        "elsewhere": {"failed": "InvalidAudience"},
        "changed": {"failed": "InvalidSignature"},
    }


def _until_not_advertised(provider: Provider) -> None:
    """In each of the workers: an answer of one says nothing of the other."""
    deadline, without = time.monotonic() + SECONDS_TO_SEE_A_CHANGE, 0
    while without < 20:
        assert time.monotonic() < deadline, "The metadata still have an authorization_endpoint."
        metadata = provider.server.get("/oidc_m2m/.well-known/openid-configuration").json()
        without = 0 if "authorization_endpoint" in metadata else without + 1


def _answers(command: str, program: Path, provider: Provider, **more: Any) -> dict[str, Any]:
    return answers_of([program, command], _question(provider) | more, environment={})


def _question(provider: Provider) -> dict[str, Any]:
    estate = provider.estate
    return {
        "issuer": provider.issuer,
        "token_endpoint": provider.token_endpoint,
        "jwks": f"{provider.issuer}/jwks",
        "scope": SCOPE,
        "audience": AUDIENCE,
        "ca": provider.ca,
        "secrets": estate.secrets,
        "awkward_ids": estate.awkward,
        "keys": {alg: estate.keys[alg] for alg in ALGS},
        "cert": str(estate.certified.certificate),
        "key": str(estate.certified.key),
        "assertion": estate.cluster_token(audience=provider.issuer),
    }
