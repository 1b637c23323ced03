"""P10.8: a trace is the whole road of a request: what was asked, what each step found out, what came of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Trace
from keys import signing
from keys.generation import generate_private_key
from relying_parties.models import RelyingParty
from tests.support.cast import Cast
from tests.support.wire import FORM, TOKEN, ask, assert_refused, last_event


@pytest.fixture
def traced(cast: Cast) -> RelyingParty:
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    return cast.billing


def content() -> dict[str, object]:
    return dict(Trace.objects.get(event_id=last_event().pk).content)


@pytest.mark.contract("P10.8")
def test_the_trace_of_a_token_names_each_step_in_its_order(cast: Cast, traced: RelyingParty) -> None:
    answer = ask({"scope": "invoices.read"}, auth=cast.basic("billing"))
    event = last_event()
    assert content() == {
        "request": {
            "method": "POST",
            "path": TOKEN,
            "headers": {
                "host": "127.0.0.1:8000",
                "content-type": FORM,
                "content-length": "49",
                "authorization": "***",
            },
            "parameters": {"grant_type": ["client_credentials"], "scope": ["invoices.read"]},
        },
        "steps": [
            ["parse", {"grant_type": "client_credentials", "scope_requested": "invoices.read"}],
            ["identify", {"client_id": "billing", "auth_method": "client_secret_basic"}],
            ["authenticate", {"credential": f"secret:{traced.secrets.get().pk}"}],
            ["bind", {"token_type": "Bearer"}],
            ["authorize", {"scope": "invoices.read", "audience": answer.claims["aud"]}],
            [
                "claims",
                {
                    "subject": "billing",
                    "jti": answer.claims["jti"],
                    "kid": answer.header["kid"],
                    "alg": "RS256",
                    "expires_at": event.expires_at.isoformat() if event.expires_at else "",
                },
            ],
        ],
        "header": answer.header,
        "claims": answer.claims,
    }


@pytest.mark.contract("P10.8")
def test_the_trace_of_a_refusal_ends_where_it_was_refused(cast: Cast, traced: RelyingParty) -> None:
    event = assert_refused(ask({"scope": "unknown"}, auth=cast.basic("billing")), 400, "invalid_scope")
    steps = content()["steps"]
    assert isinstance(steps, list)
    assert [step for step, _ in steps] == ["parse", "identify", "authenticate", "bind", "refuse"]
    assert steps[-1] == ["refuse", {"error": "invalid_scope", "detail": event.detail}]


@pytest.mark.contract("P10.8", "P1.3")
def test_the_trace_of_a_token_that_could_not_be_signed_ends_with_the_failure(
    cast: Cast, traced: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "_parsed", {cast.key.encrypted: generate_private_key("EdDSA")})
    assert ask(auth=cast.basic("billing")).status == 503
    steps = content()["steps"]
    assert isinstance(steps, list)
    assert [step for step, _ in steps][-2:] == ["claims", "fail"]
