"""P10.26: the page of a credential: what it is, and by day and by address how it was used."""

import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.writing.entry import Entry
from audit.writing.record import record
from formats.thumbprints import base64url, thumbprint
from issuers.versioning.history import Source, authored
from relying_parties.models import RelyingParty
from relying_parties.secrets.credentials import add_generated_secret, revoke_secret
from tests.console.pages import federate
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, x5c_of
from tests.support.wire import ask, last_event

pytestmark = pytest.mark.contract("P10.26")


def page(browser: Client, name: str, **asked: str) -> str:
    answer = browser.get(f"/admin/audit/credential/{name}/", asked)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.text.split())


def facts(text: str) -> dict[str, str]:
    """The description list, without the tags."""
    found = re.findall(r"<dt>(.*?)</dt> ?<dd>(.*?)</dd>", text)
    return {name: " ".join(re.sub(r"<[^>]+>", "", value).split()) for name, value in found}


def used(credential: str, *, ip: str = "192.0.2.7", days_ago: int = 0, outcome: str = "refused") -> None:
    columns: dict[str, Any] = {
        "issuer": "i",
        "outcome": outcome,
        "http_status": 400,
        "error": "invalid_scope",
    }
    columns |= {"client_id": "billing", "credential": credential, "ip": ip}
    record(Entry(at=timezone.now() - timedelta(days=days_ago), request_id="r", columns=columns))


def test_the_page_of_a_secret_says_what_it_is_and_how_it_was_used(cast: Cast, auditor: Client) -> None:
    with authored(actor="anna", source=Source.ADMIN):
        secret, text = add_generated_secret(
            relying_party=cast.billing, label="2026", expires_at=timezone.now() + timedelta(days=30)
        )
    used(f"secret:{secret.pk}", days_ago=2)
    shown = page(auditor, f"secret:{secret.pk}")
    said = facts(shown)
    assert said["State"] == "live"
    assert said["Client"] == f"Billing, billing of {cast.oidc_m2m.url}"
    assert said["Made"] == f"{secret.created_at:%Y-%m-%d %H:%M} UTC by anna (Admin)"
    assert said["Ends"] == f"{secret.expires_at:%Y-%m-%d %H:%M} UTC"
    assert said["Ends with"] == f"…{secret.hint}"
    assert said["First use"] == said["Last use"] == f"{last_event().at:%Y-%m-%d %H:%M} UTC"
    assert f"secret 2026 …{secret.hint} of billing" in shown
    assert "1 use, all that the record has" in shown
    assert f'href="/admin/audit/issuanceevent/?credential=secret%3A{secret.pk}"' in shown
    assert text not in shown
    assert secret.digest.partition(":")[2] not in shown


def test_a_revoked_secret_says_by_whom_and_a_deleted_one_is_still_there(cast: Cast, auditor: Client) -> None:
    secret = cast.billing.secrets.get()
    with authored(actor="olga", source=Source.ADMIN):
        revoke_secret(secret, now=timezone.now())
    said = facts(page(auditor, f"secret:{secret.pk}"))
    assert said["State"] == "revoked"
    assert said["Revoked"].endswith("by olga (Admin)")
    cast.billing.delete()
    said = facts(page(auditor, f"secret:{secret.pk}"))
    assert said["State"] == "deleted"
    assert said["Client"] == f"billing, deleted of {cast.oidc_m2m.url}"


def test_a_live_secret_of_a_disabled_client_is_of_no_use(cast: Cast, auditor: Client) -> None:
    said = facts(page(auditor, f"secret:{cast.retired.secrets.get().pk}"))
    assert said["State"].startswith("live, but no token it was disabled by root on ")


def test_the_page_of_a_federated_credential(cast: Cast, auditor: Client) -> None:
    pod = federate(cast.billing)
    said = facts(page(auditor, f"federated:{pod.pk}"))
    assert said["Subject"] == "system:serviceaccount:prod:billing"
    assert said["Trusted issuer"] == "Cluster (https://cluster.example)"
    assert said["Ends"] == "by no date of its own"
    pod.trusted_issuer.is_active = False
    pod.trusted_issuer.save()
    assert facts(page(auditor, f"federated:{pod.pk}"))["State"] == "trusted issuer disabled"


def test_the_page_of_a_registered_key_says_who_registered_it(cast: Cast, auditor: Client) -> None:
    client, jwk = cast.billing, jwk_of(new_key(), kid="k1")
    with authored(actor="anna", source=Source.FILE):
        client.client_jwks = {"keys": [jwk]}
        client.save()
    with authored(actor="olga", source=Source.ADMIN):
        client.description = "changed"
        client.save()
    name = f"key:{client.pk}:{thumbprint(jwk)}"
    said = facts(page(auditor, name))
    assert said["Key ID (kid)"] == "k1"
    assert said["Made"].endswith("by anna (Configuration file)")
    client.client_jwks = {"keys": [jwk_of(new_key())]}
    client.save()
    said = facts(page(auditor, name))
    assert said["State"] == "not registered any more"
    assert said["Made"].endswith("by anna (Configuration file)")


def test_the_page_of_a_registered_certificate_says_when_it_ends(cast: Cast, auditor: Client) -> None:
    client, key, end = cast.billing, new_key(), timezone.now().replace(microsecond=0) + timedelta(days=9)
    certificate = certificate_until(key, end)
    client.client_jwks = {"keys": [jwk_of(key, x5c=x5c_of(certificate))]}
    client.save()
    name = f"certificate:{client.pk}:{base64url(certificate.fingerprint(SHA256()))}"
    said = facts(page(auditor, name))
    assert said["Ends"] == f"{end:%Y-%m-%d %H:%M} UTC"
    assert said["Made"] != "not in the history that was read"


def test_uses_are_counted_by_day_and_by_address(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    name = last_event().credential
    used(name, ip="192.0.2.7", days_ago=3)
    used(name, ip="198.51.100.9", days_ago=3)
    used(name, ip="198.51.100.9", days_ago=40)
    answer = auditor.get(f"/admin/audit/credential/{name}/")
    uses = answer.context["uses"]
    days = [(bucket.issued, bucket.refused) for bucket in uses.chart.buckets]
    assert len(days) == 31
    assert (days[-1], days[-4]) == ((1, 0), (0, 2))
    assert sum(issued + refused for issued, refused in days) == 3
    lines = {line.address: (line.uses, line.refused) for line in uses.addresses}
    assert lines == {"192.0.2.7": (2, 1), "198.51.100.9": (2, 2)}
    assert uses.addresses[0].link.endswith(f"credential={name.replace(':', '%3A')}&address=192.0.2.7")
    assert (uses.counted, uses.counted_since) == (4, None)


def test_an_address_is_new_if_no_use_before_the_date_was_from_it(cast: Cast, auditor: Client) -> None:
    name = f"secret:{cast.billing.secrets.get().pk}"
    used(name, ip="192.0.2.1", days_ago=20)
    used(name, ip="192.0.2.1", days_ago=1)
    used(name, ip="192.0.2.2", days_ago=10)
    used(name, ip="192.0.2.3", days_ago=1)

    def new(**asked: str) -> list[str]:
        uses = auditor.get(f"/admin/audit/credential/{name}/", asked).context["uses"]
        return [line.address for line in uses.new_addresses]

    assert new() == ["192.0.2.3"]
    assert new(since=f"{timezone.now() - timedelta(days=15):%Y-%m-%dT%H:%M:%S}") == ["192.0.2.3", "192.0.2.2"]
    wrong = auditor.get(f"/admin/audit/credential/{name}/", {"since": "nonsense"})
    assert (wrong.status_code, "Write a time such as" in wrong.text) == (400, True)


def test_a_busy_credential_is_counted_from_an_instant_on_that_is_said(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.credentials.uses.MAX_READ", 3)
    name = f"secret:{cast.billing.secrets.get().pk}"
    for days_ago in (9, 2, 2, 1):
        used(name, ip=f"192.0.2.{days_ago}", days_ago=days_ago)
    shown = page(auditor, name)
    assert "The newest 3 uses are counted, all that there were since" in shown
    assert "Which addresses are new since" in shown
    assert "uses before" in shown
    later = f"{timezone.now() - timedelta(days=1, hours=1):%Y-%m-%dT%H:%M:%S}"
    assert "192.0.2.1" in page(auditor, name, since=later)
    first = facts(shown)["First use"]
    assert first == f"{timezone.now() - timedelta(days=9):%Y-%m-%d %H:%M} UTC"


def test_a_page_of_uses_asks_the_record_twice_with_a_limit(cast: Cast, auditor: Client) -> None:
    name = f"secret:{cast.billing.secrets.get().pk}"
    used(name)
    with CaptureQueriesContext(connection) as queries:
        page(auditor, name)
    asked = [query["sql"] for query in queries if 'FROM "audit_issuanceevent"' in query["sql"]]
    assert len(asked) == 2
    assert all("LIMIT" in sql and "COUNT(" not in sql for sql in asked)


def test_a_key_that_a_client_publishes_has_a_page_once_it_was_used(cast: Cast, auditor: Client) -> None:
    name = f"key:{cast.billing.pk}:{'k' * 43}"
    assert auditor.get(f"/admin/audit/credential/{name}/").status_code == 404
    used(name)
    assert facts(page(auditor, name))["State"] == "not registered any more"
    RelyingParty.objects.filter(pk=cast.billing.pk).update(client_jwks_uri="https://client.example/jwks")
    assert facts(page(auditor, name))["State"] == "published by the client, not kept here"


@pytest.mark.parametrize(
    "name", ["secret:999", "federated:999", "secret:x", "key:1", f"key:999:{'k' * 43}", "secret:1:x", "x"]
)
def test_a_credential_that_never_was_has_no_page(cast: Cast, auditor: Client, name: str) -> None:
    assert auditor.get(f"/admin/audit/credential/{name}/").status_code == 404
