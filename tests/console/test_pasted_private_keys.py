"""P10.3: a private key that is pasted where a public one belongs is refused, and no page gives it back."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.admin.models import LogEntry
from django.test import Client

from formats.thumbprints import base64url
from issuers.models import Issuer
from keys.models import SigningKey
from relying_parties.models import RelyingParty, TrustedIssuer
from tests.console.forms import form_of
from tests.console.pages import CLUSTER, url
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.client_keys import jwk_of, new_key

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
    "a JWK Set with escapes": json.dumps({"keys": [JWK]}).replace('"d"', '"\\u0064"'),
    "a JWK Set in a text": json.dumps({"keys": [jwk_of(new_key())], "note": json.dumps(JWK)}),
    "a JWK Set in a JWK Set": json.dumps({"keys": [{"keys": [JWK]}]}),
    "PEM in JSON with escapes": json.dumps({"key": PEM}).replace("PRIVATE", "\\u0050RIVATE"),
}
DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
OPENSSH = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
BODY = PEM.splitlines()[1]
OTHER_SPELLINGS = {
    "YAML": f"keys:\n- kty: EC\n  d: {NUMBER}\n",
    "base64 of PKCS#8": base64.b64encode(DER).decode(),
    "base64 of PKCS#8 as JSON": json.dumps(base64.b64encode(DER).decode()),
    "base64url of the number": NUMBER,
    "hexadecimal": DER.hex(),
    "the lines of an OpenSSH key": "\n".join(OPENSSH.splitlines()[1:-1]),
    "PuTTY": f"PuTTY-User-Key-File-3: ecdsa\nPrivate-Lines: 1\n{BODY}\n",
    "PEM with written line ends, cut off": PEM.replace("\n", "\\n").split("KEY-----")[1],
    "in a member of another name": json.dumps({"secret": NUMBER, "keys": BODY}),
}
SECRETS = (
    NUMBER, BODY, base64.b64encode(DER).decode()[20:60], DER.hex()[40:100], OPENSSH.splitlines()[2],
)  # fmt: skip


def relying_party(cast: Cast, client: Client) -> tuple[str, dict[str, Any]]:
    page = url(RelyingParty, "credentials", cast.billing.pk)
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


@pytest.mark.parametrize("text", OTHER_SPELLINGS.values(), ids=OTHER_SPELLINGS)
@pytest.mark.parametrize(
    ("page", "field"),
    [
        (relying_party, "client_jwks"),
        (trusted_issuer, "jwks"),
        (preset, "jwks"),
        (issuer, "client_ca_certificates"),
        (chain, "pem"),
    ],
)
def test_what_is_not_read_as_public_is_not_given_back(
    cast: Cast, operator: Client, page: Any, field: str, text: str
) -> None:
    address, sent = page(cast, operator)

    body = operator.post(address, sent | {field: text, "name": ""}).content.decode()

    assert "errorlist" in body
    assert not [secret for secret in SECRETS if secret in body]
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("page", "field", "text"),
    [
        (relying_party, "client_jwks", json.dumps({"keys": [jwk_of(KEY)]})[:-3]),
        (issuer, "client_ca_certificates", "no certificate"),
    ],
)
def test_an_empty_field_says_why_it_is_empty(
    cast: Cast, operator: Client, page: Any, field: str, text: str
) -> None:
    address, sent = page(cast, operator)

    form = operator.post(address, sent | {field: text}).context["adminform"].form

    assert form[field].value() == ""
    assert "is not shown again, since it could be secret" in form.errors[field][0]


def test_what_is_wrong_otherwise_is_given_back_as_it_was_typed(cast: Cast, operator: Client) -> None:
    address, sent = relying_party(cast, operator)
    text = json.dumps({"keys": [jwk_of(KEY, kid="d", use="enc")]})

    form = operator.post(address, sent | {"client_jwks": text}).context["adminform"].form

    assert form["client_jwks"].value() == text


def test_certificates_are_given_back_without_the_text_beside_them(
    cast: Cast, operator: Client, authority: Authority
) -> None:
    address, sent = issuer(cast, operator)
    certificate = authority.own.pem.strip()

    text = f"{NUMBER}\n{certificate}\n{BODY}\n"
    form = (
        operator.post(address, sent | {"client_ca_certificates": text, "name": ""}).context["adminform"].form
    )

    assert form["client_ca_certificates"].value() == certificate


def test_members_of_other_names_are_not_given_back(cast: Cast, operator: Client) -> None:
    address, sent = relying_party(cast, operator)
    jwks = {"keys": [jwk_of(KEY)]}

    text = json.dumps({"keys": [jwk_of(KEY) | {"secret": NUMBER}], "note": NUMBER})
    form = (
        operator.post(address, sent | {"client_jwks": text, "client_jwks_uri": "x"}).context["adminform"].form
    )

    assert json.loads(form["client_jwks"].value()) == jwks
