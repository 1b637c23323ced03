"""A client proves itself by keys that are published elsewhere: its own, or those of an issuer it is federated with."""

import base64
import ipaddress
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pytest_django import Settings

from issuance.client_auth.client_assertion import JWT_BEARER
from issuers.models import TokenEndpointAuthMethod
from relying_parties.jwks.remote_keys import RemoteKeys
from relying_parties.models import FederatedCredential, KeysFrom, RelyingParty, TrustedIssuer
from relying_parties.signers import remote_keys
from tests.fetching.site import Canary, Site, serves
from tests.support.cast import Cast, new_grant
from tests.support.certificates import der_certificate, in_x5c
from tests.support.forging import Signer, encoded, new_key
from tests.support.proofs import proof
from tests.support.wire import Answer, ask, assert_refused, events, last_event

pytestmark = pytest.mark.contract("P7.8")

ISSUER = "http://127.0.0.1:8000/oidc_m2m"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test fetched is forgotten."""
    monkeypatch.setattr(remote_keys, "_entries", RemoteKeys(lambda jwks: jwks)._entries)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(remote_keys, "_clock", clock)
    return clock


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


def asked(
    key: ECKey | RSAKey, *, header: dict[str, Any] | None = None, client_id: str = "robot", **claims: Any
) -> Answer:
    """`header` stands in the place of the key's kid."""
    now = int(time.time())
    named = {"kid": key.kid} if header is None else header
    told = {
        "iss": client_id,
        "sub": client_id,
        "aud": ISSUER,
        "exp": now + 60,
        "jti": str(time.time_ns()),
    } | claims
    assertion = jwt.encode({"alg": "ES256" if isinstance(key, ECKey) else "RS256", **named}, told, key)
    return ask({"client_id": client_id, "client_assertion": assertion, "client_assertion_type": JWT_BEARER})


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
    assert "is not a key set" in event.detail


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


@pytest.mark.contract("P7.13")
def test_a_workload_of_a_cluster_that_refuses_anonymous_callers_is_proven(
    cast: Cast, published: Site, key: ECKey, settings: Settings, tmp_path: Path
) -> None:
    settings.FETCH_TOKEN_DIRECTORY = tmp_path
    (tmp_path / published.host).mkdir()
    (tmp_path / published.host / "token").write_text("the.servers.own")
    keys = published.answer
    forbidden = serves({"kind": "Status", "code": 403}, 403)

    def guarded(connection: socket.socket) -> None:
        is_let_in = "Authorization: Bearer the.servers.own\r\n" in published.requests[-1]
        (keys if is_let_in else forbidden)(connection)

    published.answer = guarded
    url = published.url("")
    trusted = TrustedIssuer(issuer=cast.oidc_m2m, name="cluster", issuer_url=url)
    trusted.checked().save()
    robot = registered(cast, "robot", TokenEndpointAuthMethod.FEDERATED_JWT)
    FederatedCredential(
        relying_party=robot, trusted_issuer=trusted, label="pod", subject="pod"
    ).checked().save()
    event = assert_refused(asked(key, iss=url, sub="pod"), 503, "temporarily_unavailable")
    assert "answered 403, and no bearer token was sent" in event.detail
    trusted.fetch_token_file = "token"
    trusted.checked().save()
    assert asked(key, iss=url, sub="pod").status == 200
    assert "the.servers.own" not in str([vars(each) for each in events()])


# What is not known yet


def new_keys(count: int) -> list[ECKey]:
    return [ECKey.generate_key("P-256", auto_kid=True) for _ in range(count)]


def publish(server: Site, *jwks: dict[str, Any]) -> None:
    server.answer = serves({"keys": jwks})


@pytest.mark.parametrize("header", [None, {}, {"x5t": "AAAA"}])
def test_a_new_key_is_found_at_the_next_request_and_another_a_minute_later(
    cast: Cast, server: Site, clock: Clock, header: dict[str, Any] | None
) -> None:
    """Whether the assertion names its key or not."""
    first, second, third = new_keys(3)
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=server.url())
    publish(server, first.as_dict(private=False))
    assert asked(first, header=header).status == 200
    publish(server, second.as_dict(private=False))
    assert asked(second, header=header).status == 200
    publish(server, third.as_dict(private=False))
    clock.now += 59
    assert_refused(asked(third, header=header), 401, "invalid_client")
    assert len(server.requests) == 2
    clock.now += 1
    assert asked(third, header=header).status == 200
    assert len(server.requests) == 3


@pytest.mark.parametrize("header", [None, {}])
def test_assertions_by_a_known_key_fetch_nothing_for_ten_minutes(
    cast: Cast, published: Site, key: ECKey, clock: Clock, header: dict[str, Any] | None
) -> None:
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=published.url())
    for _ in range(10):
        assert asked(key, header=header).status == 200
        clock.now += 59
    assert len(published.requests) == 1


def test_assertions_by_strangers_fetch_once_a_minute(
    cast: Cast, published: Site, key: ECKey, clock: Clock
) -> None:
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=published.url())
    for stranger in new_keys(6):
        assert_refused(asked(stranger), 401, "invalid_client")
        assert_refused(asked(stranger, header={}), 401, "invalid_client")
        clock.now += 20
    assert len(published.requests) == 2


@pytest.mark.spec("RFC 8705", "2.2")
def test_a_new_certificate_is_found_at_the_next_request_and_another_a_minute_later(
    cast: Cast, server: Site, clock: Clock, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("192.0.2.0/24"),)
    settings.CLIENT_CERTIFICATE_HEADER = "rfc9440"
    method = TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH
    robot = registered(cast, "robot", method, client_jwks_uri=server.url())
    by = Signer(alg="ES256", key=new_key("ES256"), kid="same")
    first, second, third = (der_certificate(by.key) for _ in range(3))
    publish(server, in_x5c(by.jwk, first))
    assert asked_with(first).status == 200
    assert last_event().credential.startswith(f"certificate:{robot.pk}:")
    publish(server, in_x5c(by.jwk, second))
    assert asked_with(first).status == 200
    assert len(server.requests) == 1
    assert asked_with(second).status == 200
    assert_refused(asked_with(first), 401, "invalid_client")
    publish(server, in_x5c(by.jwk, third))
    clock.now += 59
    assert_refused(asked_with(third), 401, "invalid_client")
    assert len(server.requests) == 2
    clock.now += 1
    assert asked_with(third).status == 200
    assert len(server.requests) == 3


def asked_with(certificate: bytes) -> Answer:
    sent = f":{base64.b64encode(certificate).decode()}:"
    return ask({"client_id": "robot"}, headers=[("Client-Cert", sent)])


# What else stands in a set


@pytest.mark.spec("RFC 7518", "6.3.1.1")
def test_a_client_whose_server_writes_a_zero_before_the_modulus_is_proven(cast: Cast, server: Site) -> None:
    key = RSAKey.generate_key(2048, auto_kid=True)
    jwk = key.as_dict(private=False)
    octets = base64.urlsafe_b64decode(f"{jwk['n']}==")
    robot = registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=server.url())
    publish(server, {**jwk, "n": encoded(b"\0" + octets)})
    assert asked(key).status == 200
    assert last_event().credential == f"key:{robot.pk}:{key.thumbprint()}"


def test_an_entry_that_cannot_be_read_takes_no_other_away(cast: Cast, server: Site, key: ECKey) -> None:
    by = Signer(alg="ES256", key=new_key("ES256"), kid="year 0")
    ends = datetime(2051, 1, 1, tzinfo=UTC)
    unreadable = der_certificate(by.key, ends=ends).replace(b"20510101000000Z", b"00000101000000Z")
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=server.url())
    publish(server, in_x5c(by.jwk, unreadable), key.as_dict(private=False))
    assert asked(key).status == 200


def test_who_knows_a_client_id_can_tell_that_its_keys_are_away(cast: Cast, server: Site, key: ECKey) -> None:
    """Which docs/spec-choices.md says."""
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks_uri=server.url())
    server.answer = serves({}, 500)
    assert_refused(asked(key), 503, "temporarily_unavailable")
    assert_refused(asked(key, client_id="nobody"), 401, "invalid_client")


@pytest.mark.contract("P7.2", "P8.3")
@pytest.mark.spec("RFC 7515", "4.1.2")
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("names", ["its key", "no key"])
@pytest.mark.parametrize("parameter", ["jku", "x5u"])
def test_no_header_leads_anywhere(
    cast: Cast, key: ECKey, bird: Canary, connects: list[Any], parameter: str, names: str
) -> None:
    """Loopback is allowed here, so that nothing but the code keeps the server from it."""
    keys = {"keys": [key.as_dict(private=False)]}
    registered(cast, "robot", TokenEndpointAuthMethod.PRIVATE_KEY_JWT, client_jwks=keys)
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.save()
    urls = [f"{scheme}://127.0.0.1:{bird.port}/keys" for scheme in ("https", "http")]
    for url in urls:
        header = ({"kid": key.kid} if names == "its key" else {}) | {parameter: url}
        stranger = ECKey.generate_key("P-256")
        assert_refused(asked(stranger, header=header), 401, "invalid_client")
        assert asked(key, header=header).status == 200
        sent = proof(header={parameter: url})
        bound = ask(auth=cast.basic("billing"), headers=[("DPoP", sent)])
        assert bound.json["token_type"] == "DPoP"
    assert (bird.connections, connects) == (0, [])
