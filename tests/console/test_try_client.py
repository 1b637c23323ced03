"""P10.20: an operator gets a real token as a client, which lives a minute at most and is recorded as a test."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import IssuanceEvent, Trace
from issuers.models import TokenEndpointAuthMethod
from keys.models import SigningKey
from relying_parties.models import RelyingParty, RequestRule
from tests.console.pages import url
from tests.support.cast import INVOICES, RABBITMQ, YOUR_APPLICATION, Cast
from tests.support.failing import refusing
from tests.support.verifying import verified_twice
from tests.support.wire import ask, events, get, last_event

TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
REGISTERED: dict[str, dict[str, str]] = {
    TokenEndpointAuthMethod.PRIVATE_KEY_JWT: {"client_jwks_uri": "https://keys.example/jwks"},
    TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: {"client_jwks_uri": "https://keys.example/jwks"},
    TokenEndpointAuthMethod.TLS_CLIENT_AUTH: {"tls_client_auth_san_dns": "billing.example"},
}
EVERYTHING = {"resource": "", "scope": []}

pytestmark = pytest.mark.contract("P10.20")


def page_of(relying_party: RelyingParty) -> str:
    return reverse("admin:try_client", args=[relying_party.pk])


def tried(browser: Client, relying_party: RelyingParty, **asked: object) -> Any:
    return browser.post(page_of(relying_party), EVERYTHING | asked)


def words_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def token_in(answer: Any) -> str:
    found = set(TOKEN.findall(answer.content.decode()))
    assert len(found) == 1
    (token,) = found
    return str(token)


def claims_in(answer: Any) -> dict[str, object]:
    """Verified by what strangers have: the served JWKS."""
    return verified_twice(token_in(answer), jwks=get("/oidc_m2m/jwks").body, alg="RS256")


def steps_in(answer: Any) -> list[tuple[str, str]]:
    return [(step.name, step.state.name) for step in answer.context["trial"].steps]


def failed_in(answer: Any) -> tuple[str, str, list[str]]:
    """The one step that failed: its name, why, and the labels of what mends it."""
    (failed,) = [step for step in answer.context["trial"].steps if step.advice]
    later = [name for name, state in steps_in(answer) if state == "LATER"]
    assert [name for name, _ in steps_in(answer)][-len(later) - 1 :][1:] == later
    return failed.name, failed.advice.why, [act.label for act in failed.advice.acts]


def test_a_tried_token_verifies_by_the_jwks_and_lives_a_minute(cast: Cast, operator: Client) -> None:
    claims = claims_in(tried(operator, cast.billing))
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (cast.oidc_m2m.url, INVOICES, "billing")
    assert claims["scope"] == "invoices.read invoices.write"
    assert claims["exp"] - claims["iat"] == 60  # type: ignore[operator]


def test_a_client_whose_tokens_live_less_than_a_minute_keeps_its_own_lifetime(
    cast: Cast, operator: Client
) -> None:
    cast.billing.access_token_ttl = 7
    cast.billing.save()
    claims = claims_in(tried(operator, cast.billing))
    assert claims["exp"] - claims["iat"] == 7  # type: ignore[operator]


def test_its_row_says_that_it_was_a_test_and_whose(cast: Cast, operator: Client) -> None:
    claims = claims_in(tried(operator, cast.billing))
    row = last_event()
    assert (row.outcome, row.is_test, row.actor, row.client_id) == ("issued", True, "olga", "billing")
    assert (row.jti, row.kid, row.ip, row.credential) == (claims["jti"], cast.key.kid, "127.0.0.1", "")
    assert (row.grant_type, row.audience) == ("client_credentials", INVOICES)
    assert len(events()) == 1


def test_the_page_shows_every_step_passed_and_every_check_good(cast: Cast, operator: Client) -> None:
    answer = tried(operator, cast.billing)
    assert [name for name, _ in steps_in(answer)] == [
        "Request read", "Client active", "Client proved", "Binding", "Access", "Network", "Dates", "Request rules",
        "Signing key", "Claims", "Quota", "Recorded", "Signed",
    ]  # fmt: skip
    assert {state for _, state in steps_in(answer)} == {"PASSED"}
    page = words_of(answer)
    assert "taken as proven, for olga" in page
    assert f"invoices.read invoices.write at {INVOICES}" in page
    assert f"row {last_event().pk}" in page
    checks = answer.context["trial"].verified.checks
    assert [(check.name, check.is_good) for check in checks] == [
        (name, True) for name in ("key", "signature", "typ", "iss", "aud", "exp")
    ]


def test_the_token_is_masked_and_revealed_without_a_script(cast: Cast, operator: Client) -> None:
    answer = tried(operator, cast.billing)
    token, page = token_in(answer), answer.content.decode()
    before, _, after = page.partition(token)
    assert before.rfind("<details") > before.rfind("</details>")
    assert f"{token[:12]}…" in before
    assert "</details>" in after


def test_what_is_asked_for_is_what_it_gets(cast: Cast, operator: Client) -> None:
    claims = claims_in(tried(operator, cast.billing, resource=YOUR_APPLICATION, scope=["invoices.read"]))
    assert (claims["aud"], claims["scope"]) == (YOUR_APPLICATION, "invoices.read")


def test_what_is_granted_is_offered(cast: Cast, operator: Client) -> None:
    fields = operator.get(page_of(cast.billing)).context["form"].fields
    assert [value for value, _ in fields["resource"].choices] == ["", INVOICES, RABBITMQ, YOUR_APPLICATION]
    assert [value for value, _ in fields["scope"].choices] == [
        "invoices.read", "invoices.write", "rabbitmq.read:*/*",
    ]  # fmt: skip


def test_many_scopes_are_typed(cast: Cast, operator: Client) -> None:
    many = [f"scope.{number}" for number in range(61)]
    cast.invoices.scopes += many
    cast.invoices.save()
    grant = cast.billing.grants.get(is_default=True)
    grant.scopes = many
    grant.save()
    claims = claims_in(tried(operator, cast.billing, scope="scope.7 scope.60"))
    assert claims["scope"] == "scope.60 scope.7"


def test_what_is_not_offered_is_not_asked(cast: Cast, operator: Client) -> None:
    answer = tried(operator, cast.billing, resource="https://elsewhere.example")
    assert "Select a valid choice" in answer.content.decode()
    assert events() == []


@pytest.mark.parametrize("method", list(TokenEndpointAuthMethod))
def test_it_works_whatever_the_method(cast: Cast, operator: Client, method: TokenEndpointAuthMethod) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = list(TokenEndpointAuthMethod.values)
    cast.oidc_m2m.save()
    changed = {"token_endpoint_auth_method": method} | REGISTERED.get(method, {})
    RelyingParty.objects.filter(pk=cast.billing.pk).update(**changed)
    assert claims_in(tried(operator, cast.billing))["client_id"] == "billing"


def test_a_token_that_must_be_bound_is_bound_to_what_nobody_holds(cast: Cast, operator: Client) -> None:
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.save()
    cast.billing.dpop_bound_access_tokens = True
    cast.billing.tls_client_certificate_bound_access_tokens = True
    cast.billing.save()
    first, second = (claims_in(tried(operator, cast.billing))["cnf"] for _ in range(2))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert {name: len(thumbprint) for name, thumbprint in first.items()} == {"x5t#S256": 43, "jkt": 43}
    assert not set(first.values()) & set(second.values())


def test_where_dpop_is_off_a_client_that_must_send_it_gets_none(cast: Cast, operator: Client) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(dpop_bound_access_tokens=True)
    step, why, acts = failed_in(tried(operator, cast.billing))
    assert (step, acts) == ("Binding", ["Issuer", "DPoP"])
    assert why == "The client requires DPoP, which is off at this issuer: turn on accepts_dpop."


def test_a_disabled_client_gets_none_and_the_page_says_who_disabled_it(cast: Cast, operator: Client) -> None:
    operator.post(url(RelyingParty, "disable", cast.billing.pk), disabling(operator, cast.billing))
    answer = tried(operator, cast.billing)
    step, why, acts = failed_in(answer)
    assert (step, acts) == ("Client active", ["Enable…"])
    assert re.fullmatch(r"Disabled by olga on [0-9-]{10} [0-9:]{5} UTC \(leak\)\.", why)
    assert url(RelyingParty, "enable", cast.billing.pk) in answer.content.decode()
    row = last_event()
    assert (row.outcome, row.error, row.is_test, row.actor) == ("refused", "invalid_client", True, "olga")
    assert not TOKEN.search(answer.content.decode())


def disabling(browser: Client, relying_party: RelyingParty) -> dict[str, object]:
    page = browser.get(url(RelyingParty, "disable", relying_party.pk))
    return {"reason": "leak", "made_from": page.context["made_from"]}


def test_its_address_is_the_persons_own(cast: Cast, operator: Client) -> None:
    cast.billing.allowed_networks = ["10.20.0.0/16"]
    cast.billing.save()
    step, why, acts = failed_in(tried(operator, cast.billing))
    assert (step, why, acts) == ("Network", "127.0.0.1 is outside 10.20.0.0/16.", ["Allowed networks"])
    inside = operator.post(page_of(cast.billing), EVERYTHING, REMOTE_ADDR="10.20.1.2")
    assert claims_in(inside)["client_id"] == "billing"
    assert last_event().ip == "10.20.1.2"


def test_a_try_is_one_of_the_quota(cast: Cast, operator: Client) -> None:
    cast.billing.requests_per_minute = 2
    cast.billing.save()
    assert ask(auth=cast.basic("billing")).status == 200
    assert token_in(tried(operator, cast.billing))
    answer = tried(operator, cast.billing)
    assert failed_in(answer) == ("Quota", "Quota 2 a minute used up.", ["Raise it"])
    assert ask(auth=cast.basic("billing")).status == 429


def test_dates_are_checked(cast: Cast, operator: Client) -> None:
    cast.billing.valid_until = timezone.now() - timedelta(days=1)
    cast.billing.save()
    assert failed_in(tried(operator, cast.billing))[0] == "Dates"


def test_rules_are_checked_with_the_values_that_are_typed(cast: Cast, operator: Client) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod", message="prod!").checked().save()
    step, _, acts = failed_in(tried(operator, cast.billing, param_env="test"))
    assert (step, acts) == ("Request rules", ["Its rules"])
    assert claims_in(tried(operator, cast.billing, param_env="prod"))["client_id"] == "billing"


def test_a_scope_that_the_api_does_not_have_is_refused_with_the_way_to_grant_it(
    cast: Cast, operator: Client
) -> None:
    answer = tried(operator, cast.billing, resource=YOUR_APPLICATION, scope=["invoices.write"])
    step, why, acts = failed_in(answer)
    assert (step, acts) == ("Access", ["Its access"])
    assert why == f"Not granted on {YOUR_APPLICATION}: invoices.write."


def test_without_a_signing_key_it_says_so(cast: Cast, operator: Client) -> None:
    SigningKey.objects.filter(pk=cast.key.pk).update(revoked_at=timezone.now())
    cast.oidc_m2m.save()
    step, why, acts = failed_in(tried(operator, cast.billing))
    assert (step, acts) == ("Signing key", ["Signing keys"])
    assert why.startswith("M2M has no active RS256 key.")


def test_the_issuer_can_switch_it_off(cast: Cast, operator: Client) -> None:
    cast.oidc_m2m.allows_test_tokens = False
    cast.oidc_m2m.save()
    assert "does not allow test tokens" in words_of(operator.get(page_of(cast.billing)))
    answer = tried(operator, cast.billing)
    assert failed_in(answer) == (
        "Client active", "Test tokens are off at this issuer (allows_test_tokens).", ["Issuer"],
    )  # fmt: skip
    assert not TOKEN.search(answer.content.decode())
    assert (last_event().outcome, last_event().is_test) == ("refused", True)
    assert ask(auth=cast.basic("billing")).status == 200


def test_a_disabled_issuer_issues_none(cast: Cast, operator: Client) -> None:
    cast.oidc_m2m.is_active = False
    cast.oidc_m2m.save()
    assert failed_in(tried(operator, cast.billing))[0] == "Client active"


@pytest.mark.parametrize("role", ["auditor", "nobody"])
def test_who_may_only_read_gets_none(cast: Cast, roles: dict[str, Client], role: str) -> None:
    browser = roles[role]
    answers = [browser.get(page_of(cast.billing)), tried(browser, cast.billing)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert events() == []


def test_nothing_keeps_the_token(cast: Cast, operator: Client, log_lines: io.StringIO) -> None:
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    token = token_in(tried(operator, cast.billing))
    signature = token.rpartition(".")[2]
    row = last_event()
    kept = [
        str(IssuanceEvent.objects.filter(pk=row.pk).values().get()),
        str(Trace.objects.get(event=row).content),
        str([session.get_decoded() for session in Session.objects.all()]),
        str(list(LogEntry.objects.values())),
        log_lines.getvalue(),
        operator.get(page_of(cast.billing)).content.decode(),
    ]
    assert not any(signature in text for text in kept)
    assert row.request_id in log_lines.getvalue()


def test_no_token_is_shown_whose_row_was_not_committed(cast: Cast, operator: Client) -> None:
    with refusing("INSERT", "audit_issuanceevent"):
        answer = tried(operator, cast.billing)
    assert failed_in(answer)[0] == "Recorded"
    assert not TOKEN.search(answer.content.decode())
    assert events() == []


def test_a_secrets_client_is_shown_whole_programs(cast: Cast, operator: Client) -> None:
    page = operator.get(page_of(cast.billing))
    assert [program.language for program in page.context["programs"]] == ["Python", "Node.js", "Java", "Go"]
    assert f"export TOKEN_URL={cast.oidc_m2m.url}/token CLIENT_ID=billing" in page.content.decode()
    assert "curl " in page.context["command"]


def test_a_client_that_is_not_there_is_404(cast: Cast, operator: Client) -> None:
    assert operator.get(reverse("admin:try_client", args=[10**30])).status_code == 404
