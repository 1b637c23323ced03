"""P10.3: a private key that is pasted where a public one belongs is refused, and no page gives it back."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.admin.models import LogEntry
from django.test import Client

from issuers.models import Issuer
from issuers.thumbprints import base64url
from keys.models import SigningKey
from relying_parties.models import RelyingParty, TrustedIssuer
from tests.cast import Cast
from tests.client_keys import jwk_of, new_key
from tests.console.forms import form_of
from tests.console.pages import CLUSTER, url

pytestmark = pytest.mark.contract("P10.3")

KEY = new_key()
NUMBER = base64url(KEY.private_numbers().private_value.to_bytes(32))
JWK = jwk_of(KEY, kid="2026") | {"d": NUMBER}
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PEM_LINE = PEM.splitlines()[1]
JWK_SETS = {
    "a JWK Set": json.dumps({"keys": [jwk_of(new_key()), JWK]}),
    "a bare JWK": json.dumps(JWK),
    "a JWK Set cut off": json.dumps({"keys": [JWK]}, indent=2)[:-3],
    "what Python prints": repr({"keys": [JWK]}),
    "PEM": PEM,
}


def relying_party(cast: Cast, client: Client) -> tuple[str, dict[str, Any]]:
    page = url(RelyingParty, "change", cast.billing.pk)
    return page, form_of(client, page)


def trusted_issuer(cast: Cast, client: Client) -> tuple[str, dict[str, Any]]:
    page = url(TrustedIssuer, "add")
    own = {"issuer": cast.oidc_m2m.pk, "name": "Cluster", "issuer_url": CLUSTER, "keys_from": "jwks"}
    return page, form_of(client, page) | own


def preset(cast: Cast, _client: Client) -> tuple[str, dict[str, Any]]:
    return url(RelyingParty, "preset", cast.billing.pk, "google"), {}


def issuer(cast: Cast, client: Client) -> tuple[str, dict[str, Any]]:
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    return page, form_of(client, page)


def chain(cast: Cast, _client: Client) -> tuple[str, dict[str, Any]]:
    return url(SigningKey, "chain", cast.key.pk), {}


@pytest.mark.parametrize("text", JWK_SETS.values(), ids=JWK_SETS)
@pytest.mark.parametrize(
    ("page", "field"), [(relying_party, "client_jwks"), (trusted_issuer, "jwks"), (preset, "jwks")]
)
def test_a_private_jwk_is_refused_and_not_given_back(
    cast: Cast, operator: Client, page: Any, field: str, text: str
) -> None:
    address, sent = page(cast, operator)

    body = operator.post(address, sent | {field: text}).content.decode()

    assert "is not shown again: give the public half alone, and replace the key." in body
    assert NUMBER not in body
    assert PEM_LINE not in body
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("page", "field"), [(issuer, "client_ca_certificates"), (chain, "pem")])
def test_a_private_key_in_pem_is_refused_and_not_given_back(
    cast: Cast, operator: Client, page: Any, field: str
) -> None:
    address, sent = page(cast, operator)

    body = operator.post(address, sent | {field: PEM}).content.decode()

    assert "is not shown again: give the certificates alone, and replace the key." in body
    assert PEM_LINE not in body
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("page", "field", "text"),
    [
        (relying_party, "client_jwks", json.dumps({"keys": [jwk_of(KEY, kid="d", use="enc")]})),
        (issuer, "client_ca_certificates", "no certificate"),
    ],
)
def test_what_is_wrong_otherwise_is_given_back_as_it_was_typed(
    cast: Cast, operator: Client, page: Any, field: str, text: str
) -> None:
    address, sent = page(cast, operator)

    form = operator.post(address, sent | {field: text}).context["adminform"].form

    assert form[field].value() == text
