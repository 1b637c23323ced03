"""P2.10, P2.11, P10.4: whatever the bytes, a well-formed answer, one row and one line of log, in bounded time."""

import gzip
import io
import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cast import Cast
from tests.support.wire import FORM, Answer, ask, assert_well_formed_refusal, basic, events, get, raw_basic

POISONS = {
    "NUL": b"%00",
    "raw NUL": b"\x00",
    "CR LF": b"%0D%0Alevel=error",
    "raw CR LF": b"\r\nX: y",
    "bad UTF-8": b"%ff%fe",
    "raw bad UTF-8": b"\xff\xfe",
    "overlong": b"%c0%af",
    "lone surrogate": b"%ED%A0%80",
    "bad escape": b"%zz",
    "cut escape": b"%4",
    "override": b"%E2%80%AE",
    "escape sequence": b"%1b[31m",
    "quote": b'%22%5C"',
    "line separator": b"%E2%80%A8",
    "beyond the plane": b"%F4%8F%BF%BF",
    "formula": b"=cmd|' /C calc'!A0",
}
PARAMETERS = (
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "resource",
    "audience",
    "client_assertion",
    "tenant",
)
BAD_ENCODINGS = {"bad UTF-8", "raw bad UTF-8", "overlong", "lone surrogate", "bad escape", "cut escape"}


def assert_answered_once(answer: Answer, log_lines: io.StringIO) -> None:
    """One answer, one row and one line of log."""
    assert answer.status in {200, 400, 401, 413, 415}
    if answer.status != 200:
        assert_well_formed_refusal(answer)
    (event,) = events()
    assert event.http_status == answer.status
    (line,) = log_lines.getvalue().splitlines()
    assert json.loads(line)["http.request.id"] == event.request_id
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.contract("P2.10", "P1.1", "P10.4")
@pytest.mark.spec("RFC 6749", "appendix B")
@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_value(cast: Cast, log_lines: io.StringIO, parameter: str, poison: str) -> None:
    good = {"grant_type": b"client_credentials"}
    good |= {name: value.encode() for name, value in cast.in_body("reports").items()}
    good[parameter] = good.get(parameter, b"") + POISONS[poison]
    answer = ask(b"&".join(name.encode() + b"=" + value for name, value in good.items()))
    assert_answered_once(answer, log_lines)
    assert answer.status == 200 or 400 <= answer.status < 500
    if poison in BAD_ENCODINGS:
        assert answer.status == 400
    if parameter == "tenant" and poison not in BAD_ENCODINGS:
        assert answer.status == 200


@pytest.mark.contract("P2.10", "P10.4")
@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_name(cast: Cast, log_lines: io.StringIO, poison: str) -> None:
    answer = ask(b"grant_type=client_credentials&a" + POISONS[poison] + b"=b", auth=cast.basic("billing"))
    assert_answered_once(answer, log_lines)
    assert answer.status == (400 if poison in BAD_ENCODINGS else 200)


@pytest.mark.contract("P2.10", "P3.5", "P10.4")
@pytest.mark.parametrize("poison", POISONS)
@pytest.mark.parametrize("where", ["id", "secret"])
def test_poisoned_basic_credentials(cast: Cast, log_lines: io.StringIO, where: str, poison: str) -> None:
    client_id, secret = b"billing", cast.secrets["billing"].encode()
    if where == "id":
        client_id += POISONS[poison]
    else:
        secret += POISONS[poison]
    answer = ask(auth=raw_basic(client_id + b":" + secret))
    assert_answered_once(answer, log_lines)
    assert answer.status in {400, 401}


@pytest.mark.contract("P2.10", "P10.4")
@pytest.mark.parametrize(
    "header", ["User-Agent", "X-Request-ID", "X-Forwarded-For", "Accept", "Cookie", "Host", "Origin"]
)
@pytest.mark.parametrize(
    "value", ["\x00", "a\x1b[0m", "\xff\xfe", "\xe2\x80\xae", '"\\', "m2m_" + 43 * "A", 8000 * "x"]
)
def test_a_poisoned_header(cast: Cast, log_lines: io.StringIO, header: str, value: str) -> None:
    answer = ask(auth=cast.basic("billing"), headers=[(header, value)])
    assert_answered_once(answer, log_lines)
    assert answer.status == 200
    assert 20 * "A" not in log_lines.getvalue()


@pytest.mark.slow
@pytest.mark.contract("P2.10", "P1.1", "P1.3")
@given(body=st.binary(max_size=300), auth=st.none() | st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_bytes_are_answered_and_recorded(cast: Cast, body: bytes, auth: str | None) -> None:
    before = len(events())
    answer = ask(body, auth=auth)
    assert answer.status in {400, 401}
    assert_well_formed_refusal(answer)
    assert len(events()) == before + 1


@pytest.mark.slow
@pytest.mark.contract("P2.10", "P1.1")
@given(
    fields=st.lists(
        st.tuples(st.sampled_from([*PARAMETERS, "client_assertion_type", "x"]), st.text(max_size=20)),
        max_size=6,
    )
)
def test_any_form_beside_good_credentials_is_answered(cast: Cast, fields: list[tuple[str, str]]) -> None:
    encodable = [(name, value.encode(errors="replace").decode()) for name, value in fields]
    answer = ask(encodable, auth=cast.basic("billing"))
    assert answer.status in {200, 400, 401}


@pytest.mark.contract("P2.10")
@given(credentials=st.binary(max_size=80))
def test_any_basic_credentials_are_refused(cast: Cast, credentials: bytes) -> None:
    assert ask(auth=raw_basic(credentials)).status in {400, 401}


LARGE = {
    "client_id of 64 kB": b"client_id=" + 65_536 * b"a",
    "client_id of 60 kB": b"client_id=" + 60_000 * b"a",
    "10,001 fields": b"&".join(b"a=b" for _ in range(10_001)),
    "10,001 names": b"&".join(b"a%d=b" % number for number in range(10_001)),
    "10,001 scopes": b"scope=" + b"+".join(b"s%d" % number for number in range(10_001)),
    "10 MB": b"scope=" + 10_000_000 * b"a",
    "10 MB of &": 10_000_000 * b"&",
}


@pytest.mark.contract("P2.11", "P1.1")
@pytest.mark.parametrize("size", LARGE)
def test_a_large_body_costs_little(cast: Cast, log_lines: io.StringIO, size: str) -> None:
    ask(auth=cast.basic("billing"))
    log_lines.truncate(0)
    log_lines.seek(0)
    body = b"grant_type=client_credentials&" + LARGE[size]
    tracemalloc.start()
    started = time.perf_counter()
    answer = ask(body, auth=cast.basic("billing"))
    seconds, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 400 <= answer.status < 500
    assert_well_formed_refusal(answer)
    assert seconds < 1
    assert peak < 3_000_000
    assert len(log_lines.getvalue()) < 10_000


@pytest.mark.contract("P2.11", "P2.2")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x", "GZIP", "identity, gzip"])
def test_it_refuses_a_content_coding(cast: Cast, coding: str) -> None:
    body = gzip.compress(b"grant_type=client_credentials")
    answer = ask(body, auth=cast.basic("billing"), headers=[("Content-Encoding", coding)])
    assert answer.status in {400, 415}
    assert_well_formed_refusal(answer)


@pytest.mark.contract("P2.11")
@pytest.mark.parametrize(
    "charset", ["utf-16", "klingon", "utf-7", "latin-1", 'utf-8"; charset="utf-16', 8000 * "x", ""]
)
def test_it_refuses_another_charset(cast: Cast, charset: str) -> None:
    answer = ask(auth=cast.basic("billing"), content_type=f"{FORM}; charset={charset}")
    assert answer.status in {400, 415}
    assert_well_formed_refusal(answer)


@pytest.mark.contract("P2.11")
@pytest.mark.spec("RFC 2231", "4")
def test_a_charset_whose_name_has_a_nul_in_it_breaks_nothing(cast: Cast) -> None:
    content_type = f"{FORM}; charset*=utf-8''%00"
    answer = ask(auth=cast.basic("billing"), content_type=content_type)
    assert answer.status in {400, 415}
    assert_well_formed_refusal(answer)
    assert get("/oidc_m2m/jwks", headers=[("Content-Type", content_type)]).status == 200


@pytest.mark.contract("P2.11")
def test_it_refuses_a_content_type_of_semicolons_at_once(cast: Cast) -> None:
    started = time.perf_counter()
    answer = ask(auth=cast.basic("billing"), content_type=FORM + 8_000 * ";")
    assert answer.status in {400, 415}
    assert time.perf_counter() - started < 0.5


@pytest.mark.contract("P2.11")
@pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999", "1e3", " 5", "", "0x10"])
def test_a_nonsensical_content_length_is_no_defect(cast: Cast, length: str) -> None:
    answer = ask(auth=cast.basic("billing"), headers=[("Content-Length", length)])
    assert 400 <= answer.status < 500
    assert_well_formed_refusal(answer)


@pytest.mark.contract("P2.11")
def test_a_long_secret_is_refused_like_a_wrong_one(cast: Cast) -> None:
    wrong = ask(auth=basic("billing", "wrong"))
    assert ask(auth=basic("billing", 6000 * "x")).without_its_own == wrong.without_its_own
