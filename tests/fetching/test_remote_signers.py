"""A client proves itself by keys that are published elsewhere: its own, or those of an issuer it is federated with."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from issuance.client_assertion import JWT_BEARER
from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import FederatedCredential, KeysFrom, RelyingParty, TrustedIssuer
from relying_parties.remote_keys import RemoteKeys
from relying_parties.signers import remote_keys
from tests.cast import Cast, new_grant
from tests.fetching.site import Site, serves
from tests.wire import Answer, ask, assert_refused, last_event

pytestmark = pytest.mark.contract("P7.8")

ISSUER = "http://127.0.0.1:8000/oidc_m2m"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test fetched is forgotten."""
    monkeypatch.setattr(remote_keys, "_entries", RemoteKeys(lambda jwks: jwks)._entries)


@pytest.fixture
def key() -> ECKey:
    return ECKey.generate_key("P-256", auto_kid=True)


@pytest.fixture
def published(server: Site, key: ECKey) -> Site:
    """Serves metadata and keys in one: the same at every path."""
    members = {"issuer": server.url(""), "jwks_uri": server.url(), "keys": [key.as_dict(private=False)]}
    server.answer = serves(members)
    return server


def registered(cast: Cast, client_id: str, method: TokenEndpointAuthMethod, **columns: Any) -> RelyingParty:
    cast.oidc_m2m.token_endpoint_auth_methods = TokenEndpointAuthMethod.values
    cast.oidc_m2m.checked().save()
    relying_party = RelyingParty(
        issuer=cast.oidc_m2m,
        client_id=client_id,
        name=client_id,
        token_endpoint_auth_method=method,
        **columns,
    )
    relying_party.checked().save()
    new_grant(relying_party, cast.invoices, ["invoices.read"], is_default=True)
    return relying_party


def asked(key: ECKey, **claims: Any) -> Answer:
    now = int(time.time())
    told = {
        "iss": "robot",
        "sub": "robot",
        "aud": ISSUER,
        "exp": now + 60,
        "jti": str(time.time_ns()),
    } | claims
    assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, told, key)
    return ask({"client_id": "robot", "client_assertion": assertion, "client_assertion_type": JWT_BEARER})


def test_a_client_is_proven_by_the_keys_at_its_jwks_uri(cast: Cast, published: Site, key: ECKey) -> None:
    method = TokenEndpointAuthMethod.PRIVATE_KEY_JWT
    robot = registered(cast, "robot", method, client_jwks_uri=published.url())
    assert asked(key).status == 200
    assert last_event().credential == f"key:{robot.pk}:{key.thumbprint()}"
    assert asked(key).status == 200
    assert len(published.requests) == 1, "the keys are remembered"
    assert_refused(asked(ECKey.generate_key("P-256", auto_kid=True)), 401, "invalid_client")


def test_keys_that_cannot_be_had_are_no_fault_of_the_client(cast: Cast, server: Site, key: ECKey) -> None:
    method = TokenEndpointAuthMethod.PRIVATE_KEY_JWT
    registered(cast, "robot", method, client_jwks_uri=server.url())
    answer = asked(key)
    event = assert_refused(answer, 503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert "is no key set" in event.detail


@pytest.mark.parametrize("keys_from", [KeysFrom.DISCOVERY, KeysFrom.JWKS_URI])
def test_a_trusted_issuer_is_known_by_discovery_or_by_its_jwks_uri(
    cast: Cast, published: Site, key: ECKey, keys_from: KeysFrom
) -> None:
    url = published.url("")
    trusted = TrustedIssuer(
        issuer=cast.oidc_m2m, name="cluster", issuer_url=url, keys_from=keys_from,
        jwks_uri=published.url() if keys_from == KeysFrom.JWKS_URI else "",
    )  # fmt: skip
    trusted.checked().save()
    robot = registered(cast, "robot", TokenEndpointAuthMethod.FEDERATED_JWT)
    credential = FederatedCredential(relying_party=robot, trusted_issuer=trusted, label="pod", subject="pod")
    credential.checked().save()
    assert asked(key, iss=url, sub="pod").status == 200
    assert last_event().credential == f"federated:{credential.pk}"
    looked_up = ["/.well-known/openid-configuration"] if keys_from == KeysFrom.DISCOVERY else []
    assert [request.split()[1] for request in published.requests] == [*looked_up, "/jwks"]
    other = ECKey.generate_key("P-256", parameters={"kid": str(key.kid)})
    assert_refused(asked(other, iss=url, sub="pod"), 401, "invalid_client")
