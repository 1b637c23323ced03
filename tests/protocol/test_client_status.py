"""What the console says of a client, whether it gets tokens now, is what the token endpoint answers it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import TextField, Value
from django.db.models.functions import Concat
from django.utils import timezone

from issuance.outlook.client_status import SET_UP, Cause, ClientStatus, client_status
from issuers.directory import IssuerSnapshot
from issuers.models import GlobalVariable, Issuer
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClientSecret,
    FederatedCredential,
    KeysFrom,
    RelyingParty,
    TrustedIssuer,
)
from relying_parties.snapshots import snapshot_of
from tests.protocol.certificates import ask_with, new_certified, new_loner
from tests.support.assertions import (
    jwks_of,
    new_cluster,
    new_credential,
    new_robot,
    new_workload,
    of_cluster,
    own,
    send,
)
from tests.support.authority import Authority, Issued, self_signed
from tests.support.cast import INVOICES, Cast, new_grant
from tests.support.client_keys import certificate_until, new_key, pem_of
from tests.support.forging import signer
from tests.support.wire import Answer, ask

pytestmark = pytest.mark.usefixtures("behind_a_proxy")

YESTERDAY = datetime.now(tz=UTC) - timedelta(days=1)
TOMORROW = datetime.now(tz=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Subject:
    """A client, and the best request that it can make."""

    relying_party: RelyingParty
    ask: Callable[[], Answer]

    @property
    def status(self) -> ClientStatus:
        row = RelyingParty.objects.select_related("issuer", "claim_template").get(pk=self.relying_party.pk)
        return client_status(snapshot_of(row), issuer=IssuerSnapshot.of(row.issuer), now=timezone.now())


@pytest.fixture(scope="session")
def certificate(pki: Path) -> Issued:
    return self_signed(pki, "status")


@pytest.fixture(scope="session")
def issued(authority: Authority) -> Issued:
    return authority.issue("status-named", "extendedKeyUsage=clientAuth")


Subjects = Callable[[str], Subject]


@pytest.fixture
def subjects(cast: Cast, authority: Authority, certificate: Issued, issued: Issued) -> Subjects:
    """Makes a client of the method that is asked for."""
    by = signer("RS256")

    def workload() -> RelyingParty:
        made = new_workload(cast)
        new_credential(made, new_cluster(cast, by))
        return made

    makers: dict[str, tuple[Callable[[], RelyingParty], Callable[[], Answer]]] = {
        "basic": (lambda: cast.billing, lambda: ask(auth=cast.basic("billing"))),
        "post": (lambda: cast.reports, lambda: ask(cast.in_body("reports"))),
        "key": (lambda: new_robot(cast, by), lambda: send(own(cast, by).made())),
        "workload": (workload, lambda: send(of_cluster(cast, by).made(), client_id="workload")),
        "authority": (lambda: new_certified(cast, authority), lambda: ask_with(issued)),
        "certificate": (
            lambda: new_loner(cast, certificate),
            lambda: ask_with(certificate, client_id="loner"),
        ),
    }
    return lambda method: Subject(makers[method][0](), makers[method][1])


METHODS = ("basic", "post", "key", "workload", "authority", "certificate")


@pytest.mark.contract("P10.11")
@pytest.mark.parametrize("method", METHODS)
def test_a_client_of_each_method_gets_tokens(subjects: Subjects, method: str) -> None:
    subject = subjects(method)
    assert subject.ask().status == 200
    assert str(subject.status) == "Gets tokens."


Break = Callable[[RelyingParty], Any]


def client(**values: Any) -> Break:
    return lambda row: RelyingParty.objects.filter(pk=row.pk).update(**values)


def issuer(**values: Any) -> Break:
    return lambda row: Issuer.objects.filter(pk=row.issuer_id).update(**values)


def each(model: Any, **values: Any) -> Break:
    return lambda _row: model._default_manager.all().update(**values)


def none_of(model: Any) -> Break:
    return lambda _row: model._default_manager.all().delete()


def ended_keys(row: RelyingParty) -> None:
    assert row.client_jwks is not None
    jwks = {"keys": [key | {"exp": YESTERDAY.timestamp()} for key in row.client_jwks["keys"]]}
    RelyingParty.objects.filter(pk=row.pk).update(client_jwks=jwks)


def ended_keys_of_the_cluster(_row: RelyingParty) -> None:
    ended = {"keys": [key | {"exp": YESTERDAY.timestamp()} for key in jwks_of(signer("RS256"))["keys"]]}
    TrustedIssuer.objects.all().update(jwks=ended)


def an_ended_authority(row: RelyingParty) -> None:
    ended = pem_of(certificate_until(new_key(), YESTERDAY, is_authority=True))
    Issuer.objects.filter(pk=row.issuer_id).update(client_ca_certificates=ended)


def an_unknown_pepper(_row: RelyingParty) -> None:
    digest = Concat(Value("gone:"), "relying_party_id", output_field=TextField())
    ClientSecret.objects.all().update(digest=digest)


def a_template_of_a_variable_that_is_gone(_row: RelyingParty) -> None:
    GlobalVariable.objects.all().delete()
    template = RelyingParty.objects.get(client_id="reports").claim_template
    assert template is not None
    template.claims = {"aud": "your_application", "region": "${globals.region}"}
    template.save()


EVERY = {
    "the issuer is disabled": (issuer(is_active=False), Cause.ISSUER_DISABLED),
    "the client is disabled": (client(is_active=False), Cause.CLIENT_DISABLED),
    "no method is on": (issuer(token_endpoint_auth_methods=[]), Cause.METHOD_OFF),
    "it is not valid yet": (client(valid_from=TOMORROW), Cause.NOT_YET_VALID),
    "it is no longer valid": (client(valid_until=YESTERDAY), Cause.NO_LONGER_VALID),
    "it has no grant": (none_of(AccessGrant), Cause.NO_ACCESS),
    "it requires DPoP": (client(dpop_bound_access_tokens=True), Cause.DPOP_OFF),
    "the key is revoked": (each(SigningKey, revoked_at=YESTERDAY), Cause.NO_SIGNING_KEY),
    "its own algorithm has no key": (client(signing_alg="EdDSA"), Cause.NO_SIGNING_KEY),
    "its networks are none": (client(allowed_networks=["10.0.0.300"]), Cause.MISCONFIGURED),
}  # fmt: skip
OF_ONE_METHOD = {
    ("basic", "no secret"): (none_of(ClientSecret), Cause.NO_CREDENTIAL),
    ("basic", "secrets expired"): (each(ClientSecret, expires_at=YESTERDAY), Cause.CREDENTIAL_ENDED),
    ("post", "secrets revoked"): (each(ClientSecret, revoked_at=YESTERDAY), Cause.CREDENTIAL_ENDED),
    ("post", "an unknown pepper"): (an_unknown_pepper, Cause.CREDENTIAL_ENDED),
    ("post", "a template that lacks a value"): (a_template_of_a_variable_that_is_gone, Cause.MISCONFIGURED),
    ("post", "a template's audience not granted"): (
        lambda row: AccessGrant.objects.filter(relying_party=row).update(
            resource_server=AccessGrant.objects.filter(resource_server__identifier=INVOICES)[:1].values(
                "resource_server"
            )
        ),
        Cause.MISCONFIGURED,
    ),
    ("key", "no key"): (client(client_jwks={"keys": []}), Cause.NO_CREDENTIAL),
    ("key", "keys ended"): (ended_keys, Cause.CREDENTIAL_ENDED),
    ("key", "no algorithm accepted"): (
        issuer(token_endpoint_auth_signing_alg_values_supported=["ES256"]),
        Cause.CREDENTIAL_ENDED,
    ),
    ("workload", "no credential"): (none_of(FederatedCredential), Cause.NO_CREDENTIAL),
    ("workload", "trusted issuer disabled"): (each(TrustedIssuer, is_active=False), Cause.CREDENTIAL_ENDED),
    ("workload", "keys ended"): (ended_keys_of_the_cluster, Cause.CREDENTIAL_ENDED),
    ("authority", "no authority"): (issuer(client_ca_certificates=""), Cause.NO_CREDENTIAL),
    ("authority", "authority ended"): (an_ended_authority, Cause.CREDENTIAL_ENDED),
    ("certificate", "no certificate"): (client(client_jwks={"keys": []}), Cause.NO_CREDENTIAL),
    ("certificate", "certificates ended"): (ended_keys, Cause.CREDENTIAL_ENDED),
}  # fmt: skip


@pytest.mark.contract("P10.11")
@pytest.mark.parametrize("cause", EVERY)
@pytest.mark.parametrize("method", METHODS)
def test_what_refuses_every_client_is_said_of_a_client_of_each_method(
    subjects: Subjects, method: str, cause: str
) -> None:
    breaks, expected = EVERY[cause]
    assert_said(subjects(method), breaks, expected)


@pytest.mark.contract("P10.11")
@pytest.mark.parametrize(("method", "cause"), OF_ONE_METHOD)
def test_what_refuses_the_clients_of_one_method_is_said(subjects: Subjects, method: str, cause: str) -> None:
    breaks, expected = OF_ONE_METHOD[method, cause]
    assert_said(subjects(method), breaks, expected)


def assert_said(subject: Subject, breaks: Break, expected: Cause) -> None:
    """The request is refused, and the first thing that is said is why."""
    breaks(subject.relying_party)
    assert subject.ask().status != 200
    status = subject.status
    assert (status.gets_tokens, status.obstacles[0].cause) == (False, expected)
    how = "Cannot get tokens yet" if expected in SET_UP else "Refused now"
    assert (status.label, str(status)) == (expected.value, f"{how}: {status.obstacles[0].reason}.")
    assert all(obstacle.advice.endswith(".") for obstacle in status.obstacles)


@pytest.mark.contract("P10.11")
def test_every_cause_is_walked() -> None:
    assert {cause for _, cause in (*EVERY.values(), *OF_ONE_METHOD.values())} == set(Cause)


def an_ended_secret(row: RelyingParty) -> None:
    """Beside the one that is used: another that has ended."""
    ClientSecret.objects.create(relying_party=row, label="old", digest="default:00", expires_at=YESTERDAY)


SWITCHES: tuple[Break, ...] = (
    issuer(is_active=False),
    client(is_active=False),
    client(valid_until=YESTERDAY),
    client(valid_from=YESTERDAY - timedelta(days=1)),
    client(valid_until=TOMORROW),
    client(dpop_bound_access_tokens=True),
    client(allowed_networks=["192.0.2.0/24"]),
    each(ClientSecret, expires_at=YESTERDAY),
    each(ClientSecret, expires_at=TOMORROW),
    each(AccessGrant, is_default=False),
    client(signing_alg="ES256"),
    an_ended_secret,
    lambda row: new_grant(row, row.issuer.resource_servers.create(identifier="x", scopes=[]), []),
)


@pytest.mark.contract("P10.11")
@pytest.mark.parametrize("seed", range(40))
def test_it_agrees_with_the_endpoint_whatever_comes_together(cast: Cast, seed: int) -> None:
    chosen = random.Random(seed)
    for switch in chosen.sample(SWITCHES, k=chosen.choice((0, 1, 1, 2, 3))):
        switch(cast.billing)
    subject = Subject(cast.billing, lambda: ask({"resource": INVOICES}, auth=cast.basic("billing")))
    assert subject.status.gets_tokens is (subject.ask().status == 200)


def test_a_client_without_a_default_gets_tokens_if_it_names_a_resource(cast: Cast) -> None:
    AccessGrant.objects.all().update(is_default=False)
    subject = Subject(cast.billing, lambda: ask(auth=cast.basic("billing")))
    assert subject.ask().status == 400
    assert ask({"resource": INVOICES}, auth=cast.basic("billing")).status == 200
    assert str(subject.status) == "Gets tokens."
    assert subject.status.limits == (
        "It has no default grant: each request must name its resource, or a scope of one API alone.",
    )


def test_a_parameter_that_the_template_needs_is_named(cast: Cast) -> None:
    cast.seed_template.claims = {"aud": "your_application", "a": "${request.param_scope}"}
    cast.seed_template.save()
    subject = Subject(cast.reports, lambda: ask(cast.in_body("reports")))
    assert subject.ask().status == 400
    assert subject.status.gets_tokens
    assert subject.status.label == "gets tokens"
    assert subject.status.limits == ("The claim template needs the parameter scope.",)


def test_a_client_without_a_default_gets_tokens_also_with_one_grant_alone(cast: Cast) -> None:
    cast.billing.grants.exclude(resource_server=cast.invoices).delete()
    AccessGrant.objects.all().update(is_default=False)
    subject = Subject(cast.billing, lambda: ask({"resource": INVOICES}, auth=cast.basic("billing")))
    assert subject.ask().status == 200
    assert subject.status.gets_tokens


def test_a_templates_audience_that_is_not_granted_is_named(cast: Cast) -> None:
    cast.reports.grants.update(resource_server=cast.invoices)
    subject = Subject(cast.reports, lambda: ask(cast.in_body("reports")))
    assert subject.ask().status == 400
    assert str(subject.status) == (
        "Refused now: it is misconfigured: No grant for the claim template's audience your_application."
    )


def test_a_secret_that_has_expired_is_reported_with_what_to_do(cast: Cast) -> None:
    ClientSecret.objects.all().update(expires_at=YESTERDAY)
    subject = Subject(cast.billing, lambda: ask(auth=cast.basic("billing")))
    assert subject.ask().status == 401
    (obstacle,) = subject.status.obstacles
    assert obstacle.reason == "every secret of the client has expired"
    assert obstacle.advice == "Generate a new one."


def test_keys_that_are_fetched_are_said_to_be_unknown(cast: Cast) -> None:
    robot = new_robot(cast, signer("RS256"))
    robot.client_jwks, robot.client_jwks_uri = None, "https://keys.example/jwks"
    robot.save()
    subject = Subject(robot, lambda: ask(auth=cast.basic("billing")))
    assert subject.status.gets_tokens
    (limit,) = subject.status.limits
    assert limit.startswith("Its keys are fetched from https://keys.example/jwks when they are needed: ")


def test_a_workload_of_a_platform_whose_keys_are_fetched_gets_tokens(cast: Cast) -> None:
    cluster = new_cluster(cast, keys_from=KeysFrom.DISCOVERY, jwks=None)
    workload = new_workload(cast)
    new_credential(workload, cluster)
    assert Subject(workload, ask).status.gets_tokens
