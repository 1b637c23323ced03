"""P10.3, P10.4, P10.6, P10.8 as far as the protocol goes: no key, no secret, no code."""

import base64
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.core.exceptions import ValidationError
from django.utils import timezone

from audit.models import Trace
from keys.keyring import KeySnapshot
from keys.signing import private_key_of
from relying_parties.models import ClaimTemplate, RelyingParty, RequestRule
from tests.support.cast import INVOICES, Cast
from tests.support.wire import FORM, Headers, Parameters, ask, basic, call, events, get, last_event

DOCUMENTS = (
    "/oidc_m2m/jwks", "/oidc_m2m/.well-known/openid-configuration", "/other/jwks", "/audit/jwks", "/livez", "/readyz",
    "/oidc_m2m/token", "/oidc_m2m", "/oidc_m2m/keys", "/oidc_m2m/private", "/metrics", "/",
)  # fmt: skip


@pytest.mark.contract("P10.3")
def test_no_answer_holds_a_part_of_a_private_key(cast: Cast) -> None:
    key = private_key_of(KeySnapshot.of(cast.key))
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    secret_parts = [
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=")
        for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    ]
    bodies = [call(method, target).body for target in DOCUMENTS for method in ("GET", "POST")]
    bodies.append(ask(auth=cast.basic("billing")).body)
    assert not any(part in body for part in secret_parts for body in bodies)
    assert not any(b"PRIVATE" in body or cast.key.kek_id.encode() in body for body in bodies)


@pytest.mark.contract("P10.4", "P1.3")
def test_a_token_is_one_json_line_of_log(cast: Cast, log_lines: io.StringIO) -> None:
    answer = ask(auth=cast.basic("billing"))
    (line,) = log_lines.getvalue().splitlines()
    told = json.loads(line)
    assert (told["http.request.id"], told["m2m_idp.jti"]) == (
        answer.headers["X-Request-ID"],
        answer.claims["jti"],
    )
    assert answer.json["access_token"] not in line


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize("where", ["basic id", "basic secret", "client_id", "client_secret", "scope", "resource",
                                   "grant_type", "X-Request-ID", "User-Agent", "X-Forwarded-For"])  # fmt: skip
def test_a_generated_secret_is_written_nowhere(cast: Cast, log_lines: io.StringIO, where: str) -> None:
    secret = cast.secrets["billing"]
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    match where:
        case "basic id":
            ask(auth=basic(secret, "x"))
        case "basic secret":
            ask(auth=basic("billing", secret))
        case "X-Request-ID" | "User-Agent" | "X-Forwarded-For":
            ask(auth=cast.basic("billing"), headers=[(where, f"x {secret} y")])
        case _:
            ask({where: secret}, auth=cast.basic("billing"), grant_type=None)
    (event,) = events()
    stored = [*map(str, vars(event).values()), *(json.dumps(trace.content) for trace in Trace.objects.all())]
    assert not any(secret in text for text in stored)
    assert secret not in log_lines.getvalue()


@pytest.mark.contract("P10.4")
def test_a_trace_masks_every_credential(cast: Cast, log_lines: io.StringIO) -> None:
    cast.reports.trace_until = timezone.now() + timedelta(hours=1)
    cast.reports.save()
    answer = ask({**cast.in_body("reports"), "tenant": "blue", "client_assertion": ""})
    content = json.dumps(Trace.objects.get(event_id=last_event().pk).content)
    assert '"tenant": ["(4 characters)"]' in content
    assert '"***"' in content
    assert answer.claims["jti"] in content
    for secret in (
        cast.secrets["reports"],
        answer.json["access_token"],
        answer.json["access_token"].split(".")[2],
    ):
        assert secret not in content
        assert secret not in log_lines.getvalue()
    assert all(json.loads(line) for line in log_lines.getvalue().splitlines())


HIDDEN = "hunter2-hunter2"


def traced_request(parameters: Parameters, *, auth: str, headers: Headers = ()) -> dict[str, Any]:
    """What the trace of one request holds of it."""
    ask(parameters, auth=auth, headers=headers)
    content = Trace.objects.get(event_id=last_event().pk).content
    assert HIDDEN not in json.dumps(content)
    request: dict[str, Any] = content["request"]
    return request


@pytest.fixture
def traced(cast: Cast) -> RelyingParty:
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    return cast.billing


@pytest.mark.contract("P10.8")
def test_a_trace_shows_of_a_foreign_parameter_its_name_and_length(traced: RelyingParty, cast: Cast) -> None:
    sent = [
        ("scope", "invoices.read"),
        ("resource", INVOICES),
        ("secret", HIDDEN),
        ("api_key", HIDDEN),
        ("api_key", "x"),
    ]
    assert traced_request(sent, auth=cast.basic("billing"))["parameters"] == {
        "grant_type": ["client_credentials"],
        "scope": ["invoices.read"],
        "resource": [INVOICES],
        "secret": ["(15 characters)"],
        "api_key": ["(15 characters)", "(1 characters)"],
    }


@pytest.mark.contract("P10.8")
def test_a_trace_shows_the_parameters_that_a_rule_or_the_template_reads(
    traced: RelyingParty, cast: Cast
) -> None:
    RequestRule(relying_party=traced, parameter="env", regex=".*", message="any").save()
    traced.claim_template = ClaimTemplate.objects.create(
        name="t", claims={"tenant": "${request.param_tenant|none}"}
    )
    traced.save()
    shown = traced_request({"env": "prod", "tenant": "blue", "region": HIDDEN}, auth=cast.basic("billing"))
    assert [shown["parameters"][name] for name in ("env", "tenant", "region")] == [
        ["prod"],
        ["blue"],
        ["(15 characters)"],
    ]


@pytest.mark.contract("P10.8")
def test_a_trace_shows_of_a_foreign_header_its_name_and_length(traced: RelyingParty, cast: Cast) -> None:
    headers = [
        ("X-Api-Key", HIDDEN),
        ("DPoP", HIDDEN),
        ("Cookie", f"a={HIDDEN}"),
        ("User-Agent", "till/1"),
        ("Accept", ""),
    ]
    shown = traced_request({}, auth=cast.basic("billing"), headers=headers)["headers"]
    assert shown == {
        "host": "127.0.0.1:8000",
        "user-agent": "till/1",
        "content-type": FORM,
        "content-length": "29",
        "x-api-key": "(15 characters)",
        "authorization": "***",
        "dpop": "***",
        "cookie": "***",
    }


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "text",
    ["${7*7}", "${client.__class__}", "${client.secrets}", "${client}", "${}", "${client.name", "${CLIENT.name}",
     "${settings.SECRET_KEY}", "${globals.__dict__}x${", "${request.client_secret}", "${request.param_client_secret}",
     "${request.param_client_assertion}", "${issuer.pk}", "${client.name|x}", "${${globals.region}}"],
)  # fmt: skip
def test_a_template_that_reaches_for_more_is_refused(cast: Cast, text: str) -> None:
    for part in ("claims", "headers"):
        with pytest.raises(ValidationError):
            ClaimTemplate(name="x", **{part: {"x": text}}).full_clean()


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}",
        "{% debug %}",
        "%(client_id)s",
        "%s",
        "{0.__class__}",
        "#{7*7}",
        "<%= 7*7 %>",
        "$(id)",
        "`id`",
        "$7",
    ],
)
def test_another_languages_template_is_literal_text(cast: Cast, text: str) -> None:
    claims_of(cast, {"x": text})
    assert ask(auth=cast.basic("billing")).claims["x"] == text


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "sent", ["${globals.region}", "${client.client_id}", "{{7*7}}", '","admin":true,"x":"']
)
def test_what_a_request_sends_is_text_and_nothing_more(cast: Cast, sent: str) -> None:
    claims_of(cast, {"x": "${request.param_x}", "y": "<${request.param_x}>"})
    claims = ask({"x": sent}, auth=cast.basic("billing")).claims
    assert (claims["x"], claims["y"]) == (sent, f"<{sent}>")
    assert "admin" not in claims


@pytest.mark.contract("P10.6", "P5.1")
@pytest.mark.parametrize("name", ["iat", "exp", "nbf", "jti", "client_id", "scope", "cnf"])
def test_a_template_cannot_set_what_the_issuer_says(cast: Cast, name: str) -> None:
    with pytest.raises(ValidationError):
        ClaimTemplate(name="x", claims={name: 1}).full_clean()


@pytest.mark.contract("P10.6", "P5.1")
@pytest.mark.parametrize("name", ["alg", "kid", "crit", "jwk", "jku", "x5u", "b64"])
def test_a_template_cannot_set_how_a_token_is_verified(cast: Cast, name: str) -> None:
    with pytest.raises(ValidationError):
        ClaimTemplate(name="x", headers={name: "x"}).full_clean()


@pytest.mark.contract("P10.3")
def test_readiness_tells_no_key(cast: Cast) -> None:
    answer = get("/readyz")
    assert answer.headers["Content-Type"] == "application/json"
    assert cast.key.kid.encode() not in answer.body


def claims_of(cast: Cast, claims: dict[str, Any]) -> None:
    template = ClaimTemplate(name="x", claims=claims)
    template.checked().save()
    cast.billing.claim_template = template
    cast.billing.save()
