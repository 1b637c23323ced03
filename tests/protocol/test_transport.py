"""P2.1 to P2.4, P2.8, P2.9: how a token request has to come."""

import io
from urllib.parse import urlencode

import pytest

from tests.support.cast import Cast
from tests.support.wire import FORM, ask, assert_refused, call, last_event

TOKEN_URLS = ("/oidc_m2m/token", "/oidc_m2m", "/api/oidc_m2m", "/api/oidc_m2m/token")


@pytest.mark.contract("P2.1", "P1.2")
@pytest.mark.spec("RFC 6749", "3.2")
@pytest.mark.parametrize("target", TOKEN_URLS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_it_takes_post_only(cast: Cast, method: str, target: str) -> None:
    answer = call(method, target, headers=[("Authorization", cast.basic("billing"))])
    assert answer.headers["Allow"] == "POST"
    assert_refused(answer, 405, "invalid_request")


@pytest.mark.contract("P2.1")
def test_head_is_refused_like_get(cast: Cast) -> None:
    answer = call("HEAD", "/oidc_m2m/token")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert last_event().http_status == 405


@pytest.mark.contract("P2.1")
@pytest.mark.parametrize("target", TOKEN_URLS)
def test_it_stands_at_every_path(cast: Cast, target: str) -> None:
    assert ask(auth=cast.basic("billing"), target=target).status == 200


@pytest.mark.contract("P2.2")
@pytest.mark.spec("RFC 6749", "4.4.2")
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded2",
        "application/x-www-form-urlencoded, text/plain",
        "application/xml",
        "",
        None,
        f"{FORM}; charset=latin-1",
        f"{FORM}; charset*=latin-1",
        f"{FORM}; charset=latin-1=utf-8",
        f"{FORM}; x=" + (257 - len(FORM) - 4) * "x",
    ],
)
def test_it_refuses_another_media_type(cast: Cast, content_type: str | None) -> None:
    answer = ask(auth=cast.basic("billing"), content_type=content_type)
    assert answer.status in {400, 415}
    assert_refused(answer, answer.status, "invalid_request")


@pytest.mark.contract("P2.2")
def test_it_refuses_json(cast: Cast) -> None:
    body = b'{"grant_type": "client_credentials"}'
    answer = ask(body, auth=cast.basic("billing"), content_type="application/json")
    assert answer.status in {400, 415}
    assert_refused(answer, answer.status, "invalid_request")


@pytest.mark.contract("P2.3")
@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        f"{FORM}; charset=UTF-8",
        f"{FORM};charset=utf-8",
        f'{FORM} ; Charset="utf-8"',
        "Application/X-WWW-Form-URLEncoded; CHARSET=Utf-8",
        f"{FORM};",
        f"{FORM}; charset=utf8",
        f"{FORM}; x=" + (256 - len(FORM) - 4) * "x",
    ],
)
def test_it_takes_a_form_however_it_is_written(cast: Cast, content_type: str) -> None:
    assert ask(auth=cast.basic("billing"), content_type=content_type).status == 200


@pytest.mark.contract("P2.4")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize(
    "parameter",
    [
        "grant_type",
        "scope",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "audience",
        "resource",
    ],
)
def test_it_refuses_a_protocol_parameter_in_the_query(cast: Cast, parameter: str) -> None:
    for query in (f"{parameter}=x", f"a=b&{parameter}", f"%{ord(parameter[0]):02x}{parameter[1:]}=x"):
        answer = ask(auth=cast.basic("billing"), target=f"/oidc_m2m/token?{query}")
        assert_refused(answer, 400, "invalid_request")


@pytest.mark.contract("P2.4")
def test_a_secret_in_the_query_is_neither_used_nor_written_down(cast: Cast, log_lines: io.StringIO) -> None:
    secret = cast.secrets["reports"]
    query = urlencode({"grant_type": "client_credentials", **cast.in_body("reports")})
    answer = ask(b"", target=f"/oidc_m2m/token?{query}")
    event = assert_refused(answer, 400, "invalid_request")
    assert secret not in log_lines.getvalue()
    assert all(secret not in str(value) for value in vars(event).values())


@pytest.mark.contract("P2.4")
def test_any_other_query_is_ignored(cast: Cast) -> None:
    for query in ("trace=1&scopes=x", "%ff=1", "a=scope", "scope+=x"):
        assert ask(auth=cast.basic("billing"), target=f"/oidc_m2m/token?{query}").status == 200


@pytest.mark.contract("P2.8")
@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("body", [b"", b"grant_type=", b"scope=invoices.read", b"&&&"])
def test_it_refuses_a_request_without_grant_type(cast: Cast, body: bytes) -> None:
    assert_refused(ask(body, auth=cast.basic("billing")), 400, "invalid_request")


@pytest.mark.contract("P2.8")
def test_an_issuer_may_allow_a_request_without_grant_type(cast: Cast) -> None:
    cast.oidc_m2m.allow_missing_grant_type = True
    cast.oidc_m2m.save()
    answer = ask(cast.in_body("reports"), grant_type=None, target="/api/oidc_m2m")
    assert answer.status == 200
    assert {name: answer.json[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "YourScope",
    }


@pytest.mark.contract("P2.9")
@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "implicit",
        "CLIENT_CREDENTIALS",
        "client_credentials ",
        "client_credentials client_credentials",
        "x" * 1000,
    ],
)
def test_it_refuses_another_grant_type(cast: Cast, grant_type: str) -> None:
    answer = ask(auth=cast.basic("billing"), grant_type=grant_type)
    assert_refused(answer, 400, "unsupported_grant_type")
