"""Whether a process lives and can issue."""

import json
import time
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from audit.writing.record_health import RECORD_HEALTH, RecordHealth
from issuance.health.latest import Latest
from issuance.health.readiness import Problems
from issuers.models import Issuer, SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from tests.audit.rows import EVENTS
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.failing import away, refusing
from tests.support.wire import ask


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, json.loads(answer.content)


def test_it_is_ready_when_every_issuer_can_sign(cast: Cast) -> None:
    status, told = ready()
    assert (status, told["status"]) == (200, "ok")
    assert all(problems == [] for problems in told["checks"].values())


@pytest.mark.parametrize(("revision", "status", "word"), [(1, 200, "degraded"), (-1, 503, "unready")])
def test_a_database_that_does_not_answer_leaves_a_process_ready_that_has_read_its_documents(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, revision: int, status: int, word: str
) -> None:
    monkeypatch.setattr("issuance.discovery.documents._Warmth.revision", revision)
    with away():
        found, told = ready()
    assert (found, told["status"]) == (status, word)
    why = "it is away" if connection.vendor == "sqlite" else "OperationalError"
    assert told["checks"].pop("database") == [f"The database does not answer: {why}."]
    missing = ["This process never read the documents that it should serve."]
    assert told["checks"] == {
        "documents": missing if revision < 0 else [],
        "recording": [],
        "first row": [],
    }


def test_a_check_that_the_database_refuses_to_answer_stands_among_those_that_it_answers(cast: Cast) -> None:
    with away("relying_parties_peppercheck"):
        status, told = ready()
    assert (status, told["status"]) == (503, "unready")
    assert told["checks"].pop("peppers") == ["The database cannot tell: it is away."]
    assert all(problems == [] for problems in told["checks"].values())


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


@pytest.mark.parametrize("address", ["192.0.2.7", ""])
def test_reasons_are_for_loopback_alone(cast: Cast, address: str) -> None:
    assert "checks" not in json.loads(Client().get("/readyz", REMOTE_ADDR=address).content)


@pytest.mark.contract("P12.2")
def test_a_record_that_takes_no_row_degrades_it_until_a_probe_finds_that_it_does(cast: Cast) -> None:
    with refusing("INSERT", EVENTS):
        assert ask(auth=cast.basic("billing")).status == 503
        status, told = ready()
        assert (status, told["status"], told["checks"]["first row"]) == (200, "degraded", [])
        [problem] = told["checks"]["recording"]
        assert problem.startswith("No row of the record could be written since ")
        assert "the disk is full" in problem
    assert ready()[1]["status"] == "ok"


@pytest.mark.contract("P12.2")
def test_a_process_that_nobody_asks_for_tokens_finds_out_by_a_probe_and_counts_no_request(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("issuance.health.recording.IDLE_AFTER", 0.0)
    with away(EVENTS):
        assert ready()[1]["checks"]["recording"]
        gap = RECORD_HEALTH.gap
        assert gap is not None
        assert gap.failures == 0


@pytest.mark.contract("P12.2")
def test_a_process_that_could_record_a_moment_ago_writes_no_probe(cast: Cast) -> None:
    assert ask(auth=cast.basic("billing")).status == 200
    with refusing("INSERT", EVENTS):
        assert ready()[1]["status"] == "ok"


@pytest.mark.contract("P12.2")
def test_a_process_that_could_never_record_is_unready(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("issuance.health.recording.RECORD_HEALTH", RecordHealth())
    with away(EVENTS):
        status, told = ready()
        assert (status, told["status"]) == (503, "unready")
        assert told["checks"]["first row"] == ["This process has not been able to record since it started."]
    assert ready()[1]["status"] == "ok"


@pytest.mark.contract("P12.4")
def test_another_pepper_under_the_same_id_makes_it_unready(cast: Cast, settings: Settings) -> None:
    settings.SECRET_PEPPERS = dict.fromkeys(settings.SECRET_PEPPERS, b"a" * 32)
    status, told = ready()
    assert (status, told["status"]) == (503, "unready")
    [problem] = told["checks"]["peppers"]
    assert problem.startswith("SECRET_PEPPERS holds another value under the id 'tests-1'")


@pytest.mark.contract("P12.1")
@pytest.mark.django_db
def test_a_process_that_read_its_documents_lives(cast: Cast) -> None:
    Client().get("/oidc_m2m/jwks")
    Client().post("/oidc_m2m/token")
    assert Client().get("/livez").status_code == 200


@pytest.mark.contract("P12.1")
@pytest.mark.parametrize(("revision", "status"), [(-1, 503), (0, 200)])
def test_a_process_without_documents_is_empty_and_one_of_a_new_database_is_not(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, revision: int, status: int
) -> None:
    monkeypatch.setattr("issuance.discovery.documents._Warmth.revision", revision)
    answer = Client().get("/livez")
    assert (answer.status_code, json.loads(answer.content)["status"]) == (
        status,
        "ok" if status == 200 else "empty",
    )


@pytest.mark.contract("P12.3")
def test_those_who_ask_within_a_second_share_an_answer(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("issuance.health.latest.FRESH", 60.0)
    monkeypatch.setattr("issuance.health.views.LATEST", Latest())
    assert "keys" in ready()[1]["checks"], "the first one learns nothing that is not so"
    with CaptureQueriesContext(connection) as queries:
        told = [Client().get("/readyz", REMOTE_ADDR="192.0.2.7") for _ in range(20)]
    assert {answer.content for answer in told} == {b'{"status":"ok"}'}
    assert not queries.captured_queries


def test_who_asks_while_another_does_gets_the_former_answer_at_once(cast: Cast) -> None:
    latest = Latest()
    known = latest.problems()
    with latest._asking:
        began = time.monotonic()
        assert latest.problems() is known
        assert time.monotonic() - began < 0.5


def test_where_nothing_is_known_nobody_waits_longer_than_for_a_database_that_is_stuck(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("issuance.health.latest.PATIENCE", 0.4)
    latest, reached, over = Latest(), Event(), Event()

    def stuck() -> list[str]:
        reached.set()
        over.wait(5)
        return []

    def waited_for() -> tuple[Problems, float]:
        reached.wait(5)
        began = time.monotonic()
        told = latest.problems()
        waited = time.monotonic() - began
        over.set()
        return told, waited

    monkeypatch.setattr("issuance.health.readiness.TRYING", {"stuck": stuck})
    (first, _), (second, waited) = all_at_once(lambda: (latest.problems(), 0.0), waited_for)
    assert first["stuck"] == []
    assert second["database"] == ["The database does not answer: StuckError."]
    assert 0.2 < waited < 0.9
