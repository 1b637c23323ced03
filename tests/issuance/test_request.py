"""runtime/proxies.py, request_body.py, grants.py: whose request it is, its bytes, and which text is a resource."""

import io
import ipaddress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from gunicorn.http.errors import ParseException
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from issuance.health.views import may_know
from issuance.tokens.grants import is_absolute_uri, refuse_other_network, refuse_outside_validity
from issuance.wire.errors import ContentTooLarge, InvalidRequest, UnauthorizedClient, UnsupportedMediaType
from issuance.wire.request_body import read_body
from issuance.wire.token_request import MAX_BODY_BYTES, MAX_FIELDS, decoded_fields
from relying_parties.snapshots import snapshot_of
from runtime.proxies import believed, is_trusted
from tests.support.cast import Cast

EDGE, INNER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.9"


@pytest.fixture(autouse=True)
def _proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


def believe(peer: str, forwarded_for: str = "", proto: str = "") -> tuple[str, str]:
    return believed(
        {
            "REMOTE_ADDR": peer,
            "wsgi.url_scheme": "http",
            "HTTP_X_FORWARDED_FOR": forwarded_for,
            "HTTP_X_FORWARDED_PROTO": proto,
        }
    )


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (EDGE, CLIENT, CLIENT),
        (EDGE, f"6.6.6.6, {CLIENT}", CLIENT),
        (EDGE, f"{EDGE}, {INNER}, {CLIENT}", CLIENT),
        (INNER, f"{CLIENT}, {EDGE}", CLIENT),
        (INNER, f"6.6.6.6,{CLIENT} , {EDGE}", CLIENT),
        (EDGE, INNER, INNER),
        (EDGE, f"{INNER}, {INNER}", INNER),
        (CLIENT, "6.6.6.6", CLIENT),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        (EDGE, f"{CLIENT}, ::ffff:10.0.0.2", CLIENT),
        ("::ffff:203.0.113.9", "6.6.6.6", "::ffff:203.0.113.9"),
        ("fe80::1%eth0", CLIENT, "fe80::1%eth0"),
        ("", CLIENT, ""),
        ("unix:", CLIENT, "unix:"),
    ],
)  # fmt: skip
def test_only_what_a_trusted_proxy_said_is_believed(peer: str, forwarded_for: str, address: str) -> None:
    assert believe(peer, forwarded_for)[0] == address


@pytest.mark.parametrize(
    "junk",
    [
        "unknown",
        "_hidden",
        "203.0.113.9:1234",
        "[2001:db8::7]",
        "203.0.113",
        "0x7f.1",
        "127.1",
        "é",
        "\x00",
        "-",
    ],
)
def test_a_hop_that_is_no_address_ends_the_chain(junk: str) -> None:
    assert believe(EDGE, junk)[0] == EDGE
    assert believe(EDGE, f"{CLIENT}, {junk}")[0] == EDGE
    assert believe(INNER, f"6.6.6.6, {junk}, {EDGE}")[0] == EDGE


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proto", "scheme"),
    [
        (EDGE, CLIENT, "https", "https"),
        (EDGE, CLIENT, "HTTPS", "https"),
        (EDGE, CLIENT, "", "http"),
        (EDGE, CLIENT, "ftp", "http"),
        (EDGE, "", "https", "http"),
        (CLIENT, "6.6.6.6", "https", "http"),
        (INNER, f"{CLIENT}, {EDGE}", "https", "https"),
        (INNER, f"{CLIENT}, {EDGE}", "https, http", "https"),
        (INNER, f"{CLIENT}, {EDGE}", "http, https", "http"),
        (EDGE, f"6.6.6.6, {CLIENT}", "https, http", "http"),
    ],
)
def test_the_scheme_is_the_outermost_trusted_proxys_word(
    peer: str, forwarded_for: str, proto: str, scheme: str
) -> None:
    assert believe(peer, forwarded_for, proto)[1] == scheme


@given(st.text(), st.text())
def test_no_header_changes_who_an_untrusted_peer_is(forwarded_for: str, proto: str) -> None:
    assert believe(CLIENT, forwarded_for, proto) == (CLIENT, "http")


def test_without_trusted_proxies_nobody_is_trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ()
    assert not is_trusted(EDGE)
    assert not is_trusted("127.0.0.1")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "192.0.2.9", "::ffff:192.0.2.9"]
)
def test_loopback_and_operations_networks_get_reasons(settings: Settings, address: str) -> None:
    settings.OPERATIONS_NETWORKS = (ipaddress.ip_network("192.0.2.0/24"),)
    assert may_know(address)
    for other in ("192.0.3.9", "::ffff:192.0.3.9", "2001:db8::1", "", "unix:", "localhost"):
        assert not may_know(other)


def networks_of(cast: Cast, *networks: str, address: str) -> None:
    cast.billing.allowed_networks = list(networks)
    refuse_other_network(snapshot_of(cast.billing), address=address)


@pytest.mark.parametrize("address", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"])
def test_a_client_may_ask_from_its_networks(cast: Cast, address: str) -> None:
    networks_of(cast, "192.0.2.0/24", "2001:db8::/32", address=address)
    networks_of(cast, address="anywhere")


@pytest.mark.parametrize(
    "address", ["192.0.3.1", "::ffff:192.0.3.1", "::c000:201", "2001:db9::1", "", "unix:", "192.0.2.1:80"]
)
def test_a_client_may_not_ask_from_elsewhere(cast: Cast, address: str) -> None:
    with pytest.raises(UnauthorizedClient):
        networks_of(cast, "192.0.2.0/24", "2001:db8::/32", address=address)


def body(sent: bytes, **environ: Any) -> bytes:
    return read_body({"wsgi.input": io.BytesIO(sent)} | environ)


def test_a_body_is_read_as_long_as_it_says() -> None:
    assert body(b"a=b&c=d", CONTENT_LENGTH="3") == b"a=b"
    assert body(b"", CONTENT_LENGTH="0") == b""
    assert body(b"a=b", CONTENT_LENGTH="0" * 5000 + "3") == b"a=b"
    assert body(b"x" * MAX_BODY_BYTES, CONTENT_LENGTH=str(MAX_BODY_BYTES)) == b"x" * MAX_BODY_BYTES


def test_a_body_in_chunks_is_read_to_its_end() -> None:
    assert body(b"a=b", **{"wsgi.input_terminated": True}) == b"a=b"
    assert len(body(b"x" * MAX_BODY_BYTES, **{"wsgi.input_terminated": True})) == MAX_BODY_BYTES


@pytest.mark.parametrize("length", ["", None, "abc", "-1", "+3", "3.0", "٣", "1_0"])
def test_without_a_length_nothing_is_waited_for(length: str | None) -> None:
    assert body(b"a=b", CONTENT_LENGTH=length) == b""


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 30, "9" * 5000])
def test_a_body_that_says_it_is_too_long_is_not_read(length: str) -> None:
    with pytest.raises(ContentTooLarge):
        read_body({"wsgi.input": None, "CONTENT_LENGTH": length})


def test_a_body_in_chunks_that_is_too_long_is_read_no_further() -> None:
    stream = io.BytesIO(b"x" * (MAX_BODY_BYTES * 2))
    with pytest.raises(ContentTooLarge):
        read_body({"wsgi.input": stream, "wsgi.input_terminated": True})
    assert stream.tell() == MAX_BODY_BYTES + 1


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="ended after 3 of 4 bytes"):
        body(b"a=b", CONTENT_LENGTH="4")


class Broken(io.RawIOBase):
    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def read(self, _size: int = -1) -> bytes:
        raise self.failure


@pytest.mark.parametrize("failure", [ConnectionResetError(), ParseException("bad chunk size")])
def test_a_body_that_the_server_cannot_read_is_refused(failure: Exception) -> None:
    with pytest.raises(InvalidRequest, match="broke off"):
        read_body({"wsgi.input": Broken(failure), "wsgi.input_terminated": True})


def test_a_name_ends_at_the_first_equals_sign() -> None:
    assert decoded_fields(b"a=b=c&d") == [("a", "b=c"), ("d", "")]


def test_a_client_is_valid_from_the_first_instant_until_the_last(cast: Cast) -> None:
    now = timezone.now()
    cast.billing.valid_from, cast.billing.valid_until = now, now + timedelta(seconds=1)
    client = snapshot_of(cast.billing)
    refuse_outside_validity(client, now=now)
    for outside in (now - timedelta(microseconds=1), now + timedelta(seconds=1)):
        with pytest.raises(UnauthorizedClient):
            refuse_outside_validity(client, now=outside)


def test_empty_parameters_count_too() -> None:
    fields = decoded_fields(b"&" * (MAX_FIELDS - 1) + b"a=b")
    assert fields == [("a", "b")]
    with pytest.raises(InvalidRequest, match="more than 200"):
        decoded_fields(b"&" * MAX_FIELDS + b"a=b")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_a_content_coding_is_refused_unread(coding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_body({"wsgi.input": None, "CONTENT_LENGTH": "4", "HTTP_CONTENT_ENCODING": coding})
    assert body(b"a=b", CONTENT_LENGTH="3", HTTP_CONTENT_ENCODING="Identity") == b"a=b"


@pytest.mark.spec("RFC 8707", "2")
@pytest.mark.parametrize(
    "text",
    ["https://api.example", "https://api.example/a?b=c", "urn:example:api", "mailto:a@b", "a+b-c.1:x", "x:/"],
)
def test_it_knows_an_absolute_uri(text: str) -> None:
    assert is_absolute_uri(text)


@pytest.mark.spec("RFC 8707", "2")
@pytest.mark.parametrize(
    "text",
    ["", "your_application", "/path", "//host/path", "?q", "https:", "https://", "https://a#b", "https://a#", "urn:a#",
     "1x:a", ":a", "https://[::1", "é:a"],
)  # fmt: skip
def test_it_knows_what_is_none(text: str) -> None:
    assert not is_absolute_uri(text)
