"""P6.6, P2.13: what applications in browsers may read."""

import pytest

from tests.support.cast import Cast
from tests.support.wire import TOKEN, Answer, ask, basic, call, events, get

APP = "https://app.example"
DOCUMENTS = (
    "/oidc_m2m/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/oidc_m2m",
    "/oidc_m2m/jwks", "/oidc_m2m/.well-known/jwks.json", "/audit/jwks",
)  # fmt: skip


def preflight(
    target: str, *, origin: str = APP, method: str = "GET", headers: str = "if-none-match"
) -> Answer:
    asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ]
    return call("OPTIONS", target, headers=asked)


def cors_headers(answer: Answer) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("Access-Control-") or name == "Vary"
    }


@pytest.fixture
def listed(cast: Cast) -> Cast:
    """The issuer lets one application in browsers ask for tokens."""
    cast.oidc_m2m.cors_origins = [APP]
    cast.oidc_m2m.checked().save()
    return cast


@pytest.mark.contract("P6.6")
@pytest.mark.parametrize("target", DOCUMENTS)
@pytest.mark.parametrize("headers", [[], [("Origin", APP)], [("Origin", "null")]])
def test_every_origin_may_read_the_public_documents(
    cast: Cast, target: str, headers: list[tuple[str, str]]
) -> None:
    answer = get(target, headers=headers)
    assert answer.status == 200
    assert cors_headers(answer) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag, X-Request-ID",
    }


@pytest.mark.contract("P6.6")
def test_every_origin_may_read_that_a_document_has_not_changed(cast: Cast) -> None:
    etag = get("/oidc_m2m/jwks").headers["ETag"]
    answer = get("/oidc_m2m/jwks", headers=[("Origin", APP), ("If-None-Match", etag)])
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (304, "*")


@pytest.mark.contract("P6.6")
@pytest.mark.parametrize("target", DOCUMENTS)
def test_a_browser_may_ask_for_a_document_with_headers_of_its_own(cast: Cast, target: str) -> None:
    answer = preflight(target, headers="mcp-protocol-version")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "*, Authorization"


@pytest.mark.contract("P2.13")
def test_no_origin_may_read_a_token_unless_it_is_listed(cast: Cast, listed: Cast) -> None:
    refused = (
        "https://evil.example",
        "http://app.example",
        f"{APP}:8443",
        f"{APP}.evil.example",
        "null",
        "*",
        "",
    )
    for origin in refused:
        answer = ask(auth=cast.basic("billing"), headers=[("Origin", origin)])
        assert (answer.status, cors_headers(answer)) == (200, {"Vary": "Origin"})
        assert preflight(TOKEN, origin=origin, method="POST").status == 405
    answer = ask(auth=cast.basic("stranger"), target="/other/token", headers=[("Origin", APP)])
    assert (answer.status, cors_headers(answer)) == (200, {})


@pytest.mark.contract("P2.13")
@pytest.mark.spec("RFC 6454", "7")
def test_a_listed_origin_may_read_a_token_and_a_refusal(listed: Cast) -> None:
    for auth, status in ((listed.basic("billing"), 200), (basic("billing", "wrong"), 401)):
        answer = ask(auth=auth, headers=[("Origin", APP)])
        assert answer.status == status
        assert cors_headers(answer) == {
            "Access-Control-Allow-Origin": APP,
            "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate, X-Request-ID",
            "Vary": "Origin",
        }


@pytest.mark.contract("P2.13", "P1.3")
def test_a_listed_origin_passes_the_preflight_which_asks_for_no_token(listed: Cast) -> None:
    answer = preflight(TOKEN, method="POST", headers="authorization,dpop")
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "*, Authorization"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert events() == []


@pytest.mark.contract("P2.1", "P1.3")
def test_options_without_an_origin_is_a_method_that_the_token_endpoint_does_not_have(listed: Cast) -> None:
    answer = call("OPTIONS", TOKEN)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert len(events()) == 1
