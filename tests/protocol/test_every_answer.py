"""P1: JSON whatever happens, one row for each request, and an id that joins the two."""

import io
import json
import re
from collections.abc import Callable

import pytest
from django.db import connection

from audit.models import Outcome
from keys import signing
from keys.generation import generate_private_key
from tests.support.cast import Cast
from tests.support.wire import (
    TOKEN,
    Answer,
    ask,
    assert_refused,
    assert_well_formed_refusal,
    call,
    events,
    get,
    last_event,
)

NO_SUCH_URLS = (
    "/nobody/token", "/nobody", "/api/nobody", "/api/nobody/token", "/oidc_m2m/unknown", "/oidc_m2m/token/",
    "/oidc_m2m/token/more", "/oidc_m2m/authorise", "/oidc_m2m/introspect", "/oidc_m2m/TOKEN", "/x/y/z",
    "//oidc_m2m/token", "/oidc_m2m\x00/token", "/oidc_m2m/to\xffken", "/\xed\xa0\x80", "/../oidc_m2m/token", "*",
)  # fmt: skip
NO_SUCH_DOCUMENTS = (
    "/nobody/jwks", "/nobody/.well-known/openid-configuration", "/.well-known/openid-configuration/nobody",
    "/.well-known/oauth-authorization-server/nobody", "/.well-known/openid-configuration",
)  # fmt: skip


@pytest.mark.contract("P1.1", "P2.12")
@pytest.mark.spec("RFC 6749", "5.1")
def test_a_token_is_json_that_nobody_stores(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


@pytest.mark.contract("P1.1", "P1.2", "P1.3", "P6.1")
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("target", NO_SUCH_URLS)
def test_an_unknown_url_is_404_in_json_and_no_row(cast: Cast, method: str, target: str) -> None:
    answer = call(method, target)
    assert (answer.status, answer.json["error"]) == (404, "invalid_request")
    assert_well_formed_refusal(answer)
    assert events() == []


@pytest.mark.contract("P1.1", "P1.3", "P6.1")
@pytest.mark.parametrize("target", NO_SUCH_DOCUMENTS)
def test_an_unknown_issuer_has_no_documents(cast: Cast, target: str) -> None:
    answer = get(target)
    assert (answer.status, answer.json["error"]) == (404, "invalid_request")
    assert_well_formed_refusal(answer)
    assert events() == []


@pytest.mark.contract("P1.1", "P1.3")
def test_a_defect_is_a_500_in_json_with_its_row_and_its_line_in_the_log(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("m2m_this_text_stays_inside")

    monkeypatch.setattr("issuance.views.new_jti", broken)
    answer = ask(auth=cast.basic("billing"))
    assert_refused(answer, 500, "server_error")
    assert b"Zero" not in answer.body
    assert b"inside" not in answer.body
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    (told,) = [line for line in lines if line["event.action"] == "defect"]
    assert (told["http.request.id"], told["log.level"]) == (answer.headers["X-Request-ID"], "error")


@pytest.mark.contract("P1.1", "P1.2")
def test_what_cannot_be_recorded_is_not_issued(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_issuanceevent RENAME TO away")
        try:
            issued, refused = ask(auth=cast.basic("billing")), ask(auth="Basic junk")
        finally:
            cursor.execute("ALTER TABLE away RENAME TO audit_issuanceevent")
    for answer in (issued, refused):
        assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
        assert_well_formed_refusal(answer)
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.contract("P1.1", "P1.3")
def test_a_signature_that_fails_after_the_commit_leaves_two_rows(cast: Cast) -> None:
    unfit = {cast.key.encrypted: generate_private_key("EdDSA")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "_parsed", unfit)
        answer = ask(auth=cast.basic("billing"))
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    issued, failed = events()
    assert (issued.outcome, failed.outcome) == (Outcome.ISSUED, Outcome.FAILED)
    assert issued.request_id == failed.request_id == answer.headers["X-Request-ID"]
    assert issued.jti == failed.jti != ""
    assert failed.http_status == 503


@pytest.mark.contract("P1.3")
def test_each_request_leaves_one_row(cast: Cast) -> None:
    requests: list[Callable[[], Answer]] = [
        lambda: ask(auth=cast.basic("billing")),
        lambda: ask(auth="Basic junk"),
        lambda: ask(b"%zz"),
        lambda: ask(content_type=None),
        lambda: call("GET", TOKEN),
        lambda: call("HEAD", TOKEN),
        lambda: ask(auth=cast.basic("billing"), grant_type="password"),
    ]
    for number, request in enumerate(requests, start=1):
        answer = request()
        assert len(events()) == number
        assert last_event().http_status == answer.status


@pytest.mark.contract("P1.3")
def test_the_row_tells_who_got_what(cast: Cast) -> None:
    answer = ask({"scope": "invoices.read"}, auth=cast.basic("billing"), headers=[("User-Agent", "curl/8")])
    event = last_event()
    told = {
        "issuer": "http://127.0.0.1:8000/oidc_m2m",
        "outcome": "issued",
        "http_status": 200,
        "grant_type": "client_credentials",
        "client_id": "billing",
        "auth_method": "client_secret_basic",
        "credential": f"secret:{cast.billing.secrets.get().pk}",
        "subject": "billing",
        "scope_requested": "invoices.read",
        "scope": "invoices.read",
        "resource_requested": "",
        "audience": "https://invoices.example",
        "jti": answer.claims["jti"],
        "kid": cast.key.kid,
        "alg": "RS256",
        "error": "",
        "ip": "192.0.2.7",
        "user_agent": "curl/8",
        "is_test": False,
    }
    assert {name: getattr(event, name) for name in told} == told
    assert event.expires_at is not None
    assert event.expires_at.timestamp() == answer.claims["exp"]


@pytest.mark.contract("P1.4")
def test_the_request_id_joins_answer_and_row(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"), headers=[("X-Request-ID", "theirs-1")])
    assert answer.headers["X-Request-ID"] == last_event().request_id != "theirs-1"
    assert last_event().caller_request_id == "theirs-1"


@pytest.mark.contract("P1.4")
def test_of_a_callers_id_64_printable_characters_are_kept(cast: Cast) -> None:
    ask(auth=cast.basic("billing"), headers=[("X-Request-ID", "a\x1b[31m\xe9\t" + "b" * 100)])
    kept = last_event().caller_request_id
    assert len(kept) == 64
    assert kept.isascii()
    assert kept.isprintable()


@pytest.mark.contract("P1.4")
def test_every_answer_has_an_id_of_its_own(cast: Cast) -> None:
    targets = ("/oidc_m2m/jwks", "/oidc_m2m/.well-known/openid-configuration", "/nowhere", "/oidc_m2m/token")
    ids = [get(target).headers["X-Request-ID"] for target in targets * 2]
    assert len(set(ids)) == len(ids)


@pytest.mark.contract("P1.2")
@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize(
    "parameter", ["grant_type", "scope", "client_id", "client_secret", "resource", "audience"]
)
def test_a_refusal_reflects_no_input(cast: Cast, parameter: str) -> None:
    marker = "MARKER<script>zq7x"
    by_basic = ask({parameter: marker}, auth=cast.basic("billing"), grant_type=None)
    by_post = ask(
        {**cast.in_body("reports"), "grant_type": "client_credentials", parameter: marker}, grant_type=None
    )
    for answer in (by_basic, by_post):
        assert answer.status in {400, 401}
        assert b"zq7x" not in answer.body
        assert "zq7x" not in str(answer.headers)


@pytest.mark.contract("P1.1")
@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1, */*;q=0", "\xff"])
def test_an_accept_header_changes_nothing(cast: Cast, accept: str) -> None:
    headers = [("Accept", accept)]
    for target in ("/oidc_m2m/jwks", "/oidc_m2m/.well-known/openid-configuration", "/livez", "/x/y/z", "*"):
        assert get(target, headers=headers).without_its_own == get(target).without_its_own
    answer = ask(auth=cast.basic("billing"), headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
