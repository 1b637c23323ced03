"""Integrity: the page says how the record is, orders a verification, and shows how far it has come."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from audit.models import Checkpoint, Inspection, IssuanceEvent
from issuers.versioning.history import Source, authored
from tests.audit.rows import event, sealed_events
from tests.audit.tampering import without_triggers
from tests.support.cast import Cast
from upkeep import verification_orders as orders
from upkeep.maintenance import maintain, run
from upkeep.models import SentCheckpoint, VerificationOrder
from upkeep.verification_run import run_ordered

pytestmark = [pytest.mark.usefixtures("sealed"), pytest.mark.contract("P10.30")]


def page(client: Client) -> str:
    """Its text, with single spaces and without tags' line ends."""
    answer = client.get(reverse("admin:integrity"))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def verify_now(client: Client, **fields: str) -> str:
    answer = client.post(reverse("admin:integrity"), fields, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_says_how_far_the_record_is_sealed_and_when_all_was_verified(auditor: Client) -> None:
    assert "It was never verified in full." in page(auditor)
    verify_now(auditor)
    run_ordered()
    waiting = event(at=timezone.now() - timedelta(minutes=3))

    text = page(auditor)

    told = Inspection.objects.get(act="verify")
    assert f"Every token request until {waiting.at:%Y-%m-%d %H:%M} UTC is sealed" in text
    assert f'checkpoint/{Checkpoint.objects.get().pk}/change/">checkpoint 1</a>' in text
    assert "1 request waits for the next checkpoint." in text
    assert f"{told.rows} rows, <strong>no differences</strong>" in text
    assert "UTC by aud</a>" in text


def test_a_verification_of_a_part_is_not_one_in_full(auditor: Client) -> None:
    verify_now(auditor, since="2020-01-01T00:00")
    run_ordered()
    assert "It was never verified in full." in page(auditor)
    assert "from 2020-01-01 00:00" in page(auditor)


def test_what_differs_is_said_first_and_named(auditor: Client) -> None:
    first, *_ = sealed_events(2)
    with without_triggers():
        IssuanceEvent.objects.filter(pk=first).update(detail="x")
    verify_now(auditor)
    run_ordered()
    text = page(auditor)
    assert 'class="module panel danger"' in text
    assert '<strong class="bad">1 problems</strong>' in text
    assert f"audit_issuanceevent {first}: it was changed after it was sealed" in text


def test_verify_now_is_a_chore_that_the_page_shows(auditor: Client) -> None:
    run()
    text = verify_now(auditor)
    assert "The verification is ordered: the next maintenance takes it up." in text
    assert "Asked for by aud at" in text
    assert "maintenance takes it up within 60 seconds" in text
    assert "Verify now" not in text
    assert "A verification is ordered already" in verify_now(auditor)
    assert VerificationOrder.objects.count() == 1

    taken = orders.take_up(timezone.now())
    assert taken is not None
    orders.beat(taken, rows_done=12_345)
    VerificationOrder.objects.update(rows_total=40_663)
    text = page(auditor)
    assert '<progress max="40663" value="12345"' in text
    assert "12345 of about 40663 rows" in text

    orders.fail(taken, "Not verified: why")
    text = page(auditor)
    assert "Not verified: why" in text
    assert "Verify now" in text


def test_where_no_maintenance_runs_it_says_how_to_run_it(auditor: Client, settings: Settings) -> None:
    verify_now(auditor)
    assert "It waits for maintenance, which never ran.</strong>" in page(auditor)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, maintain_every=0)
    text = page(auditor)
    assert "which this server does not run (<code>MAINTAIN_EVERY=0</code>)" in text
    assert "Run <code>manage.py maintain</code> now." in text
    call_command("maintain")
    assert ">Done</span>" in page(auditor)


def test_a_range_that_ends_before_it_begins_is_refused(auditor: Client) -> None:
    form = {"since": "2026-02-01T00:00", "until": "2026-01-01T00:00"}
    answer = auditor.post(reverse("admin:integrity"), form)
    assert answer.status_code == 400
    assert "The range ends before it begins." in answer.content.decode()
    assert not VerificationOrder.objects.exists()


def test_who_may_only_read_the_proofs_orders_nothing(cast: Cast) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    names = ("view_issuanceevent", "view_checkpoint", "view_inspection")
    reader.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(reader)
    assert "Verify now" not in page(client)
    assert client.post(reverse("admin:integrity")).status_code == 403
    assert not VerificationOrder.objects.exists()


def test_it_says_where_copies_are_and_when_they_were_sent(
    auditor: Client, settings: Settings, tmp_path: Path
) -> None:
    assert "None is configured. <code>CHECKPOINT_FILE</code>" in page(auditor)
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints"
    assert "<strong>nothing was sent yet.</strong>" in page(auditor)
    event()
    maintain(timezone.now())
    sent = SentCheckpoint.objects.get()
    assert sent.sent_at is not None
    assert f"checkpoint 2, sent at {sent.sent_at:%Y-%m-%d %H:%M} UTC." in page(auditor)
    assert str(tmp_path) not in page(auditor)
    sealed_events(1)
    assert "<strong>the newest is not there yet</strong>" in page(auditor)


def test_an_operator_orders_too_and_the_inspection_names_who_asked(operator: Client, auditor: Client) -> None:
    verify_now(operator)
    with authored(actor="maintain", source=Source.COMMAND):
        run_ordered()
    told = Inspection.objects.get(act="verify")
    assert (told.actor, told.source) == ("olga", "admin")
    assert "olga" in page(auditor)
