"""openid-client, oauth4webapi and MSAL, clients of npm, get a token by every method that they know."""

from typing import Any

import pytest

from tests.interop.conftest import Provider
from tests.interop.estate import KINDS
from tests.interop.node import answers_of
from tests.interop.table import Role, Row, interoperates, npm
from tests.support.verifying import verified_twice

pytestmark = pytest.mark.slow

SCOPE = "invoices.read"
# jose calls the algorithm of RFC 9864 by either name; WebCrypto makes the same key for both.
KEYS = tuple(KINDS)
DPOP_ALGS = ("ES256", "PS256", "RS256", "Ed25519")
CLIENTS = ("basic", "post", *(f"key-{alg}" for alg in KEYS), "workload", "certified")


SEEN = (
    f"discovery; `client_secret_basic`, `client_secret_post`, `private_key_jwt` with {', '.join(KEYS)}, "
    f"`tls_client_auth`, `federated_jwt`, DPoP with {', '.join(DPOP_ALGS)}"
)


@interoperates(
    *(
        Row(name, f"`{name}` of npm", npm(name), Role.CLIENT, told="nothing", seen=SEEN)
        for name in ("oauth4webapi", "openid-client")
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.spec("RFC 9449", "5")
def test_every_method_of_the_npm_clients(provider: Provider) -> None:
    told = _answers(provider)
    jwks = provider.server.get("/oidc_m2m/jwks").content
    for library in ("oauth4webapi", "openid-client"):
        failed = {name: answer for name, answer in told[library].items() if "access_token" not in answer}
        assert not failed, library
        assert told[library].keys() == {*CLIENTS, *(f"dpop-{alg}" for alg in DPOP_ALGS)}
        for name, answer in told[library].items():
            claims = verified_twice(answer["access_token"], jwks=jwks, alg="RS256")
            assert (claims["iss"], claims["scope"]) == (provider.issuer, SCOPE)
            bound = {"certified": {"x5t#S256"}}.get(name, {"jkt"} if name.startswith("dpop") else set())
            assert claims.get("cnf", {}).keys() == bound, name
            assert answer["token_type"].lower() == ("dpop" if name.startswith("dpop") else "bearer"), name


@interoperates(
    Row(
        "MSAL for Node",
        "`@azure/msal-node` of npm",
        npm("@azure/msal-node"),
        Role.CLIENT,
        told="`auth.authority` the issuer, `auth.knownAuthorities: [its host]` and "
        "`system.protocolMode: 'OIDC'`. It sends a secret as `client_secret_post`. With a certificate (x5c) the "
        "client has `accepts_token_endpoint_audience`",
        seen="`client_secret_post`, `private_key_jwt` with a certificate, `federated_jwt`",
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
def test_every_method_of_msal_for_node(provider: Provider) -> None:
    told = _answers(provider)["msal-node"]
    assert told.keys() == {"post", "msal", "workload"}
    jwks = provider.server.get("/oidc_m2m/jwks").content
    for client_id, answer in told.items():
        assert "accessToken" in answer, answer
        claims = verified_twice(answer["accessToken"], jwks=jwks, alg="RS256")
        assert (claims["iss"], claims["client_id"], claims["scope"]) == (provider.issuer, client_id, SCOPE)


def _answers(provider: Provider) -> dict[str, Any]:
    estate = provider.estate
    question = {
        "issuer": provider.issuer,
        "scope": SCOPE,
        "ca": provider.ca,
        "cert": str(estate.certified.certificate),
        "key": str(estate.certified.key),
        "keys": {alg: estate.keys[alg] for alg in KEYS},
        "secrets": estate.secrets,
        "selfMade": {
            "privateKey": estate.self_made.key.read_text(),
            "thumbprintSha256": estate.self_made.sha256,
            "x5c": estate.self_made.pem,
        },
        "assertion": estate.cluster_token(audience=provider.issuer),
        "dpop": DPOP_ALGS,
    }
    return answers_of("services.mjs", question, ca=provider.ca)
