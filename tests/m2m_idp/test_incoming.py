"""m2m_idp/worker/incoming.py: when a request is whole, however its bytes arrive."""

import pytest

from m2m_idp.worker.incoming import MAX_BODY, MAX_HEAD, Incoming

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
WHOLE = {
    "no body": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty line before it": b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body": POST + b"content-LENGTH:  5 \r\n\r\na\r\n\r\n",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n0\r\n\r\n\r\n00\r\n\r\n",
    "chunks and a trailer": POST + b"Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nA: b\r\n\r\n",
}


def incoming(data: bytes) -> Incoming:
    return Incoming(bytearray(data))


@pytest.mark.contract("P1.7")
@pytest.mark.spec("RFC 9112", "6.3")
@pytest.mark.parametrize("request_bytes", WHOLE.values(), ids=WHOLE.keys())
def test_it_is_whole_with_its_last_byte(request_bytes: bytes) -> None:
    arriving = Incoming()
    for at in range(len(request_bytes)):
        assert not arriving.is_whole(), at
        arriving.data += request_bytes[at : at + 1]
    assert arriving.is_whole()
    assert not arriving.is_too_long()
    assert incoming(request_bytes + b"GET / HTTP/1.1\r\n").is_whole()


@pytest.mark.contract("P1.7")
@pytest.mark.parametrize(
    "begun",
    [
        b"a" * (MAX_HEAD + 1),
        POST + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode(),
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (MAX_BODY // 4) * b"1\r\na\r\n",
    ],
)
def test_what_is_too_long_or_malformed_is_not_waited_for(begun: bytes) -> None:
    assert incoming(begun).is_whole()


@pytest.mark.contract("P1.7")
@pytest.mark.spec("RFC 9112", "6.3")
@pytest.mark.parametrize("length", ["9" * 20, "", "-1", "+5", "5 5", "0x5"])
def test_a_length_that_the_parser_may_read_otherwise_ends_the_connection(length: str) -> None:
    """It counts as too long, so nothing behind it is taken for a request."""
    arriving = incoming(POST + f"Content-Length: {length}\r\n\r\n".encode())
    assert arriving.is_whole()
    assert arriving.is_too_long()


@pytest.mark.spec("RFC 9110", "8.6")
def test_a_length_may_begin_with_any_number_of_zeros() -> None:
    arriving = incoming(POST + b"Content-Length: " + b"0" * 30 + b"2\r\n\r\na")
    assert not arriving.is_whole()
    arriving.data += b"b"
    assert arriving.is_whole()
    assert not arriving.is_too_long()


@pytest.mark.contract("P1.7")
@pytest.mark.spec("RFC 9110", "10.1.1")
def test_whether_the_client_waits_for_100_continue() -> None:
    head = b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
    asking, old = incoming(POST + head), incoming(POST.replace(b"1.1", b"1.0") + head)
    assert (asking.is_whole(), old.is_whole()) == (False, False)
    assert (asking.expects_continue, old.expects_continue) == (True, False)
