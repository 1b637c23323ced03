"""Clients that prove themselves by keys of their own, or by a trusted issuer: a file, then their token."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from issuers.models import ConfigurationRevision, Issuer
from issuers.versioning.history import Source
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from tests.configuration.assertions import ask_by_assertion, assertion, jwks_of
from tests.configuration.files import applied, details, problems_of
from tests.configuration.key_files import p256
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.wire import Answer, ask, last_event

SHOP_URL = "http://127.0.0.1:8000/shop"
CI = "https://ci.example"
SUBJECT = "repo:123:ref:main"


@dataclass(frozen=True, slots=True)
class Shop:
    """A file of an issuer with a client of each kind, and the keys that are behind it."""

    text: str
    tills: EllipticCurvePrivateKey
    cis: EllipticCurvePrivateKey

    def ask_as_till(self, **claims: Any) -> Answer:
        said = {"iss": "till", "sub": "till", "aud": SHOP_URL, "jti": "1", **claims}
        return ask_by_assertion(assertion(self.tills, **said), client_id="till", target="/shop/token")

    def ask_as_deployer(self, *, lifetime: int = 60, **claims: Any) -> Answer:
        said = {"iss": CI, "sub": SUBJECT, "aud": "shop", "owner": {"id": 123}, **claims}
        text = assertion(self.cis, lifetime=lifetime, **said)
        return ask_by_assertion(text, client_id="deployer", target="/shop/token")


@pytest.fixture
def shop() -> Shop:
    tills, cis = p256(), p256()
    text = f"""
        name: shop
        issuers:
          - path: shop
            name: Shop
            signing_alg: ES256
            token_endpoint_auth_methods: [private_key_jwt, federated_jwt]
        signing_keys:
          - {{issuer: shop, alg: ES256}}
        resource_servers:
          - {{issuer: shop, identifier: stock, scopes: [stock.read]}}
        trusted_issuers:
          - issuer: shop
            name: ci
            issuer_url: {CI}
            keys_from: jwks
            jwks: {json.dumps(jwks_of(cis))}
            audience: shop
            max_assertion_lifetime: 600
        relying_parties:
          - issuer: shop
            client_id: till
            client_name: Till
            token_endpoint_auth_method: private_key_jwt
            jwks: {json.dumps(jwks_of(tills, kid="first"))}
            grants: [{{resource_server: stock, scopes: [stock.read], default: true}}]
          - issuer: shop
            client_id: deployer
            client_name: Deployer
            token_endpoint_auth_method: federated_jwt
            federated_credentials:
              - {{label: main, trusted_issuer: ci, subject: "{SUBJECT}", claims: {{owner: {{id: 123}}}}}}
            grants: [{{resource_server: stock, scopes: [stock.read], default: true}}]
    """
    return Shop(text=text, tills=tills, cis=cis)


@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.django_db
def test_a_client_with_keys_of_its_own_gets_its_token(shop: Shop) -> None:
    applied(shop.text)

    answer = shop.ask_as_till()

    assert (answer.status, answer.claims["sub"], answer.claims["aud"]) == (200, "till", "stock")
    assert last_event().auth_method == "private_key_jwt"


@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.django_db
def test_a_client_of_a_trusted_issuer_gets_its_token(shop: Shop) -> None:
    applied(shop.text)

    answer = shop.ask_as_deployer()

    assert (answer.status, answer.claims["sub"], answer.claims["aud"]) == (200, "deployer", "stock")
    assert last_event().auth_method == "federated_jwt"


@pytest.mark.contract("P7.11", "P7.12")
@pytest.mark.django_db
def test_a_file_sets_the_limits_of_a_credential(shop: Shop) -> None:
    applied(shop.text)
    assert shop.ask_as_deployer(lifetime=60).json["expires_in"] <= 60
    limits = "label: main, caps_token_lifetime: false, is_single_use: true"
    applied(shop.text.replace("label: main", limits))
    assert shop.ask_as_deployer(lifetime=60, jti="1").json["expires_in"] > 60
    assert [shop.ask_as_deployer(jti=jti).status for jti in ("1", "2", "2")] == [401, 200, 401]


@pytest.mark.parametrize(
    "other", [{"owner": {"id": 124}}, {"sub": "repo:124:ref:main"}, {"lifetime": 1200}, {"aud": SHOP_URL}]
)
@pytest.mark.django_db
def test_each_condition_of_the_file_counts(shop: Shop, other: dict[str, Any]) -> None:
    applied(shop.text)

    assert shop.ask_as_deployer(**other).status == 401


@pytest.mark.django_db
def test_the_plan_tells_what_is_added(shop: Shop) -> None:
    assert list(applied(shop.text).lines()) == [
        "shop:",
        "+ issuer shop",
        "+ signing key ES256 of shop",
        "+ API stock of shop",
        "+ trusted issuer ci of shop",
        "+ client till of shop",
        "+ access grant stock of client till of shop",
        "+ client deployer of shop",
        "+ federated credential main of client deployer of shop",
        "+ access grant stock of client deployer of shop",
    ]


@pytest.mark.django_db
def test_a_second_run_changes_nothing(shop: Shop) -> None:
    applied(shop.text)
    before = ConfigurationRevision.objects.get().number, TrustedIssuer.history.count()

    plan = applied(shop.text)

    assert list(plan.lines()) == ["shop:", "= 9 unchanged", "no changes"]
    assert (ConfigurationRevision.objects.get().number, TrustedIssuer.history.count()) == before


@pytest.mark.django_db
def test_a_dry_run_tells_the_same_and_changes_nothing(shop: Shop) -> None:
    plan = applied(shop.text, dry_run=True)

    assert not Issuer.objects.filter(path="shop").exists()
    assert plan == applied(shop.text)


@pytest.mark.django_db
def test_history_tells_that_a_file_did_it(shop: Shop) -> None:
    applied(shop.text)

    sources = [model.history.get().source for model in (TrustedIssuer, FederatedCredential)]
    assert sources == [Source.FILE, Source.FILE]


@pytest.mark.django_db
def test_a_trusted_issuer_that_a_file_disables_proves_nobody(shop: Shop) -> None:
    applied(shop.text)

    plan = applied("trusted_issuers: [{issuer: shop, name: ci, is_active: false}]")

    assert details(plan) == ["~ trusted issuer ci of shop: is_active true -> false"]
    assert shop.ask_as_deployer().status == 401


@pytest.mark.django_db
def test_a_credential_that_the_list_leaves_out_is_removed(shop: Shop) -> None:
    applied(shop.text)

    plan = applied("""
        relying_parties:
          - issuer: shop
            client_id: deployer
            federated_credentials: [{label: tags, trusted_issuer: ci, subject: "repo:123:ref:v1"}]
    """)

    of = "of client deployer of shop"
    assert details(plan) == [f"- federated credential main {of}", f"+ federated credential tags {of}"]
    assert shop.ask_as_deployer(sub=SUBJECT).status == 401
    assert shop.ask_as_deployer(sub="repo:123:ref:v1").status == 200
    assert FederatedCredential.history.filter(history_type="-").get().source == Source.FILE


@pytest.mark.django_db
def test_an_empty_list_ends_the_use_of_a_trusted_issuer(shop: Shop) -> None:
    applied(shop.text)

    applied("relying_parties: [{issuer: shop, client_id: deployer, federated_credentials: []}]")

    assert shop.ask_as_deployer().status == 401
    assert TrustedIssuer.objects.get().delete()[0] == 1


@pytest.mark.django_db
def test_an_absent_list_removes_no_credential(shop: Shop) -> None:
    applied(shop.text)

    applied("relying_parties: [{issuer: shop, client_id: deployer, contact: ops}]")

    assert shop.ask_as_deployer().status == 200


@pytest.mark.django_db
def test_what_a_credential_leaves_out_is_the_default(shop: Shop) -> None:
    applied(shop.text)

    plan = applied(f"""
        relying_parties:
          - issuer: shop
            client_id: deployer
            federated_credentials: [{{label: main, trusted_issuer: ci, subject: "{SUBJECT}"}}]
    """)

    assert details(plan) == [
        '~ federated credential main of client deployer of shop: claims {"owner": {"id": 123}} -> {}'
    ]


@pytest.mark.django_db
def test_a_credential_moves_to_another_trusted_issuer(shop: Shop) -> None:
    applied(shop.text)

    plan = applied(f"""
        trusted_issuers: [{{issuer: shop, name: cloud, issuer_url: https://cloud.example}}]
        relying_parties:
          - issuer: shop
            client_id: deployer
            federated_credentials:
              - {{label: main, trusted_issuer: cloud, subject: "{SUBJECT}", claims: {{owner: {{id: 123}}}}}}
    """)

    assert details(plan) == [
        "+ trusted issuer cloud of shop",
        '~ federated credential main of client deployer of shop: trusted_issuer "ci" -> "cloud"',
    ]


@pytest.mark.django_db
def test_a_trusted_issuer_of_another_issuer_is_not_found(shop: Shop) -> None:
    applied(shop.text)

    lines = problems_of("""
        relying_parties:
          - issuer: oidc_m2m
            client_id: billing
            federated_credentials: [{label: main, trusted_issuer: ci, subject: a}]
    """)

    assert lines == ['f:5:59: There is no trusted issuer "ci", neither in the file nor stored.']


def test_a_client_moves_from_its_secret_to_keys_in_one_go(cast: Cast, tmp_path: Path) -> None:
    key = p256()
    (tmp_path / "billing.json").write_text(json.dumps(jwks_of(key)))
    file = """
        relying_parties:
          - issuer: oidc_m2m
            client_id: billing
            token_endpoint_auth_method: private_key_jwt
            jwks_from: {file: billing.json}
        issuers:
          - {path: oidc_m2m, token_endpoint_auth_methods: [client_secret_basic, client_secret_post, private_key_jwt]}
    """

    applied(file, folder=tmp_path)

    text = assertion(key, iss="billing", sub="billing", aud=cast.oidc_m2m.url, jti="1")
    answer = ask_by_assertion(text, client_id="billing", target="/oidc_m2m/token")
    assert answer.status == 200
    assert ask(auth=cast.basic("billing")).status == 401
    assert applied(file, folder=tmp_path).changes == ()


def test_clients_move_away_from_a_method_that_the_file_switches_off(cast: Cast) -> None:
    applied("""
        issuers:
          - {path: oidc_m2m, token_endpoint_auth_methods: [client_secret_basic]}
        relying_parties:
          - {issuer: oidc_m2m, client_id: reports, token_endpoint_auth_method: client_secret_basic}
    """)

    assert ask(auth=cast.basic("reports")).status == 200


@pytest.mark.django_db
def test_a_method_is_not_switched_off_under_a_client_that_the_file_leaves_out() -> None:
    lines = problems_of("issuers: [{path: oidc_m2m, token_endpoint_auth_methods: [client_secret_basic]}]")

    told = "its method client_secret_post is off at M2M, where these are on: client_secret_basic."
    assert lines == [f"f:1:11: reports: {told}"]


@pytest.mark.parametrize(
    "keys",
    [
        "tls_client_auth_san_ip: '2001:DB8:0:0::1', tls_client_certificate_bound_access_tokens: true",
        "tls_client_auth_san_ip: '', tls_client_auth_san_dns: billing.example",
        "accepts_token_endpoint_audience: true, tls_client_auth_subject_dn: 'CN=billing,O=Example'",
    ],
)
@pytest.mark.django_db
def test_what_is_registered_of_a_client_is_no_change_the_second_time(keys: str) -> None:
    text = f"relying_parties: [{{issuer: oidc_m2m, client_id: billing, {keys}}}]"

    assert len(applied(text).changes) == 1
    assert applied(text).changes == ()


@pytest.mark.django_db
def test_dpop_is_required_of_a_client_where_the_same_file_turns_it_on() -> None:
    text = """
        relying_parties: [{issuer: oidc_m2m, client_id: billing, dpop_bound_access_tokens: true}]
        issuers: [{path: oidc_m2m, accepts_dpop: true}]
    """

    assert len(applied(text).changes) == 2
    assert applied(text).changes == ()


@pytest.mark.django_db
def test_the_authorities_of_clients_come_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    pem = Authority.new(tmp_path, "ca").own.pem
    (tmp_path / "ca.pem").write_text(pem)
    text = "issuers: [{path: oidc_m2m, client_ca_certificates_from: {file: ca.pem}, accepts_dpop: true}]"

    plan = applied(text, folder=tmp_path)

    assert details(plan)[0].startswith(
        '~ issuer oidc_m2m: accepts_dpop false -> true, client_ca_certificates "" -> "-----BEGIN'
    )
    assert Issuer.objects.get(path="oidc_m2m").client_ca_certificates == pem.removesuffix("\n")
    assert applied(text, folder=tmp_path).changes == ()


@pytest.mark.django_db
def test_keys_are_exchanged_for_the_url_where_they_are(shop: Shop) -> None:
    applied(shop.text)
    till = "relying_parties: [{issuer: shop, client_id: till, jwks_uri: 'https://till.example/jwks'%s}]"

    lines = problems_of(till % "")
    plan = applied(till % ", jwks: null")

    assert lines == [
        "f:1:61: jwks_uri: Its keys are registered or fetched, not both: empty this, or the JWKS."
    ]
    assert [line.partition(" {")[0] for line in details(plan)] == [
        '~ client till of shop: jwks_uri "" -> "https://till.example/jwks", jwks'
    ]
    row = RelyingParty.objects.get(client_id="till")
    assert (row.client_jwks, row.client_jwks_uri) == (None, "https://till.example/jwks")
