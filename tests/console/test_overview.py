"""P10.40: the overview says first what needs somebody, each line a fact, a link and an act."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import HourlyCount, IssuanceEvent
from console.admin_base.page import MAX_NAMED
from console.overview.lines import Line
from console.overview.tidy_page import ROWS_OF_A_PAGE
from issuers.models import Issuer, SigningAlg
from relying_parties.models import ClientSecret, CredentialUse, RelyingParty
from tests.console.conftest import Roles
from tests.console.pages import body_of, url
from tests.support.cast import Cast, new_issuer, new_relying_party
from upkeep.sealing import seal

pytestmark = [pytest.mark.contract("P10.40"), pytest.mark.usefixtures("sealed")]
NOW = timezone.now()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REASON = "The certificate is not one of the registered ones."


def overview_of(client: Client) -> Any:
    return client.get(reverse("admin:index")).context["overview"]


def lines_of(client: Client) -> dict[str, Line]:
    return {line.subject: line for line in overview_of(client).now.shown}


def acts_of(line: Line) -> dict[str, str]:
    return {act.label: act.url for act in line.acts}


def event(cast: Cast, *, at: datetime, client_id: str = "billing", **columns: Any) -> IssuanceEvent:
    """Refused unless told otherwise."""
    values = {
        "at": at, "request_id": str(uuid4()), "issuer": cast.oidc_m2m.url, "client_id": client_id,
        "outcome": "refused", "http_status": 401, "error": "invalid_client", "detail": REASON,
    }  # fmt: skip
    return IssuanceEvent.objects.create(**values | columns)


def issued(cast: Cast, *, at: datetime, client_id: str = "billing", secret: str = "") -> IssuanceEvent:
    token = {
        "outcome": "issued",
        "http_status": 200,
        "error": "",
        "detail": "",
        "jti": f"jti {at}",
        "kid": "k",
    }
    return event(
        cast, at=at, client_id=client_id, credential=secret, expires_at=at + HOUR, ip="10.0.4.9", **token
    )


def got_tokens(cast: Cast, *, hours_ago: int, client_id: str = "billing", outcome: str = "issued") -> None:
    hour = (timezone.now() - hours_ago * HOUR).replace(minute=0, second=0, microsecond=0)
    digest = sha256(f"{hour} {client_id} {outcome}".encode()).hexdigest()
    HourlyCount.objects.create(
        hour=hour, issuer=cast.oidc_m2m.url, client_id=client_id, outcome=outcome, requests=7, digest=digest
    )


def test_it_says_when_nothing_needs_anybody(cast: Cast, operator: Client, auditor: Client) -> None:
    for client in (operator, auditor):
        page = " ".join(body_of(client, reverse("admin:index")).split())
        checked = overview_of(client).checked_at
        assert f"Nothing needs you. Last checked {checked:%H:%M} UTC." in page
        assert "<h3>Now</h3>" not in page


def test_it_names_a_client_that_began_to_be_refused(cast: Cast, operator: Client) -> None:
    got_tokens(cast, hours_ago=5)
    for minutes in range(3):
        event(cast, at=timezone.now() - minutes * timedelta(minutes=10))
    event(cast, at=timezone.now(), detail="Another reason.")
    line = lines_of(operator)["billing"]
    assert line.fact == (
        f"0 issued, 4 refused in the last hour: {REASON} None of them proved that it came from this client."
    )
    assert line.url == url(RelyingParty, "change", cast.billing.pk)
    acts = acts_of(line)
    assert acts["Its credentials"] == url(RelyingParty, "credentials", cast.billing.pk)
    assert "Nothing needs you" not in body_of(operator, reverse("admin:index"))
    shown = operator.get(acts["See why"]).context["cl"].result_list
    assert [row.client_id for row in shown] == ["billing"] * 4


def test_a_refusal_that_proved_the_client_is_taken_for_its_own(cast: Cast, operator: Client) -> None:
    got_tokens(cast, hours_ago=5)
    event(cast, at=timezone.now(), credential="secret:1", error="invalid_scope", detail="No such scope.")
    assert lines_of(operator)["billing"].fact == "0 issued, 1 refused in the last hour: No such scope."


@pytest.mark.parametrize("minutes", [0, 59])
def test_a_client_that_got_a_token_within_the_hour_does_not_fail(
    cast: Cast, operator: Client, minutes: int
) -> None:
    got_tokens(cast, hours_ago=5)
    event(cast, at=timezone.now())
    assert "billing" in lines_of(operator)
    issued(cast, at=timezone.now() - minutes * timedelta(minutes=1))
    assert "billing" not in lines_of(operator)


def test_a_client_that_never_got_a_token_or_is_disabled_does_not_begin_to_fail(
    cast: Cast, operator: Client
) -> None:
    got_tokens(cast, hours_ago=24 * 8)
    got_tokens(cast, hours_ago=3, client_id="reports", outcome="refused")
    got_tokens(cast, hours_ago=3, client_id="retired")
    for client_id in ("billing", "reports", "retired", "of nobody"):
        event(cast, at=timezone.now(), client_id=client_id)
    assert lines_of(operator) == {}


def test_refusals_of_an_hour_ago_of_tests_and_of_another_issuer_do_not_count(
    cast: Cast, operator: Client
) -> None:
    got_tokens(cast, hours_ago=5)
    event(cast, at=timezone.now() - 1.01 * HOUR)
    event(cast, at=timezone.now(), is_test=True)
    event(cast, at=timezone.now(), issuer=cast.other.url)
    assert "billing" not in lines_of(operator)


def test_an_issuer_that_cannot_sign_is_named_with_the_act_that_helps(
    cast: Cast, operator: Client, auditor: Client
) -> None:
    keyless = new_issuer("keyless", "Keyless", SigningAlg.ES256)
    line = lines_of(operator)["Keyless"]
    assert line.fact == "It has no active ES256 key: it cannot issue."
    assert acts_of(line) == {"Create its key": url(Issuer, "create_key", keyless.pk, "ES256")}
    assert acts_of(lines_of(auditor)["Keyless"]) == {}
    assert url(Issuer, "create_key", keyless.pk, "ES256") not in body_of(auditor, reverse("admin:index"))
    Issuer.objects.filter(pk=keyless.pk).update(is_active=False)
    assert lines_of(operator) == {}


def test_it_says_what_is_wrong_with_the_record(cast: Cast, auditor: Client) -> None:
    event(cast, at=timezone.now() - 2 * HOUR, client_id="anybody")
    assert "not sealed: run manage.py maintain" in lines_of(auditor)["The record"].fact
    seal(timezone.now())
    assert lines_of(auditor) == {}


def test_what_ends_says_when_it_was_last_used_and_from_where(cast: Cast, operator: Client) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=NOW + 5 * DAY)
    (line,) = overview_of(operator).ending.shown
    assert f"ends {NOW + 5 * DAY:%Y-%m-%d %H:%M} UTC. Never used. Rotate it" in line.fact
    rotate = url(RelyingParty, "rotate_secret", cast.billing.pk, secret.pk)
    assert (line.state, acts_of(line)) == ("within 7 days", {"Rotate": rotate})
    issued(cast, at=timezone.now() - 3 * timedelta(minutes=1), secret=f"secret:{secret.pk}")
    (line,) = overview_of(operator).ending.shown
    assert "Last used 3\xa0minutes ago from 10.0.4.9. Rotate it" in line.fact


def tidy_of(client: Client) -> dict[str, str]:
    return {tidy.name: tidy.counted for tidy in overview_of(client).tidy}


def listed(client: Client, name: str) -> list[str]:
    lines = client.get(reverse("admin:tidy", args=[name])).context["lines"]
    return [line["client"].client_id for line in lines]


def test_secrets_that_were_never_used_are_listed(cast: Cast, auditor: Client) -> None:
    secrets = {row.relying_party.client_id: row for row in ClientSecret.objects.all()}
    for client_id in ("billing", "reports", "retired"):
        ClientSecret.objects.filter(pk=secrets[client_id].pk).update(created_at=NOW - 8 * DAY)
    assert "never-used" not in tidy_of(auditor)  # The record was never read for uses.
    CredentialUse.objects.create(credential=f"secret:{secrets['reports'].pk}", last_used_at=NOW - DAY)
    assert tidy_of(auditor)["never-used"] == "1 secret never used"
    assert listed(auditor, "never-used") == ["billing"]


def test_clients_that_got_no_token_in_90_days_are_listed(cast: Cast, auditor: Client) -> None:
    RelyingParty.objects.exclude(client_id="stranger").update(created=NOW - 91 * DAY)
    got_tokens(cast, hours_ago=24 * 89)
    assert tidy_of(auditor)["unused-clients"] == "1 client unused for 90 days"
    assert listed(auditor, "unused-clients") == ["reports"]
    got_tokens(cast, hours_ago=24 * 91, client_id="reports")
    got_tokens(cast, hours_ago=2, client_id="reports", outcome="refused")
    assert listed(auditor, "unused-clients") == ["reports"]
    got_tokens(cast, hours_ago=2, client_id="reports")
    assert "unused-clients" not in tidy_of(auditor)


def test_a_client_of_the_same_name_elsewhere_does_not_hide_one(cast: Cast, auditor: Client) -> None:
    new_relying_party(cast.other, "billing")
    RelyingParty.objects.filter(client_id="billing").update(created=NOW - 91 * DAY)
    got_tokens(cast, hours_ago=2)
    (line,) = auditor.get(reverse("admin:tidy", args=["unused-clients"])).context["lines"]
    assert line["client"].issuer == cast.other


def test_clients_without_a_contact_are_listed_a_page_at_a_time(cast: Cast, auditor: Client) -> None:
    RelyingParty.objects.filter(client_id="billing").update(contact="team@example.com")
    assert tidy_of(auditor)["without-contact"] == "2 clients without a contact"
    assert listed(auditor, "without-contact") == ["reports", "stranger"]
    for number in range(ROWS_OF_A_PAGE):
        new_relying_party(cast.other, f"another-{number}")
    page = reverse("admin:tidy", args=["without-contact"])
    assert [len(auditor.get(page, {"page": n}).context["lines"]) for n in ("1", "2", "x")] == [50, 2, 50]


def test_a_list_that_is_not_there_is_not_found(auditor: Client) -> None:
    assert auditor.get(reverse("admin:tidy", args=["nothing"])).status_code == 404


def test_who_may_not_see_the_configuration_sees_none_of_it(cast: Cast, roles: Roles) -> None:
    assert overview_of(roles["nobody"]) is None


def test_of_many_lines_the_first_are_shown_and_the_others_counted(cast: Cast, operator: Client) -> None:
    for number in range(MAX_NAMED + 2):
        new_issuer(f"keyless-{number:02}", f"Keyless {number:02}", SigningAlg.ES256)
    assert len(lines_of(operator)) == MAX_NAMED
    assert "And 2 more." in body_of(operator, reverse("admin:index"))
