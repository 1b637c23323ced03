"""The clients of Go get a token by every method that they know; its verifiers take one, and refuse what they must."""

from pathlib import Path
from typing import Any

import pytest

from audit.models import Outcome
from issuers.models import SigningAlg
from tests.interop.conftest import Provider
from tests.interop.estate import AWKWARD_IDS
from tests.interop.programs import answers_of, compiled
from tests.interop.table import Role, Row, go, interoperates
from tests.interop.tokens import AUDIENCE, verifying
from tests.support.cast import Cast
from tests.support.verifying import verified_twice
from tests.support.wire import events

pytestmark = pytest.mark.nightly

SCOPE = "invoices.read"
STARTS = 30  # more than AUTH_FAILURES_PER_MINUTE
ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")  # golang-jwt knows no Ed25519
ZITADELS_ALGS = ("RS256", "ES256", "EdDSA")
ONE_ASSERTION = "one assertion for two tokens"
# The client id of each answer.
X_OAUTH2 = {
    "basic in the header": "basic",
    "basic, detected": "basic",
    "post in the body": "post",
    "post, detected": "post",
    "post, detected, again": "post",
    "workload": "workload",
    "certified": "certified",
    **{f"key-{alg}": f"key-{alg}" for alg in ALGS},
    **{
        f"{client_id}{how}": client_id
        for client_id in AWKWARD_IDS
        for how in (" in the header", ", detected")
    },
}
ZITADEL = {name: name for name in ("basic", "post", *(f"key-{alg}" for alg in ZITADELS_ALGS))}

TAKEN = "takes"
# Of the token for another audience, of the changed one, and of the good one on a clock that is 30 seconds behind.
VERDICTS = {
    "go-oidc": ("oidc: expected audience", "failed to verify signature", TAKEN),
    "golang-jwt": ("token has invalid audience", "token signature is invalid", TAKEN),
    "go-jwt-middleware": (
        "invalid audience claim",
        "error in cryptographic primitive",
        "issued in the future",
    ),
    "jwx": ('"aud" not satisfied', "crypto/rsa: verification error", '"iat" not satisfied'),
    "jwx, with skew": ('"aud" not satisfied', "crypto/rsa: verification error", TAKEN),
}
SEEN = (
    f"a token signed with {', '.join(SigningAlg)} is verified; a changed one and one of another audience are refused; "
    "it takes either `typ`"
)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("go") / "interop"
    compiled("go", "build", "-buildvcs=false", "-o", made, ".", directory="go")
    return made


@interoperates(
    Row(
        "x/oauth2",
        "`golang.org/x/oauth2/clientcredentials` of Go",
        go("golang.org/x/oauth2"),
        Role.CLIENT,
        told="the token endpoint. `AuthStyle` left out: it tries `client_secret_basic` first, which is no failed "
        "guess for a client with `client_secret_post`, but a refusal in the record at each start; `InParams` "
        "asks once. `private_key_jwt` and `federated_jwt`: `client_assertion` and `client_assertion_type` in "
        "`EndpointParams`, with `InParams` and no secret; an assertion of its own is good once, so each token needs "
        "a new `Config` with a new one. `tls_client_auth`: `InParams`, no secret, and the certificate in the HTTP "
        "client of the context",
        seen="`client_secret_basic`, `client_secret_post`, either one detected, client ids and secrets with `+`, `%` "
        f"and `:`; `private_key_jwt` with {', '.join(ALGS)} (signed by golang-jwt), `tls_client_auth`, "
        "`federated_jwt`",
    ),
    Row(
        "zitadel/oidc",
        "`github.com/zitadel/oidc/v3` of Go",
        go("github.com/zitadel/oidc/v3"),
        Role.CLIENT,
        told="nothing. `private_key_jwt`: `SignedJWTProfileAssertion` with the issuer as audience, given to "
        "`ClientCredentials` as `client_assertion` and `client_assertion_type`, and "
        "`WithAuthStyle(oauth2.AuthStyleInParams)`",
        seen=f"discovery; `client_secret_basic`, `client_secret_post`, `private_key_jwt` with "
        f"{', '.join(ZITADELS_ALGS)}",
    ),
)
@pytest.mark.contract("P3.4", "P7.6")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.spec("RFC 7523", "2.2")
def test_every_method_of_the_clients_of_go(provider: Provider, program: Path) -> None:
    told = _answers("clients", program, provider)
    assert "invalid_client" in told["x/oauth2"].pop(ONE_ASSERTION)["failed"]
    jwks = provider.server.get("/oidc_m2m/jwks").content
    for library, client_ids in (("x/oauth2", X_OAUTH2), ("zitadel/oidc", ZITADEL)):
        failed = {name: answer for name, answer in told[library].items() if "failed" in answer}
        assert not failed, library
        assert told[library].keys() == client_ids.keys()
        for name, answer in told[library].items():
            assert (answer["token_type"], answer["scope"]) == ("Bearer", SCOPE), name
            assert 3500 < answer["expires_in"] <= 3600, name
            claims = verified_twice(answer["access_token"], jwks=jwks, alg="RS256")
            assert (claims["iss"], claims["client_id"]) == (provider.issuer, client_ids[name])
            assert claims.get("cnf", {}).keys() == ({"x5t#S256"} if name == "certified" else set()), name


@pytest.mark.contract("P3.7", "P3.10")
def test_a_service_that_tries_the_other_method_at_each_start_is_not_throttled(
    provider: Provider, program: Path
) -> None:
    told = _answers("clients", program, provider)["x/oauth2"]
    assert "access_token" in told["post, detected"], told["post, detected"]
    refused = [row for row in events() if row.client_id == "post" and row.outcome == Outcome.REFUSED]
    # Once at each start, also of the configuration that then asks again, and of zitadel/oidc.
    assert len(refused) == STARTS + 2
    assert {(row.http_status, row.error) for row in refused} == {(401, "invalid_client")}
    assert {row.detail.partition(".")[0] for row in refused} == {
        "Registered for client_secret_post, came by client_secret_basic"
    }


@interoperates(
    Row(
        "go-oidc",
        "`github.com/coreos/go-oidc/v3` of Go",
        go("github.com/coreos/go-oidc/v3"),
        Role.VERIFIER,
        told="`oidc.Config{ClientID: its audience}` (its verifier is one of ID tokens). It takes the algorithms from "
        "discovery",
        seen=SEEN,
    ),
    Row(
        "go-jwt-middleware",
        "`github.com/auth0/go-jwt-middleware/v2` of Go",
        go("github.com/auth0/go-jwt-middleware/v2"),
        Role.VERIFIER,
        told="`jwks.NewCachingProvider(issuer, ...)`, which reads discovery; `validator.New(..., algorithm, issuer, "
        "audiences)`. It refuses an `iat` ahead of its clock: `WithAllowedClockSkew` there, or `iat_backdating` at the "
        "issuer",
        seen=SEEN,
    ),
    Row(
        "golang-jwt with keyfunc",
        "`github.com/golang-jwt/jwt/v5` and `github.com/MicahParks/keyfunc/v3` of Go",
        f"{go('github.com/golang-jwt/jwt/v5')}, {go('github.com/MicahParks/keyfunc/v3')}",
        Role.VERIFIER,
        told="`keyfunc.NewDefaultCtx(ctx, []string{jwks_uri})`; `WithValidMethods`, `WithIssuer`, `WithAudience`, "
        "`WithExpirationRequired`",
        seen=SEEN,
    ),
    Row(
        "jwx",
        "`github.com/lestrrat-go/jwx/v3` of Go",
        go("github.com/lestrrat-go/jwx/v3"),
        Role.VERIFIER,
        told='`jwk.Cache` with `jwks_uri`; `WithKeySet`, `WithIssuer`, `WithAudience`, `WithRequiredClaim("exp")`. '
        "It refuses an `iat` ahead of its clock: `WithAcceptableSkew` there, or `iat_backdating` at the issuer",
        seen=SEEN,
    ),
)
@pytest.mark.contract("P5.1", "P5.2")
@pytest.mark.spec("RFC 9068", "4")
def test_every_verifier_of_go(provider: Provider, cast: Cast, program: Path) -> None:
    told = _answers("verifiers", program, provider, **verifying(provider, cast))
    assert told.keys() == VERDICTS.keys()
    for library, answers in told.items():
        for name in ("good", "plain", *SigningAlg):
            assert answers[name] == {"client_id": "billing", "scope": SCOPE}, (library, name)
        names = ("elsewhere", "changed", "good on a clock behind")
        verdicts = [answers[name].get("failed", TAKEN) for name in names]
        for verdict, expected in zip(verdicts, VERDICTS[library], strict=True):
            assert expected in verdict, library


def _answers(command: str, program: Path, provider: Provider, **more: Any) -> dict[str, Any]:
    question = _question(provider) | more
    return answers_of([program, command], question, environment={"SSL_CERT_FILE": provider.ca})


def _question(provider: Provider) -> dict[str, Any]:
    estate = provider.estate
    return {
        "issuer": provider.issuer,
        "token_endpoint": provider.token_endpoint,
        "jwks": f"{provider.issuer}/jwks",
        "scope": SCOPE,
        "audience": AUDIENCE,
        "secrets": estate.secrets,
        "awkward_ids": estate.awkward,
        "keys": {alg: estate.keys[alg] for alg in ALGS},
        "cert": str(estate.certified.certificate),
        "key": str(estate.certified.key),
        "assertion": estate.cluster_token(audience=provider.issuer),
        "starts": STARTS,
    }
