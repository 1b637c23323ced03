"""issuance/client_auth: from where a client certificate is believed, and how each header is read."""

import base64
import hashlib
import ipaddress
from typing import Any

import pytest
from pytest_django import Settings

from issuance.client_auth.peer_certificate import peer_certificate
from issuance.wire.certificate_headers import CERTIFICATE_HEADERS, MAX_HEADER_LENGTH, PeerCertificate
from issuance.wire.errors import InvalidRequest
from runtime.proxies import PEER, ForwardedMiddleware
from tests.support.authority import Authority, Issued
from tests.support.certificate_headers import FORMS, Headers, encoded, escaped, header, xfcc

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


@pytest.fixture
def _trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)


def environ(headers: Headers, peer: str = PROXY) -> dict[str, Any]:
    """As gunicorn makes it: values of one name joined by commas."""
    sent: dict[str, str] = {}
    for name, value in headers:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        sent[key] = f"{sent[key]},{value}" if key in sent else value
    return {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", **sent}


def refusal(headers: Headers) -> str:
    with pytest.raises(InvalidRequest) as caught:
        peer_certificate(environ(headers))
    return caught.value.detail


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("form", FORMS)
def test_a_trusted_proxys_configured_header_is_believed(
    settings: Settings, client: Issued, form: str
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    assert peer_certificate(environ([header(form, client)])) == PeerCertificate(der=client.der)
    assert peer_certificate(environ([])) is None


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("configured", ["", *FORMS])
@pytest.mark.parametrize("form", FORMS)
def test_of_the_four_headers_the_configured_one_is_read(
    settings: Settings, client: Issued, configured: str, form: str
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = configured
    assert (peer_certificate(environ([header(form, client)])) is not None) is (form == configured)


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("form", FORMS)
def test_from_any_other_peer_every_header_is_ignored(settings: Settings, client: Issued, form: str) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    every = [header(each, client) for each in FORMS]
    pretence = [("X-Forwarded-For", PROXY), ("M2m-Idp.Peer", PROXY), ("M2m-Idp-Peer", PROXY)]
    assert peer_certificate(environ([*every, *pretence], peer=STRANGER)) is None
    assert peer_certificate(environ([("Client-Cert", "junk")], peer=STRANGER)) is None


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.parametrize("form", FORMS)
def test_without_trusted_proxies_every_header_is_ignored(
    settings: Settings, client: Issued, form: str
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    for peer in (PROXY, STRANGER, "127.0.0.1", "::1", ""):
        assert peer_certificate(environ([header(form, client)], peer=peer)) is None


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.usefixtures("_trusted")
def test_the_peer_counts_and_not_whom_the_request_was_forwarded_for(
    settings: Settings, client: Issued
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "rfc9440"
    believed: list[PeerCertificate | None] = []

    def view(request: Any) -> Any:
        believed.append(peer_certificate(request.META))

    class Request:
        META: dict[str, Any]

    for peer, forwarded_for in ((PROXY, STRANGER), (STRANGER, PROXY)):
        request = Request()
        headers = [header("rfc9440", client), ("X-Forwarded-For", forwarded_for)]
        request.META = environ(headers, peer=peer)
        ForwardedMiddleware(view)(request)  # type: ignore[arg-type]
        assert (request.META["REMOTE_ADDR"], request.META[PEER]) == (STRANGER, peer)
    assert believed == [PeerCertificate(der=client.der), None]


@pytest.mark.contract("P8.2")
@pytest.mark.spec("RFC 8705", "3.1")
def test_the_thumbprint_is_the_sha256_in_base64url(client: Issued) -> None:
    digest = hashlib.sha256(client.der).digest()
    thumbprint = PeerCertificate(der=client.der).thumbprint
    assert (len(thumbprint), "=" in thumbprint) == (43, False)
    assert base64.urlsafe_b64decode(thumbprint + "=") == digest


@pytest.mark.contract("P8.2")
@pytest.mark.spec("RFC 9440", "2.3")
@pytest.mark.usefixtures("_trusted")
def test_a_chain_comes_in_a_header_of_its_own(
    settings: Settings, indirect_client: Issued, sub_authority: Authority, authority: Authority
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "rfc9440"
    first, second = (f":{encoded(each.own)}:" for each in (sub_authority, authority))
    whole = PeerCertificate(indirect_client.der, (sub_authority.own.der, authority.own.der))
    own = header("rfc9440", indirect_client)
    assert peer_certificate(environ([own, ("Client-Cert-Chain", f"{first}, \t{second}")])) == whole
    assert (
        peer_certificate(environ([own, ("Client-Cert-Chain", first), ("Client-Cert-Chain", second)])) == whole
    )
    assert peer_certificate(environ([own, ("Client-Cert-Chain", "")])) == PeerCertificate(indirect_client.der)
    assert "without Client-Cert" in refusal([("Client-Cert-Chain", first)])
    assert "Client-Cert-Chain is not base64 between colons" in refusal(
        [own, ("Client-Cert-Chain", first + ",")]
    )
    assert "Client-Cert-Chain holds no certificate" in refusal([own, ("Client-Cert-Chain", ":AAAA:")])
    ten = peer_certificate(environ([own, ("Client-Cert-Chain", ",".join(10 * [first]))]))
    assert ten == PeerCertificate(indirect_client.der, 10 * (sub_authority.own.der,))
    assert "more than 10" in refusal([own, ("Client-Cert-Chain", ",".join(11 * [first]))])


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
def test_of_many_elements_the_nearest_proxys_counts(
    settings: Settings, client: Issued, stranger: Issued, indirect_client: Issued, sub_authority: Authority
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "envoy"
    name = "X-Forwarded-Client-Cert"

    def read(*values: str) -> PeerCertificate | None:
        return peer_certificate(environ([(name, value) for value in values]))

    assert read(f"{xfcc(stranger)},{xfcc(client)}") == PeerCertificate(client.der)
    assert read(xfcc(stranger), xfcc(client)) == PeerCertificate(client.der)
    tricky = 'Subject="CN=a\\",Cert=\\"x,O=\\\\";URI=;DNS=a.example;DNS=b.example'
    assert read(f"{xfcc(stranger)}, {xfcc(client, tricky)}") == PeerCertificate(client.der)
    assert read(f"cert={escaped(client)}") == PeerCertificate(client.der)
    chain = f'Chain="{escaped(indirect_client, sub_authority.own)}"'
    assert read(xfcc(indirect_client, chain)) == PeerCertificate(
        indirect_client.der, (sub_authority.own.der,)
    )
    ten = f'Chain="{escaped(indirect_client, *10 * [sub_authority.own])}"'
    assert read(xfcc(indirect_client, ten)) == PeerCertificate(
        indirect_client.der, 10 * (sub_authority.own.der,)
    )
    eleven = f'Chain="{escaped(indirect_client, *11 * [sub_authority.own])}"'
    assert f"{name} holds 12 certificates; 11 may be there" in refusal([(name, xfcc(client, eleven))])
    assert f"{name} holds no certificate" in refusal([(name, xfcc(client, 'Chain="junk"'))])
    assert "has no Cert" in refusal([(name, f"{xfcc(client)},By=spiffe://mesh/next;Hash=00")])


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("form", "value", "why"),
    [
        ("rfc9440", "MAA=", "not base64 between colons"),
        ("rfc9440", ":MA A=:", "not base64 between colons"),
        ("rfc9440", "::", "holds no certificate"),
        ("rfc9440", ":MAA=:", "holds no certificate"),
        ("rfc9440", ":MAA=:;a=1", "not base64 between colons"),
        ("rfc9440", "\xe9", "not base64 between colons"),
        ("nginx", "junk", "holds no certificate"),
        ("nginx", "%zz%", "holds no certificate"),
        ("nginx", "\xe9", "holds no certificate"),
        ("haproxy", "MAA=", "holds no certificate"),
        ("haproxy", "-----", "holds no certificate"),
        ("haproxy", "\xe9", "holds no certificate"),
        ("envoy", "junk", "malformed after 0"),
        ("envoy", 'Cert="x', "malformed after 0"),
        ("envoy", "Cert=x;", "malformed after 7"),
        ("envoy", 'Cert="x"y', "malformed after 0"),
        ("envoy", 'Cert="x"', "holds no certificate"),
        ("envoy", 'Cert="x";Cert="y"', "two of Cert"),
        ("envoy", 'Chain="x";Chain="y"', "two of Chain"),
        ("envoy", "\xe9", "malformed after 0"),
    ],
)
def test_a_malformed_header_refuses_the_request(
    settings: Settings, form: str, value: str, why: str, client: Issued
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    name = header(form, client)[0]
    detail = refusal([(name, value)])
    assert name in detail
    assert why in detail
    assert value not in detail


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
def test_a_certificate_with_anything_else_in_it_refuses_the_request(
    settings: Settings, client: Issued
) -> None:
    der = encoded(client)
    for form, name, value in (
        ("haproxy", "X-SSL-Client-DER", f"{der[:8]}-{der[8:]}"),
        ("haproxy", "X-SSL-Client-DER", f"{der[:8]} {der[8:]}"),
        ("rfc9440", "Client-Cert", f"\xa0:{der}:"),
    ):
        settings.CLIENT_CERTIFICATE_HEADER = form
        assert name in refusal([(name, value)])


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("form", ["rfc9440", "nginx", "haproxy"])
def test_a_header_that_stands_twice_refuses_the_request(
    settings: Settings, client: Issued, stranger: Issued, form: str
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    assert "twice" in refusal([header(form, stranger), header(form, client)])
    assert "twice" in refusal([header(form, client), header(form, client)])


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
def test_a_header_with_more_than_one_certificate_refuses_the_request(
    settings: Settings, client: Issued, stranger: Issued
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "nginx"
    assert "holds 2 certificates" in refusal([("X-SSL-Client-Cert", escaped(client, stranger))])


@pytest.mark.contract("P8.2")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("form", FORMS)
def test_a_long_header_refuses_the_request(settings: Settings, client: Issued, form: str) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = form
    name, value = header(form, client)
    assert "more than 16384 bytes" in refusal([(name, value + MAX_HEADER_LENGTH * "A")])


def test_every_form_is_tested() -> None:
    assert set(FORMS) == set(CERTIFICATE_HEADERS)
