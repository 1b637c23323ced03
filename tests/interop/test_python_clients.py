"""The clients of PyPI that services use get a token by every method that they know."""

import time
from typing import Any

import msal
import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.interop.conftest import Provider
from tests.interop.table import Role, Row, interoperates, pypi
from tests.support.verifying import verified_twice

pytestmark = pytest.mark.slow

SCOPE = "invoices.read"
KEY_TYPES: dict[str, Any] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
AUTHLIBS_ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519")  # it warns of the older EdDSA


def assert_good(token: dict[str, Any], provider: Provider, client_id: str) -> dict[str, Any]:
    """What the library took, and what an API reads in it."""
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 3600, SCOPE), token
    jwks = provider.server.get("/oidc_m2m/jwks").content
    claims = verified_twice(token["access_token"], jwks=jwks, alg="RS256")
    assert (claims["iss"], claims["client_id"]) == (provider.issuer, client_id)
    return claims


@interoperates(
    Row(
        "Authlib",
        "`authlib` of PyPI",
        pypi("authlib"),
        Role.CLIENT,
        told='the token endpoint. `private_key_jwt`: `PrivateKeyJWT(..., claims={"exp": ...})` at most 5 minutes '
        "ahead, and `accepts_token_endpoint_audience` for the client",
        seen="`client_secret_basic`, `client_secret_post`, `private_key_jwt` with "
        f"{', '.join(AUTHLIBS_ALGS)}, `tls_client_auth`",
    )
)
@pytest.mark.spec("RFC 6749", "4.4")
def test_authlib(provider: Provider) -> None:
    for client_id in ("basic", "post"):
        session = AuthlibSession(
            client_id,
            provider.estate.secrets[client_id],
            scope=SCOPE,
            token_endpoint_auth_method=f"client_secret_{client_id}",
        )
        assert_good(_fetched_by_authlib(session, provider), provider, client_id)
    for alg, pem in provider.estate.keys.items():
        if alg in AUTHLIBS_ALGS:
            session = AuthlibSession(
                f"key-{alg}",
                import_key(pem, KEY_TYPES[alg[:2]]),
                scope=SCOPE,
                token_endpoint_auth_method="private_key_jwt",
            )
            # Without `exp` its assertions live an hour, which is longer than any is taken.
            claims = {"exp": int(time.time()) + 300}
            session.register_client_auth_method(
                PrivateKeyJWT(provider.token_endpoint, claims=claims, alg=alg)
            )
            assert_good(_fetched_by_authlib(session, provider), provider, f"key-{alg}")


@pytest.mark.spec("RFC 8705", "2.1")
def test_authlib_with_a_certificate(provider: Provider) -> None:
    session = AuthlibSession("certified", scope=SCOPE, token_endpoint_auth_method="none")
    session.cert = provider.estate.certified.pair
    claims = assert_good(_fetched_by_authlib(session, provider), provider, "certified")
    assert claims["cnf"].keys() == {"x5t#S256"}


def _fetched_by_authlib(session: Any, provider: Provider) -> dict[str, Any]:
    with session:
        token: dict[str, Any] = session.fetch_token(
            provider.token_endpoint, grant_type="client_credentials", verify=provider.ca
        )
        return token


@interoperates(
    Row(
        "requests-oauthlib",
        "`requests-oauthlib` of PyPI",
        pypi("requests-oauthlib"),
        Role.CLIENT,
        told="the token endpoint. `client_secret_post`: `include_client_id=True, client_secret=...`",
        seen="`client_secret_basic`, `client_secret_post`, `tls_client_auth`",
    )
)
@pytest.mark.spec("RFC 6749", "4.4")
def test_requests_oauthlib(provider: Provider) -> None:
    secrets = provider.estate.secrets
    with _oauthlib_session("basic") as session:
        token = session.fetch_token(
            provider.token_endpoint, auth=HTTPBasicAuth("basic", secrets["basic"]), verify=provider.ca
        )
        assert_good(_plain(token), provider, "basic")
    with _oauthlib_session("post") as session:
        token = session.fetch_token(
            provider.token_endpoint, include_client_id=True, client_secret=secrets["post"], verify=provider.ca
        )
        assert_good(_plain(token), provider, "post")


@pytest.mark.spec("RFC 8705", "2.1")
def test_requests_oauthlib_with_a_certificate(provider: Provider) -> None:
    with _oauthlib_session("certified") as session:
        token = session.fetch_token(
            provider.token_endpoint,
            include_client_id=True,
            cert=provider.estate.certified.pair,
            verify=provider.ca,
        )
        assert "cnf" in assert_good(_plain(token), provider, "certified")


def _oauthlib_session(client_id: str) -> Any:
    return OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=SCOPE))


def _plain(token: dict[str, Any]) -> dict[str, Any]:
    """oauthlib makes a list of the scope."""
    return token | {"scope": " ".join(token["scope"])}


@interoperates(
    Row(
        "MSAL for Python",
        "`msal` of PyPI",
        pypi("msal"),
        Role.CLIENT,
        told="`oidc_authority=` the issuer. It sends a secret as `client_secret_post`. With a certificate (x5c) the "
        "client has `accepts_token_endpoint_audience`",
        seen="`client_secret_post`, `private_key_jwt` with a certificate, `federated_jwt`",
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
def test_msal(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the machine's environment names a bundle, requests prefers that to what MSAL tells it.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", provider.ca)
    estate = provider.estate
    certificate = estate.self_made.certificate.read_text()
    credentials: dict[str, tuple[str, Any]] = {
        "a secret": ("post", estate.secrets["post"]),
        "a certificate": (
            "msal",
            {"private_key": estate.self_made.key.read_text(), "public_certificate": certificate},
        ),
        "another issuer's token": (
            "workload",
            {"client_assertion": lambda: estate.cluster_token(audience=provider.issuer)},
        ),
    }
    for name, (client_id, credential) in credentials.items():
        application = msal.ConfidentialClientApplication(
            client_id, client_credential=credential, oidc_authority=provider.issuer, verify=provider.ca
        )
        token = application.acquire_token_for_client(scopes=[SCOPE])
        assert "access_token" in token, (name, token)
        assert_good({"scope": SCOPE} | token, provider, client_id)
