"""Contain: from a client, a credential or a token to what stops it, what is still good and what it did."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import IssuanceEvent
from console.incidents import reach
from issuers.models import Issuer
from relying_parties.models import ClientSecret
from tests.audit.rows import event
from tests.console.forms import version_in
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask, last_event

pytestmark = pytest.mark.contract("P10.33")
HOUR = timedelta(hours=1)


def page(person: Client, **asked: Any) -> str:
    answer = person.get(reverse("admin:contain"), asked)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def token_of(cast: Cast) -> str:
    answer = ask(auth=cast.basic("billing"))
    token: str = answer.json["access_token"]
    return token


def link(text: str, label: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{label}</a>', text)
    assert found, label
    return found[1]


def secret_of(cast: Cast) -> ClientSecret:
    token_of(cast)
    return ClientSecret.objects.get(pk=int(last_event().credential.partition(":")[2]))


def test_a_pasted_token_leads_to_what_proved_its_client(cast: Cast, operator: Client) -> None:
    token = token_of(cast)
    answer = operator.post(reverse("admin:contain"), {"token": token})
    assert answer.status_code == 302
    row = last_event()
    assert answer["Location"] == (
        f"{reverse('admin:contain')}?client={cast.billing.pk}&since={row.at:%Y-%m-%dT%H%%3A%M%%3A%S}"
        f"&credential={row.credential.replace(':', '%3A')}"
    )
    assert token not in operator.get(answer["Location"]).content.decode()
    assert token not in "".join(Session.objects.values_list("session_data", flat=True))


def test_the_page_of_a_pasted_token_leads_here(cast: Cast, operator: Client) -> None:
    token = token_of(cast)
    answer = operator.post(reverse("admin:audit_issuanceevent_token"), {"token": token})
    act = link(unescape(answer.content.decode()), "contain it")
    assert act.startswith(f"{reverse('admin:contain')}?client={cast.billing.pk}&credential=secret%3A")
    assert operator.get(act).status_code == 200


def test_a_token_of_others_leads_nowhere_and_is_not_shown(cast: Cast, operator: Client) -> None:
    header, claims, signature = token_of(cast).split(".")
    other = "A" if signature[9] != "A" else "B"
    forged = f"{header}.{claims}.{signature[:9]}{other}{signature[10:]}"
    answer = operator.post(reverse("admin:contain"), {"token": forged})
    assert answer.status_code == 400
    assert "No client of this server got this token." in answer.content.decode()
    assert forged not in answer.content.decode()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"credential": "secret:999999"}, "No client here has this credential now."),
        ({"credential": "nonsense"}, "No client here has this credential now."),
        ({"client_id": "nobody"}, "No client here has this ID."),
        ({"client": 999999}, "No client here has this ID."),
    ],
)
def test_what_is_not_here_is_said(operator: Client, asked: dict[str, Any], told: str) -> None:
    assert told in page(operator, **asked)


def test_a_client_id_of_several_issuers_names_none(cast: Cast, operator: Client) -> None:
    other = Issuer.objects.exclude(pk=cast.billing.issuer_id).first()
    twin = type(cast.billing)(issuer=other, client_id="billing", name="twin")
    type(cast.billing).objects.bulk_create([twin])
    assert "Several issuers have a client of this ID" in page(operator, client_id="billing")


def test_what_is_still_good_is_counted_with_its_end(cast: Cast, operator: Client) -> None:
    secret = secret_of(cast)
    token_of(cast)
    until = IssuanceEvent.objects.latest("expires_at").expires_at
    assert until is not None
    told = f"<strong>2 tokens</strong> are still good, the last until {until:%Y-%m-%d %H:%M} UTC."
    assert told in page(operator, credential=f"secret:{secret.pk}")
    assert told in page(operator, client=cast.billing.pk)
    assert "No token of it is good any more." in page(operator, client=cast.reports.pk)


def test_what_it_did_is_listed_by_address_and_api_with_new_ones_marked(cast: Cast, operator: Client) -> None:
    url, now = cast.oidc_m2m.url, timezone.now()
    common = {"issuer": url, "client_id": "billing", "audience": INVOICES}
    event(1, at=now - 5 * HOUR, ip="192.0.2.1", **common)
    event(2, at=now - HOUR, ip="192.0.2.1", **common)
    event(3, at=now - HOUR, ip="192.0.2.9", **common)
    event(4, at=now - HOUR, ip="192.0.2.7", **common | {"client_id": "another"})
    since = f"{now - 2 * HOUR:%Y-%m-%dT%H:%M:%S}"
    text = page(operator, client=cast.billing.pk, since=since)
    assert "2 tokens issued, 0 requests refused." in text
    assert re.findall(r"<code>(192[.\d]+)</code>( <span class=\"state warning\">new</span>)?", text) == [
        ("192.0.2.9", ' <span class="state warning">new</span>'),
        ("192.0.2.1", ""),
    ]
    assert f"<code>{INVOICES}</code> </th> <td>2</td>" in text


def test_no_more_than_a_bound_is_read_and_that_is_said(
    cast: Cast, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "MAX_READ", 2)
    for _ in range(3):
        token_of(cast)
    text = page(operator, client=cast.billing.pk)
    assert "2 tokens issued" in text
    assert "There are more: the newest" in text


def test_the_secret_is_revoked_with_the_incident_as_the_reason(cast: Cast, operator: Client) -> None:
    secret = secret_of(cast)
    text = page(operator, credential=f"secret:{secret.pk}", incident="INC-42")
    act = link(text, "Revoke the secret")
    form = operator.get(act)
    assert 'value="INC-42"' in form.content.decode()
    operator.post(act, version_in(form) | {"reason": "INC-42"})
    row = secret.history.latest()
    assert (row.revoked_at is not None, row.history_change_reason) == (True, "INC-42")
    text = page(operator, credential=f"secret:{secret.pk}", incident="INC-42")
    assert "gets no token any more." in text
    assert "Revoke the secret" not in text
    assert "Generate a secret" in text


def test_the_client_is_disabled_with_the_incident_as_the_reason(cast: Cast, operator: Client) -> None:
    act = link(page(operator, client=cast.billing.pk, incident="INC-42"), "Disable the client")
    form = operator.get(act)
    assert 'value="INC-42"' in form.content.decode()
    operator.post(act, version_in(form) | {"reason": "INC-42"})
    text = page(operator, client=cast.billing.pk, incident="INC-42")
    assert "disabled by olga on" in text
    assert "(INC-42)" in text
    assert link(text, "Enable the client").endswith("/enable/?reason=INC-42")


def test_the_secret_is_rotated_with_the_incident_as_the_reason(cast: Cast, operator: Client) -> None:
    secret = secret_of(cast)
    text = page(operator, credential=f"secret:{secret.pk}", incident="INC-42")
    act = link(text, "Rotate the secret")
    form = operator.get(act)
    initial = form.context["form"].initial
    fields = {"newest": initial["newest"], "ends_at": f"{initial['ends_at']:%Y-%m-%dT%H:%M:%S}"}
    operator.post(act, version_in(form) | fields | {"reason": initial["reason"], "label": "2027"})
    assert secret.history.latest().history_change_reason == "INC-42"
    assert ClientSecret.objects.filter(label="2027").exists()


def test_the_evidence_is_of_what_leaked_since_then(cast: Cast, operator: Client) -> None:
    secret = secret_of(cast)
    text = page(operator, credential=f"secret:{secret.pk}", since="2026-01-01T00:00")
    answer = operator.get(link(text, "Download evidence"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert f"client=billing&credential=secret%3A{secret.pk}" in link(text, "Download evidence")


def test_an_auditor_reads_the_steps_and_acts_on_none(cast: Cast, auditor: Client) -> None:
    secret = secret_of(cast)
    text = page(auditor, credential=f"secret:{secret.pk}")
    assert "Download evidence" in text
    for act in ("Revoke the secret", "Disable the client", "Rotate the secret"):
        assert act not in text
