"""P10.21: the page of a request shows its steps and, at the one that refused it, the reason and what mends it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from console.steps.advice import _MENDS
from issuance.outlook.reasons import Reason
from relying_parties.models import ClientSecret, RelyingParty, RequestRule
from tests.console.pages import url
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask, basic, last_event

pytestmark = pytest.mark.contract("P10.21")


def steps_of_last(browser: Client) -> list[Any]:
    answer = browser.get(url(IssuanceEvent, "change", last_event().pk))
    return list(answer.context["steps"])


def failed(browser: Client) -> tuple[str, str, list[str]]:
    """Name of the step that refused, why, and the acts that mend it. Before it all passed, behind it none did."""
    steps = steps_of_last(browser)
    (at,) = [number for number, step in enumerate(steps) if step.state.name == "FAILED"]
    assert {step.state.name for step in steps[:at]} <= {"PASSED"}
    assert {step.state.name for step in steps[at + 1 :]} <= {"LATER"}
    advice = steps[at].advice
    return steps[at].name, advice.why, [act.label for act in advice.acts]


def test_each_reason_has_its_advice() -> None:
    assert set(_MENDS) == set(Reason)


def test_an_issued_request_passed_every_step(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row = last_event()
    notes = {step.name: step.note for step in steps_of_last(auditor) if step.state.name == "PASSED"}
    assert notes["Client proved"] == row.credential
    assert notes["Access"] == f"invoices.read invoices.write at {INVOICES}"
    assert notes["Recorded"] == f"row {row.pk}"
    assert notes["Signed"] == f"RS256 by {row.kid}"
    assert len(notes) == len(steps_of_last(auditor))


def test_a_wrong_secret(cast: Cast, operator: Client) -> None:
    ask(auth=basic("billing", "m2m_" + "A" * 43))
    assert failed(operator) == (
        "Client proved", "The secret is none of those registered.", ["Its secrets", "Generate a secret…"],
    )  # fmt: skip


def test_a_revoked_secret_is_called_by_its_label(cast: Cast, operator: Client) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    secret.revoked_at = timezone.now()
    secret.save()
    ask(auth=cast.basic("billing"))
    step, why, acts = failed(operator)
    assert (step, acts) == ("Client proved", ["Its secrets", "Generate a secret…"])
    assert re.fullmatch(r"The request sent secret .*first.*, which was revoked on [0-9: -]{16} UTC\.", why)


def test_a_secret_with_a_line_end_behind_it(cast: Cast, operator: Client) -> None:
    ask(auth=basic("billing", cast.secrets["billing"] + "\n"))
    step, why, acts = failed(operator)
    assert (step, acts) == ("Client proved", ["Its secrets"])
    assert why.endswith("but for a line end after it: send it without.")


def test_an_unknown_client(cast: Cast, operator: Client) -> None:
    ask(auth=basic("bilking", "x"))
    assert failed(operator) == (
        "Client active", "No client of this issuer is called bilking.", ["Clients", "Add a client…"],
    )  # fmt: skip


def test_a_client_that_was_added_since(cast: Cast, operator: Client) -> None:
    ask(auth=basic("bilking", "x"))
    RelyingParty(issuer=cast.oidc_m2m, client_id="bilking", name="B").checked().save()
    assert failed(operator)[1] == "No client bilking was at this issuer then. There is one now."


def test_a_disabled_client_and_one_that_is_enabled_again(cast: Cast, operator: Client) -> None:
    ask(auth=cast.basic("retired"))
    step, why, acts = failed(operator)
    assert (step, acts) == ("Client active", ["Enable…"])
    assert why.startswith("Disabled by ")
    cast.retired.is_active = True
    cast.retired.save()
    assert failed(operator) == ("Client active", "The client was disabled then. It is enabled now.", [])


def test_who_only_reads_is_led_to_no_act(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("retired"))
    assert failed(auditor)[2] == []
    ask(auth=basic("billing", "wrong"))
    assert failed(auditor)[2] == ["Its secrets"]


def test_a_scope_that_is_not_granted(cast: Cast, operator: Client) -> None:
    ask({"scope": "invoices.delete"}, auth=cast.basic("billing"))
    step, why, acts = failed(operator)
    assert (step, acts) == ("Access", ["Its access"])
    assert "invoices.delete" in why


def test_an_api_that_is_not_granted(cast: Cast, operator: Client) -> None:
    ask({"resource": "https://elsewhere.example"}, auth=cast.basic("billing"))
    assert failed(operator) == (
        "Access",
        "The resource https://elsewhere.example is not granted.",
        ["Its access"],
    )


def test_another_network_now_and_then(cast: Cast, operator: Client) -> None:
    cast.billing.allowed_networks = ["10.20.0.0/16", "2001:db8::/32"]
    cast.billing.save()
    ask(auth=cast.basic("billing"))
    assert failed(operator) == (
        "Network", "192.0.2.7 is outside 10.20.0.0/16, 2001:db8::/32.", ["Allowed networks"],
    )  # fmt: skip
    cast.billing.allowed_networks = []
    cast.billing.save()
    assert failed(operator)[1] == "192.0.2.7 was outside the allowed networks then. It is inside now."


def test_a_quota(cast: Cast, operator: Client) -> None:
    cast.billing.requests_per_minute = 1
    cast.billing.save()
    for _ in range(2):
        ask(auth=cast.basic("billing"))
    assert failed(operator) == ("Quota", "Quota 1 a minute used up.", ["Raise it"])


def test_a_rule(cast: Cast, operator: Client) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod", message="prod!").checked().save()
    ask({"env": "test"}, auth=cast.basic("billing"))
    assert failed(operator) == ("Request rules", "The rule on env is not met.", ["Its rules"])


def test_dates(cast: Cast, operator: Client) -> None:
    cast.billing.valid_until = timezone.now() - timedelta(days=1)
    cast.billing.save()
    ask(auth=cast.basic("billing"))
    assert failed(operator)[0::2] == ("Dates", ["Its dates"])


def test_what_was_not_read(cast: Cast, operator: Client) -> None:
    ask(b"a=%zz")
    assert failed(operator)[0] == "Request read"


def test_a_database_that_was_away_behind_the_proof(cast: Cast, operator: Client) -> None:
    detail = "The database failed: OperationalError."
    IssuanceEvent.objects.create(
        at=timezone.now(), issuer=cast.oidc_m2m.url, client_id="billing", auth_method="client_secret_basic",
        credential="secret:1", outcome="refused", error="temporarily_unavailable", http_status=503, detail=detail,
    )  # fmt: skip
    assert failed(operator) == ("Binding", detail, [])


def test_a_client_that_was_deleted_since_leads_nowhere(cast: Cast, operator: Client) -> None:
    ask({"scope": "invoices.delete"}, auth=cast.basic("billing"))
    cast.billing.delete()
    assert failed(operator)[0::2] == ("Access", [])


@pytest.mark.parametrize(
    ("columns", "step"),
    [
        ({}, "Request read"),
        ({"client_id": "billing"}, "Client active"),
        ({"client_id": "billing", "auth_method": "client_secret_basic"}, "Client proved"),
        ({"credential": "secret:1"}, "Binding"),
        ({"credential": "secret:1", "audience": INVOICES}, "Signing key"),
        ({"outcome": "failed", "jti": "j", "kid": "k"}, "Signed"),
    ],
)
def test_a_refusal_of_another_version_ends_behind_what_it_found_out(
    cast: Cast, operator: Client, columns: dict[str, str], step: str
) -> None:
    row = {"outcome": "refused", "error": "invalid_request", "http_status": 400, "detail": "<b>New.</b>"}
    IssuanceEvent.objects.create(at=timezone.now(), issuer=cast.oidc_m2m.url, **row | columns)
    assert failed(operator)[:2] == (step, "<b>New.</b>")
    page = operator.get(url(IssuanceEvent, "change", last_event().pk)).content.decode()
    assert "<b>New.</b>" not in page
