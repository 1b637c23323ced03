"""P8.1: tls_client_auth, by a certificate of one of the issuer's authorities (RFC 8705 section 2.1)."""

import pytest
from pytest_django import Settings

from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from tests.protocol.certificates import (
    DN,
    TLS_CLIENT_AUTH,
    ask_with,
    assert_proven,
    assert_refused_for,
    new_certified,
    thumbprint,
)
from tests.support.authority import CLIENT, Authority, Issued
from tests.support.cast import Cast
from tests.support.wire import assert_refused, last_event

NAMES = [
    ("tls_client_auth_subject_dn", DN),
    ("tls_client_auth_san_dns", "billing.example"),
    ("tls_client_auth_san_uri", "spiffe://example.com/ns/prod/sa/billing"),
    ("tls_client_auth_san_ip", "2001:db8::7"),
    ("tls_client_auth_san_email", "billing@example.com"),
]
ALL_NAMES = (
    "subjectAltName=DNS:other.example,DNS:Billing.example,URI:https://other.example,"
    "URI:spiffe://example.com/ns/prod/sa/billing,IP:192.0.2.1,IP:2001:db8:0::7,email:other@example.com,"
    "email:billing@EXAMPLE.com"
)
OTHER_NAMES = (
    "subjectAltName=DNS:*.example,DNS:billing.example.com,URI:spiffe://example.com/ns/prod/sa/Billing,"
    "URI:https://billing.example,IP:2001:db8::8,email:Billing@example.com"
)

pytestmark = pytest.mark.usefixtures("behind_a_proxy")


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Issued:
    return authority.issue("named", CLIENT, ALL_NAMES)


def refused(reason: str) -> str:
    return f"The client certificate is refused. {reason}"


@pytest.mark.contract("P8.1", "P8.2")
@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(("field", "name"), NAMES)
def test_a_certificate_proves_the_client_by_the_name_that_is_registered(
    cast: Cast, authority: Authority, certificate: Issued, field: str, name: str
) -> None:
    certified = new_certified(cast, authority, **{field: name})
    assert_proven(ask_with(certificate), certified, certificate)


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(("field", "name"), NAMES[1:])
def test_a_certificate_without_the_name_that_is_registered_is_refused(
    cast: Cast, authority: Authority, field: str, name: str
) -> None:
    new_certified(cast, authority, **{field: name})
    for number, extensions in enumerate([(CLIENT, OTHER_NAMES), (CLIENT,)]):
        issued = authority.issue(f"unnamed-{number}", *extensions, subject=f"/CN={name.replace('/', ' ')}")
        why = assert_refused(ask_with(issued), 401, "invalid_client").detail
        assert why.startswith(refused("The certificate of CN="))
        assert why.endswith(f" {name}.")
        assert " has not the registered " in why


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(
    "subject",
    [
        "/CN=billing/OU=Money/O=Acme, Inc./C=SE",
        "/C=SE/O=Acme, Inc./OU=Money/CN=Billing",
        "/C=SE/O=Acme, Inc./OU=Money/CN=billing2",
        "/C=SE/O=Acme, Inc./OU=Money",
        "/C=SE/O=Acme, Inc./OU=Money/CN=billing/CN=billing",
        "/C=SE/O=Acme, Inc./OU=Money+CN=billing",
        "/C=SE/O=Acme, Inc./CN=Money/OU=billing",
        "/C=SE/O=Acme, Inc./OU=Money/CN= billing",
    ],
)
def test_another_subject_is_refused(cast: Cast, authority: Authority, subject: str) -> None:
    new_certified(cast, authority)
    issued = authority.issue("another", CLIENT, subject=subject)
    why = assert_refused(ask_with(issued), 401, "invalid_client").detail
    assert why.startswith(refused("The certificate of "))
    assert why.endswith(f" has not the registered subject {DN}.")


FAULTS = {
    "expired": ((CLIENT,), {"at": "2020-01-01"}, "The certificate expired at 2020-01-21 00:00:00 UTC: replace it."),
    "not yet": ((CLIENT,), {"at": "2035-01-01"}, "The certificate is valid from 2035-01-01 00:00:00 UTC only."),
    "a short key": (
        (CLIENT,),
        {"key": "rsa:1024"},
        "The certificate's key is not accepted. An RSA key has 2048 to 8192 bits; this one has 1024.",
    ),
    "version 1": ((), {}, "certificate must be an X509v3 certificate"),
    "no usage": (("subjectAltName=DNS:a.example",), {}, "it has no extended key usage, which must be clientAuth"),
    "for servers": (("extendedKeyUsage=serverAuth",), {}, "the extended key usage is not clientAuth"),
    "for anything": (("extendedKeyUsage=anyExtendedKeyUsage",), {}, "the extended key usage is not clientAuth"),
    "of a CA": (
        (CLIENT, "basicConstraints=critical,CA:TRUE"),
        {},
        "it is the certificate of a CA, not of a client",
    ),
    "unknown and critical": (
        (CLIENT, "1.2.3.4.5=critical,ASN1:NULL"),
        {},
        "invalid extension: 1.2.3.4.5: certificate contains unaccounted-for critical extensions",
    ),
}  # fmt: skip


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.1")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_certificate_with_one_fault_is_refused(cast: Cast, authority: Authority, fault: str) -> None:
    new_certified(cast, authority)
    extensions, made, reason = FAULTS[fault]
    issued = authority.issue(f"fault-{fault.replace(' ', '-')}", *extensions, **made)
    found = (
        reason
        if reason.startswith("The ")
        else f"The certificate does not lead to a CA of the issuer: {reason}."
    )
    assert_refused_for(ask_with(issued), refused(found))
    assert last_event().auth_method == TLS_CLIENT_AUTH


@pytest.mark.contract("P8.1")
def test_another_authority_gives_the_name_to_no_avail(
    cast: Cast, authority: Authority, stranger_authority: Authority
) -> None:
    new_certified(cast, authority)
    reason = refused(
        "The certificate does not lead to a CA of the issuer: "
        "its issuer CN=strangers,O=Acme is not among them, and no intermediate was sent with it."
    )
    issued = stranger_authority.issue("of-strangers", CLIENT)
    assert_refused_for(ask_with(issued), reason)
    assert (
        "does not lead to a CA"
        in assert_refused(ask_with(issued, stranger_authority.own), 401, "invalid_client").detail
    )


@pytest.mark.contract("P8.1")
def test_the_authority_of_another_issuer_does_not_count(
    cast: Cast, authority: Authority, stranger_authority: Authority
) -> None:
    new_certified(cast, authority)
    Issuer.objects.filter(pk=cast.other.pk).update(client_ca_certificates=stranger_authority.own.pem)
    issued = stranger_authority.issue("of-the-other", CLIENT)
    assert_refused(ask_with(issued), 401, "invalid_client")


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 5280", "6.1")
def test_an_intermediate_comes_along_or_is_an_authority_itself(
    cast: Cast, authority: Authority, sub_authority: Authority
) -> None:
    certified = new_certified(cast, authority)
    issued = sub_authority.issue("below", CLIENT)
    assert_refused_for(
        ask_with(issued),
        refused(
            "The certificate does not lead to a CA of the issuer: "
            "its issuer CN=sub,O=Acme is not among them, and no intermediate was sent with it."
        ),
    )
    assert_proven(ask_with(issued, sub_authority.own), certified, issued)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(client_ca_certificates=sub_authority.own.pem)
    assert_proven(ask_with(issued), certified, issued)


@pytest.mark.contract("P8.1")
def test_an_issuer_that_lost_its_authorities_refuses(
    cast: Cast, authority: Authority, certificate: Issued
) -> None:
    new_certified(cast, authority)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(client_ca_certificates="")
    assert_refused_for(
        ask_with(certificate),
        refused(
            "The issuer has no client CA certificates: add those of the authority that issued this certificate."
        ),
    )


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2")
@pytest.mark.parametrize(
    ("client_id", "reason"),
    [
        ("", "No authentication was sent but a client certificate, which needs client_id beside it."),
        ("nobody", "No such client at this issuer."),
        ("stranger", "No such client at this issuer."),
        ("CERTIFIED", "No such client at this issuer."),
        ("retired", "The client is not active."),
    ],
)
def test_the_client_must_be_named(
    cast: Cast, authority: Authority, certificate: Issued, client_id: str, reason: str
) -> None:
    new_certified(cast, authority)
    assert_refused_for(ask_with(certificate, client_id=client_id), reason)


@pytest.mark.contract("P8.1", "P3.11")
def test_a_client_that_was_disabled_and_a_method_that_was_turned_off(
    cast: Cast, authority: Authority, certificate: Issued
) -> None:
    certified = new_certified(cast, authority)
    certified.is_active = False
    certified.save()
    assert_refused_for(ask_with(certificate), "The client is not active.")
    certified.is_active = True
    certified.save()
    assert_proven(ask_with(certificate), certified, certificate)
    methods = [TokenEndpointAuthMethod.CLIENT_SECRET_BASIC, "self_signed_tls_client_auth"]
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=methods)
    assert_refused_for(ask_with(certificate), "The method tls_client_auth is off at this issuer.")


@pytest.mark.contract("P3.1")
@pytest.mark.parametrize("blank", [{}, {"client_secret": ""}, {"client_assertion": ""}])
def test_its_id_alone_proves_no_client_of_a_certificate(
    cast: Cast, authority: Authority, blank: dict[str, str]
) -> None:
    new_certified(cast, authority)
    answer = ask_with(None, parameters=blank)
    assert_refused_for(answer, "No authentication was sent, and no client certificate came with the request.")
    assert last_event().client_id == "certified"


@pytest.mark.contract("P1.3", "P8.2")
def test_a_request_that_is_refused_later_tells_who_asked_and_to_what_it_was_bound(
    cast: Cast, authority: Authority, certificate: Issued
) -> None:
    certified = new_certified(cast, authority)
    event = assert_refused(ask_with(certificate, parameters={"scope": "unknown"}), 400, "invalid_scope")
    assert event.credential == f"certificate:{certified.pk}:{thumbprint(certificate)}"
    assert event.confirmation == f"x5t#S256:{thumbprint(certificate)}"


@pytest.mark.contract("P8.1", "P3.10")
def test_a_certificate_that_is_refused_is_no_guess(
    cast: Cast, authority: Authority, certificate: Issued, stranger_authority: Authority, settings: Settings
) -> None:
    settings.AUTH_FAILURES_PER_MINUTE = 2
    certified = new_certified(cast, authority, tls_client_auth_san_dns="billing.example")
    strange = stranger_authority.issue("no-guess", CLIENT, ALL_NAMES)
    for _ in range(4):
        assert_refused(ask_with(strange), 401, "invalid_client")
    assert_proven(ask_with(certificate), certified, certificate)


@pytest.mark.contract("P8.1")
def test_a_registered_name_that_cannot_be_read_proves_nobody(
    cast: Cast, authority: Authority, certificate: Issued
) -> None:
    certified = new_certified(cast, authority)
    RelyingParty.objects.filter(pk=certified.pk).update(tls_client_auth_subject_dn="no name")
    event = assert_refused(ask_with(certificate), 401, "invalid_client")
    assert "No subject name is registered that could be compared." in event.detail
