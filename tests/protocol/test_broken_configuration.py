"""Configuration that does not fit together, left by whoever passed the checks by: nothing is disclosed or given."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, models, transaction

from issuers.models import GlobalVariable, Issuer
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)
from relying_parties.snapshots import snapshot_of
from tests.support.assertions import new_cluster, new_credential, new_workload, of_cluster, send, why_refused
from tests.support.cast import INVOICES, Cast
from tests.support.forging import signer
from tests.support.wire import ask, assert_refused, get, last_event


@pytest.fixture
def unresolvable(cast: Cast) -> Cast:
    """The template of `reports` takes its audience from a variable that is gone."""
    GlobalVariable.objects.all().delete()
    cast.seed_template.claims = {"aud": "${globals.region}"}
    cast.seed_template.save()
    return cast


@pytest.mark.contract("P3.8")
def test_a_stranger_cannot_tell_it_from_an_unknown_client(unresolvable: Cast) -> None:
    wrong = ask({"client_id": "reports", "client_secret": "wrong"})
    unknown = ask({"client_id": "nobody", "client_secret": "wrong"})
    assert wrong.without_its_own == unknown.without_its_own


def test_the_proven_client_is_asked_to_come_back(unresolvable: Cast) -> None:
    answer = ask({**unresolvable.in_body("reports"), "scope": "YourScope"})
    event = assert_refused(answer, 503, "temporarily_unavailable")
    assert "globals.region" in event.detail


@pytest.mark.contract("P4.2")
def test_a_scope_that_the_resource_server_lost_is_granted_no_more(cast: Cast) -> None:
    ResourceServer.objects.filter(identifier=INVOICES, issuer=cast.oidc_m2m).update(scopes=["invoices.read"])
    answer = ask({"scope": "invoices.write", "resource": INVOICES}, auth=cast.basic("billing"))
    assert_refused(answer, 400, "invalid_scope")


@pytest.mark.spec("RFC 7519", "4.1.2")
def test_a_subject_that_is_no_text_is_not_signed(cast: Cast) -> None:
    GlobalVariable.objects.filter(name="region").update(value=5)
    cast.seed_template.claims = {"sub": "${globals.region}", "aud": "your_application"}
    cast.seed_template.save()
    event = assert_refused(ask(cast.in_body("reports")), 503, "temporarily_unavailable")
    assert "sub" in event.detail


# Rows that were changed past the form: by SQL, by an older version, by a tool. Each breaks one invariant.

Break = Callable[[Cast], Any]


def past_the_form(model: type[models.Model], **values: Any) -> Break:
    """Every row of this model gets these values."""
    return lambda cast: model._default_manager.all().update(**values)


def a_rule(regex: str, parameter: str = "env") -> Break:
    return lambda cast: RequestRule(
        relying_party=cast.billing, parameter=parameter, regex=regex, message="any"
    ).save()


def a_template(**values: Any) -> Break:
    def broken(cast: Cast) -> None:
        cast.billing.claim_template = ClaimTemplate.objects.create(name="broken", **values)
        cast.billing.save()

    return broken


def a_grant_of_another_issuer(cast: Cast) -> None:
    server = ResourceServer.objects.create(issuer=cast.other, identifier="https://far.example", scopes=["a"])
    AccessGrant(relying_party=cast.billing, resource_server=server, scopes=["a"]).save()


MISCONFIGURED = {
    "networks that are none": (past_the_form(RelyingParty, allowed_networks=["10.0.0.300"]), "networks: Not a CIDR"),
    "networks as a number": (past_the_form(RelyingParty, allowed_networks=5), "allowed networks: A JSON list"),
    "networks as an object": (past_the_form(RelyingParty, allowed_networks={"a": 1}), "allowed networks: A JSON list"),
    "a rule that RE2 cannot use": (a_rule("(a"), "rule on env: RE2 cannot use it"),
    "a template that is no object": (a_template(claims=[1]), "claim template: The claims are a JSON object."),
    "a template of a number": (a_template(claims=7), "claim template: The claims are a JSON object."),
    "a template with an unknown placeholder": (a_template(claims={"a": "${client.secret}"}), "claim template: "),
    "a template that sets the claim cnf": (a_template(claims={"cnf": {"jkt": "x"}}), "cnf: set by the issuer"),
    "headers that are no object": (a_template(headers="x"), "claim template: The headers are a JSON object."),
    "a header typ of no text": (a_template(headers={"typ": 5}), "typ: must be one of"),
    "a header crit": (a_template(headers={"crit": ["b64"], "b64": False}), "b64: set by the issuer"),
    "scopes of a grant that are numbers": (past_the_form(AccessGrant, scopes=[1, {}]), "access grant "),
    "scopes of a grant as a number": (past_the_form(AccessGrant, scopes=5), "access grant "),
    "scopes of an API as an object": (past_the_form(ResourceServer, scopes={"a": None}), "access grant "),
    "scopes that no scope token is": (past_the_form(ResourceServer, scopes=["a b"]), "access grant "),
    "a grant of another issuer": (a_grant_of_another_issuer, "https://far.example belongs to another issuer"),
}  # fmt: skip


@pytest.mark.contract("P1.5")
@pytest.mark.parametrize("fault", MISCONFIGURED)
def test_a_client_that_was_changed_past_the_form_is_refused_with_the_reason(cast: Cast, fault: str) -> None:
    breaks, reason = MISCONFIGURED[fault]
    breaks(cast)
    event = assert_refused(ask(auth=cast.basic("billing")), 503, "temporarily_unavailable")
    assert event.detail.startswith("The client is proven. The client is misconfigured: ")
    assert reason in event.detail
    wrong = ask({"client_id": "billing", "client_secret": "wrong"})
    unknown = ask({"client_id": "nobody", "client_secret": "wrong"})
    assert wrong.without_its_own == unknown.without_its_own
    assert get("/oidc_m2m/.well-known/openid-configuration").status == 200
    assert get("/oidc_m2m/jwks").status == 200


FEDERATED = {
    "a pattern that RE2 cannot use": past_the_form(
        FederatedCredential, subject="(a", subject_is_pattern=True
    ),
    "a pattern that strangers match": past_the_form(
        FederatedCredential, subject=".*", subject_is_pattern=True
    ),
    "claims that are no object": past_the_form(FederatedCredential, claims=[1]),
    "a trusted issuer of another issuer": lambda cast: TrustedIssuer.objects.all().update(issuer=cast.other),
    "a trusted issuer that is this server": past_the_form(
        TrustedIssuer, issuer_url=f"{settings.PUBLIC_URL}/other"
    ),
}


@pytest.mark.contract("P1.5", "P7.9")
@pytest.mark.parametrize("fault", FEDERATED)
def test_a_federated_credential_that_was_changed_past_the_form_proves_nobody(cast: Cast, fault: str) -> None:
    by = signer("RS256")
    new_credential(new_workload(cast), new_cluster(cast, by))
    assertion = of_cluster(cast, by).made()
    assert send(assertion, client_id="workload").status == 200
    FEDERATED[fault](cast)
    reason = why_refused(assertion, client_id="workload")
    assert " The client is misconfigured: federated credential " in reason


ISSUER: dict[str, dict[str, Any]] = {
    "methods as a number": {"token_endpoint_auth_methods": 5},
    "methods that are none": {"token_endpoint_auth_methods": ["magic", 1]},
    "metadata as a list": {"extra_metadata": [1]},
}


@pytest.mark.contract("P1.5")
@pytest.mark.parametrize("fault", ISSUER)
def test_an_issuer_that_was_changed_past_the_form_answers(cast: Cast, fault: str) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(**ISSUER[fault])
    assert get("/oidc_m2m/.well-known/openid-configuration").status == 200
    assert ask(auth=cast.basic("billing")).status in {200, 401}
    assert last_event().detail or last_event().jti


KEYS: dict[str, tuple[dict[str, Any], int]] = {
    "a chain that is none": ({"certificate_chain": "no PEM"}, 200),
    "a public half that is none": ({"public_jwk": {"kty": "RSA"}}, 503),
    "a public half as a list": ({"public_jwk": [1]}, 503),
    "a PKCS#11 URI that is none": ({"pkcs11_uri": "nowhere", "encrypted_private_key": None}, 503),
    "another kid": ({"kid": "another"}, 503),
    "an algorithm of other keys": ({"alg": "ES256"}, 503),
}  # fmt: skip


@pytest.mark.contract("P1.5")
@pytest.mark.parametrize("fault", KEYS)
def test_a_key_that_was_changed_past_the_form_is_refused_or_serves(cast: Cast, fault: str) -> None:
    values, status = KEYS[fault]
    SigningKey.objects.filter(pk=cast.key.pk).update(**values)
    answer = ask(auth=cast.basic("billing"))
    assert (answer.status, get("/oidc_m2m/jwks").status) == (status, 200)
    assert last_event().detail or last_event().jti


CONSTRAINED: dict[str, tuple[type[models.Model], dict[str, Any]]] = {
    "tls_client_auth without a name": (RelyingParty, {"token_endpoint_auth_method": "tls_client_auth"}),
    "tls_client_auth with two names": (
        RelyingParty,
        {
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "a.example",
            "tls_client_auth_san_ip": "192.0.2.1",
        },
    ),
    "private_key_jwt without keys": (RelyingParty, {"token_endpoint_auth_method": "private_key_jwt"}),
    "a certificate that is nowhere": (
        RelyingParty,
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
    ),
    "a rule on a secret": (RequestRule, {"parameter": "client_secret"}),
    "tokens of a year and a day": (
        Issuer,
        {"max_access_token_ttl": 367 * 86_400, "retire_period": 400 * 86_400},
    ),
    "periods beyond the calendar": (Issuer, {"retire_period": 2_000_000_000}),
    "secrets of no age": (Issuer, {"max_client_secret_age": 0}),
    "assertions of no life": (TrustedIssuer, {"max_assertion_lifetime": 0}),
}


@pytest.mark.parametrize("fault", CONSTRAINED)
def test_the_database_refuses_what_the_form_refuses(cast: Cast, fault: str) -> None:
    a_rule("a")(cast)
    new_cluster(cast)
    model, values = CONSTRAINED[fault]
    with pytest.raises(IntegrityError), transaction.atomic():
        model._default_manager.all().update(**values)


@pytest.mark.contract("P1.5")
@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ({}, "0 certificate subject names are registered, where tls_client_auth needs one"),
        (
            {"tls_client_auth_san_dns": "a.example", "tls_client_auth_san_ip": "192.0.2.1"},
            "2 certificate subject names are registered, where tls_client_auth needs one",
        ),
        ({"tls_client_auth_subject_dn": "no DN"}, "tls_client_auth_subject_dn: "),
    ],
)
def test_a_certificate_name_that_cannot_be_compared_is_a_fault(
    cast: Cast, names: dict[str, str], fault: str
) -> None:
    """The database refuses the first two; a snapshot relies on no constraint."""
    cast.billing.token_endpoint_auth_method = "tls_client_auth"
    for name, value in names.items():
        setattr(cast.billing, name, value)
    client = snapshot_of(cast.billing)
    assert client.certificate_subjects == {}
    assert client.faults[0].startswith(fault)
