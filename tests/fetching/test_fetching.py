"""What is fetched, from whom, and what is refused: all of it over TLS, from servers on loopback."""

import gzip
import io
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from runtime.outbound.fetching import MAX_BODY, FetchError, fetch_json
from tests.fetching.certificates import Authority
from tests.fetching.conftest import HOSTS
from tests.fetching.site import Answer, Site, full_listener, head, plain, sends, serves, site, trickles, waits
from tests.support.server import free_port

pytestmark = pytest.mark.contract("P7.8")

Names = Callable[..., list[str]]
SOON = 0.4
"""Seconds that a test has for a server that would never end."""


def refusal(url: str, *, seconds: float = 5) -> str:
    with pytest.raises(FetchError) as caught:
        fetch_json(url, ends_at=time.monotonic() + seconds)
    return str(caught.value)


def padded(size: int) -> bytes:
    """A JSON object of so many bytes."""
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def chunked(*chunks: bytes) -> Answer:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return sends(head(Transfer_Encoding="chunked"), body, b"0\r\n\r\n")


def test_it_fetches_a_json_object(server: Site) -> None:
    server.answer = serves({"keys": []})
    assert fetch_json(server.url("/keys/jwks?v=1&w=%20")) == {"keys": []}
    first, *headers = server.requests[0].rstrip().splitlines()
    assert first == "GET /keys/jwks?v=1&w=%20 HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity", "Accept: application/json", f"Host: 127.0.0.1:{server.port}",
        "User-Agent: m2m-idp",
    ]  # fmt: skip


def test_a_path_is_not_needed(server: Site) -> None:
    assert fetch_json(server.url("")) == fetch_json(server.url("?a=b")) == {}
    assert [request.split()[1] for request in server.requests] == ["/", "/?a=b"]


def test_it_fetches_by_name_and_over_ipv6(trusted: None, authority: Authority) -> None:
    with site(authority.issue(*HOSTS), "::1") as server:
        assert fetch_json(server.url()) == {}
        assert f"Host: [::1]:{server.port}\r\n" in server.requests[0]


@pytest.mark.parametrize("chunks", [[b"{}"], [b"{", b"}"], [b'{"a":', b" " * 70_000, b"1}"]])
def test_it_reads_chunks(server: Site, chunks: list[bytes]) -> None:
    server.answer = chunked(*chunks)
    assert isinstance(fetch_json(server.url()), dict)


def test_it_reads_to_the_end_of_a_connection(server: Site) -> None:
    server.answer = sends(head(Connection="close"), b'{"a": 1}')
    assert fetch_json(server.url()) == {"a": 1}


# Who answers


def test_an_authority_that_is_not_trusted_is_refused(
    server: Site, settings: Settings, tmp_path: Path
) -> None:
    settings.FETCH_CA_FILE = str(Authority.new(tmp_path, "another").bundle)
    assert "is not trusted (unable to get local issuer certificate)" in refusal(server.url())
    settings.FETCH_CA_FILE = ""
    assert "FETCH_CA_FILE" in refusal(server.url())
    assert server.requests == []


@pytest.mark.parametrize("hosts", [["other.example"], ["127.0.0.2"], ["*.0.0.1"]])
def test_a_certificate_of_another_host_is_refused(
    trusted: None, authority: Authority, hosts: list[str]
) -> None:
    with site(authority.issue(*hosts)) as server:
        assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in refusal(server.url())
        assert server.requests == []


def test_a_name_must_stand_in_the_certificate(trusted: None, authority: Authority, names: Names) -> None:
    names("keys.example", ["127.0.0.1"])
    with site(authority.issue(*HOSTS)) as server:
        assert "Hostname mismatch" in refusal(server.url(host="keys.example"))
        assert server.requests == []


def test_an_expired_certificate_is_refused(trusted: None, authority: Authority) -> None:
    with site(authority.issue(*HOSTS, until=timezone.now() - timedelta(minutes=1))) as server:
        assert "certificate has expired" in refusal(server.url())
        assert server.requests == []


def test_a_bundle_that_went_away_is_named(server: Site, settings: Settings, tmp_path: Path) -> None:
    settings.FETCH_CA_FILE = str(tmp_path / "gone.pem")
    assert refusal(server.url()).startswith("FETCH_CA_FILE cannot be read any more")


# What is answered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Site, status: int) -> None:
    server.answer = serves({}, status, Location=server.url("/elsewhere"))
    assert f"answered {status}, and redirects are not followed" in refusal(server.url())
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 404, 500, 503])
def test_only_200_is_an_answer(server: Site, status: int) -> None:
    server.answer = serves({"keys": []}, status)
    assert f"/jwks answered {status}" in refusal(server.url("/jwks?token=secret"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "lines",
    [b"no header\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"X: y\r\n folded\r\n"],
)
def test_an_odd_head_brings_no_query_into_the_log(server: Site, lines: bytes, log_lines: io.StringIO) -> None:
    server.answer = sends(b"HTTP/1.1 500 Sorry\r\n", lines, b"\r\n")
    assert "answered 500" in refusal(server.url("/jwks?token=secret"))
    assert log_lines.getvalue() == ""


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b'{"a": 1}}', b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b"{'a': 1}",
     b'\xef\xbb\xbf{}', b'{"a": "\xff"}', '{"a": 1}'.encode("utf-16"), b'{"a": %b}' % (b"9" * 5_000),
     b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000],
    ids=lambda body: body[:12],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused(server: Site, body: bytes) -> None:
    server.answer = serves(body)
    assert "answered no JSON" in refusal(server.url())


@pytest.mark.parametrize(
    "body", [b'{"%b": 1, "%b": 2}' % (2 * (b"a" * 100_000,)), b"[1%b.0]" % (b"0" * 100_000)]
)
def test_a_refusal_quotes_little_of_what_was_answered(server: Site, body: bytes) -> None:
    server.answer = serves(body)
    assert len(refusal(server.url())) < 400


@pytest.mark.parametrize("body", [b"[]", b'[{"keys": []}]', b'"keys"', b"1", b"null", b"true"])
def test_json_that_is_no_object_is_refused(server: Site, body: bytes) -> None:
    server.answer = serves(body)
    assert "answered JSON that is not an object" in refusal(server.url())


def test_a_member_that_stands_twice_is_found_in_time(server: Site) -> None:
    body = b"{" + b",".join(b'"%x":1' % number for number in range(90_000)) + b',"%x":1}' % 89_999
    assert len(body) < MAX_BODY
    server.answer = serves(body)
    began = time.process_time()
    assert "'15f8f' is repeated" in refusal(server.url())
    assert time.process_time() - began < 5


# How much


def framings(body: bytes) -> dict[str, Answer]:
    return {
        "length": serves(body),
        "end": sends(head(), body),
        "chunk": chunked(body),
        "chunks": chunked(*(body[at : at + 10_000] for at in range(0, len(body), 10_000))),
    }


@pytest.mark.parametrize("framing", framings(b""))
def test_it_reads_one_mebibyte_and_no_more(server: Site, framing: str) -> None:
    server.answer = framings(padded(MAX_BODY))[framing]
    assert len(fetch_json(server.url())["a"]) == MAX_BODY - 8
    server.answer = framings(padded(MAX_BODY + 1))[framing]
    assert "answered more than 1 MiB" in refusal(server.url())


@pytest.mark.parametrize("size", [b"-1", b"-5", b"7fffffffffffffff", b"f" * 40])
def test_a_chunk_is_not_read_by_the_size_that_it_claims(server: Site, size: bytes) -> None:
    server.answer = trickles(
        head(Transfer_Encoding="chunked"), size + b"\r\n", b"x" * 2 * MAX_BODY, endless=b"x" * 65_536
    )
    assert "answered more than 1 MiB" in refusal(server.url())


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "gzip, gzip", "identity, gzip"])
def test_a_content_coding_is_refused_unread(server: Site, coding: str) -> None:
    bomb = gzip.compress(b" " * 64 * MAX_BODY)
    server.answer = serves(bomb, Content_Encoding=coding)
    assert "answered in a content coding" in refusal(server.url())


def test_a_coding_of_the_transfer_is_not_undone(server: Site) -> None:
    server.answer = sends(head(Transfer_Encoding="gzip"), gzip.compress(b"{}"))
    assert "answered no JSON" in refusal(server.url())


# How long


@pytest.mark.parametrize(
    "answer",
    [waits,
     trickles(endless=b"H"),
     trickles(b"HTTP/1.1 200 OK\r\n", endless=b"X"),
     trickles(b"HTTP/1.1 200 OK\r\n", endless=b"X: y\r\n"),
     trickles(endless=b"HTTP/1.1 100 Continue\r\n\r\n"),
     trickles(head(), b"{}", endless=b" "),
     trickles(head(Content_Length=1_000), b"{}", endless=b" "),
     trickles(head(Transfer_Encoding="chunked"), endless=b"1\r\n \r\n"),
     trickles(head(Transfer_Encoding="chunked"), b"2\r\n{}\r\n0\r\n", endless=b"X: y\r\n")],
    ids=["silence", "status", "header", "headers", "continue", "body", "length", "chunks", "trailers"],
)  # fmt: skip
def test_a_server_that_never_ends_is_left_in_time(server: Site, answer: Answer) -> None:
    server.answer = answer
    began = time.monotonic()
    said = refusal(server.url(), seconds=SOON)
    assert time.monotonic() - began < SOON + 2
    assert len(server.requests) == 1
    assert "did not answer within 5 seconds" in said


@pytest.mark.slow
def test_a_server_has_five_seconds(server: Site) -> None:
    server.answer = waits
    began = time.monotonic()
    with pytest.raises(FetchError, match="did not answer within 5 seconds"):
        fetch_json(server.url())
    assert 5 <= time.monotonic() - began < 7


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x03\x40\x00"], ids=["silence", "handshake"])
def test_a_handshake_that_never_ends_is_left_in_time(trusted: None, said: bytes) -> None:
    with plain(trickles(said, endless=b"\x02") if said else waits) as port:
        began = time.monotonic()
        said_then = refusal(f"https://127.0.0.1:{port}/", seconds=SOON)
        assert time.monotonic() - began < SOON + 2
    assert "did not answer within 5 seconds" in said_then


def test_a_connection_that_is_not_taken_is_left_in_time(trusted: None) -> None:
    with full_listener("127.0.0.1", 0) as port:
        began = time.monotonic()
        said = refusal(f"https://127.0.0.1:{port}/", seconds=SOON)
        assert SOON <= time.monotonic() - began < SOON + 2
    assert "did not answer within 5 seconds" in said


def test_a_name_server_that_never_answers_is_left_in_time(
    trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) and [])
    said = refusal("https://keys.example/", seconds=SOON)
    answered.set()
    assert "did not answer within 5 seconds" in said


def test_time_that_is_over_is_not_spent(server: Site) -> None:
    assert "did not answer within 5 seconds" in refusal(server.url(), seconds=-1)
    assert server.requests == []


# Servers that break off


@pytest.mark.parametrize(
    "answer",
    [sends(b""), sends(b"HTTP/1.1 2"), sends(b"HTTP/1.1 200 OK\r\nConte"), sends(head(Content_Length=9), b"{}"),
     sends(head(Transfer_Encoding="chunked"), b"2\r\n{}\r\n"), sends(head(Transfer_Encoding="chunked"), b"9\r\n{}"),
     sends(head(Transfer_Encoding="chunked"), b"x\r\n{}\r\n0\r\n\r\n"), sends(head(), b'{"keys": ['),
     sends(b"SSH-2.0-OpenSSH\r\n"), sends(b"HTTP/1.1 200 OK\r\n" + 200 * b"X: y\r\n" + b"\r\n{}"),
     sends(b"HTTP/1.1 200 OK\r\nX: " + 70_000 * b"y" + b"\r\n\r\n{}"), sends(b"HTTP/1.1 abc OK\r\n\r\n{}"),],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_refused(server: Site, answer: Answer) -> None:
    server.answer = answer
    assert re.search("proper HTTP|no JSON|cannot be reached", refusal(server.url()))
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [sends(b""), sends(head(), b"{}"), sends(b"220 mail\r\n")])
def test_a_server_without_tls_is_refused(trusted: None, answer: Answer) -> None:
    with plain(answer) as port:
        assert "cannot be reached" in refusal(f"https://127.0.0.1:{port}/")


def test_nobody_there_is_reported(trusted: None) -> None:
    assert "cannot be reached ([Errno 111] Connection refused)" in refusal(
        f"https://127.0.0.1:{free_port()}/"
    )


def test_a_name_without_an_address_is_reported(trusted: None) -> None:
    assert "The name keys.invalid has no address" in refusal("https://keys.invalid/")


# Names


def test_a_name_is_looked_up_once_and_the_checked_address_is_taken(server: Site, names: Names) -> None:
    looked_up = names("idp.example", ["127.0.0.1"], ["127.0.0.9"])
    assert fetch_json(server.url(host="IDP.example")) == {}
    assert looked_up == ["idp.example"]
    assert f"Host: idp.example:{server.port}\r\n" in server.requests[0]


def test_each_address_is_tried(server: Site, names: Names) -> None:
    names("idp.example", ["::1", "127.0.0.3", "127.0.0.1"])
    assert fetch_json(server.url(host="idp.example")) == {}


@pytest.mark.slow
def test_an_address_that_does_not_answer_leaves_time_for_the_next(server: Site, names: Names) -> None:
    names("idp.example", ["127.0.0.3", "127.0.0.1"])
    with full_listener("127.0.0.3", server.port):
        assert fetch_json(server.url(host="idp.example"), ends_at=time.monotonic() + 2) == {}


@pytest.mark.parametrize("addresses", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
def test_one_forbidden_address_refuses_them_all(
    server: Site, names: Names, settings: Settings, connects: list[Any], addresses: list[str]
) -> None:
    settings.FETCH_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    names("idp.example", addresses)
    said = refusal(server.url(host="idp.example"))
    assert "idp.example has the address 127.0.0.2, which is not public" in said
    assert "FETCH_ALLOWED_NETWORKS" in said
    assert connects == []
