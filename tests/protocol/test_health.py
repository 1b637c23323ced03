"""Whether a process lives and can issue."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from issuance.health.latest import Latest
from issuers.models import Issuer, SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from tests.support.cast import Cast


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, json.loads(answer.content)


def test_it_is_ready_when_every_issuer_can_sign(cast: Cast) -> None:
    status, told = ready()
    assert (status, told["status"]) == (200, "ok")
    assert not any(told["checks"].values())


def test_an_issuer_without_a_key_yet_leaves_the_others_ready(cast: Cast) -> None:
    Issuer(path="new", name="New").checked().save()
    status, told = ready()
    assert (status, told["status"]) == (200, "degraded")
    assert told["checks"]["issuers"] == ["http://127.0.0.1:8000/new has no key yet: create one."]


def test_an_overdue_key_leaves_it_ready_and_is_named(cast: Cast) -> None:
    since = timezone.now() - timedelta(seconds=cast.other.rotation_period)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(published_at=since, activates_at=since)
    status, told = ready()
    assert (status, told["status"]) == (200, "degraded")
    [reason] = told["checks"]["rotation"]
    assert reason.startswith(f"Key {cast.other_key.kid} of http://127.0.0.1:8000/other is overdue since ")
    assert "Run manage.py maintain" in reason


def test_a_key_that_is_not_yet_overdue_is_not_named(cast: Cast) -> None:
    since = timezone.now() - timedelta(seconds=cast.other.rotation_period - 60)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(published_at=since, activates_at=since)
    assert ready()[1]["status"] == "ok"


def test_an_issuer_that_lost_its_key_makes_it_unready(cast: Cast) -> None:
    SigningKey.objects.filter(pk=cast.key.pk).update(revoked_at=cast.key.activates_at)
    status, told = ready()
    assert (status, told["status"]) == (503, "unready")
    assert "has no active RS256 key" in told["checks"]["keys"][0]


def test_a_relying_party_whose_own_algorithm_cannot_sign_makes_it_unready(
    cast: Cast, settings: Settings
) -> None:
    kept = settings.KEY_ENCRYPTION_KEYS
    settings.KEY_ENCRYPTION_KEYS = {"lost": bytes(32), **kept}
    key = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.EDDSA, now=timezone.now())
    settings.KEY_ENCRYPTION_KEYS = kept
    assert ready()[1]["status"] == "ok"
    cast.billing.signing_alg = SigningAlg.EDDSA
    cast.billing.save()
    status, told = ready()
    assert (status, told["status"]) == (503, "unready")
    [reason] = told["checks"]["keys"]
    assert reason.startswith(f"Key {key.identity} is encrypted under the key-encryption key 'lost'")


def test_reasons_are_for_loopback_alone(cast: Cast) -> None:
    assert "checks" not in json.loads(Client().get("/readyz", REMOTE_ADDR="192.0.2.7").content)


@pytest.mark.contract("P12.1")
@pytest.mark.django_db
def test_a_process_that_read_its_documents_lives(cast: Cast) -> None:
    Client().get("/oidc_m2m/jwks")
    Client().post("/oidc_m2m/token")
    assert Client().get("/livez").status_code == 200


@pytest.mark.contract("P12.3")
def test_those_who_ask_within_a_second_share_an_answer(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("issuance.health.latest.FRESH", 60.0)
    monkeypatch.setattr("issuance.health.views.LATEST", Latest())
    assert ready()[1]["status"] == "ok"
    with CaptureQueriesContext(connection) as queries:
        told = [Client().get("/readyz", REMOTE_ADDR="192.0.2.7") for _ in range(20)]
    assert {answer.content for answer in told} == {b'{"status":"ok"}'}
    assert not queries.captured_queries
