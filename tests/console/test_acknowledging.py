"""The console's act on a known finding: one row is checked, shown, and acknowledged as the command does it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Checkpoint, IssuanceEvent, OperationalEvent
from audit.problem import Problem
from issuers.versioning import revision
from keys.models import Purpose, SigningKey
from tests.audit.rows import EVENTS, event, sealed_events
from tests.audit.tampering import found, problems, without_triggers
from tests.audit.test_acknowledgements import verify
from upkeep.sealing import seal

PAGE = "/admin/audit/operationalevent/acknowledge/"
WHY = "the clock of host b ran ahead, see incident 7"

pytestmark = [pytest.mark.usefixtures("sealed"), pytest.mark.contract("P10.16")]


def alter(pk: int, **columns: Any) -> None:
    with without_triggers():
        IssuanceEvent.objects.filter(pk=pk).update(**columns)


def remove(pk: int) -> None:
    with without_triggers():
        IssuanceEvent.objects.filter(pk=pk)._raw_delete("default")


def checked(client: Client, pk: int, **more: str) -> str:
    answer = client.get(f"{PAGE}?{urlencode({'table': EVENTS, 'row': pk, **more})}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def sent(client: Client, problem: Problem, *, reason: str = WHY) -> Any:
    table, _, row = problem.what.rpartition(" ")
    form = {"table": table, "row": row, "finding": problem.finding, "reason": reason}
    return client.post(PAGE, form, follow=True)


def acknowledgements() -> list[OperationalEvent]:
    return list(OperationalEvent.objects.filter(kind="finding_acknowledged"))


def many_checkpoints() -> list[int]:
    """Rows, two under each of twelve checkpoints."""
    return [pk for _ in range(12) for pk in sealed_events(2)]


def early_row() -> int:
    pk: int = event(1, at=timezone.now() + timedelta(days=90)).pk
    seal(timezone.now())
    return pk


def late_row() -> int:
    pk: int = event(1, at=timezone.now() - timedelta(days=90)).pk
    seal(timezone.now())
    return pk


def changed_row() -> int:
    pk = many_checkpoints()[9]
    alter(pk, detail="altered")
    return pk


def row_with_another_instant() -> int:
    pk = many_checkpoints()[9]
    alter(pk, at=timezone.now() - timedelta(days=400))
    return pk


def removed_row() -> int:
    pk = many_checkpoints()[9]
    remove(pk)
    return pk


@pytest.mark.parametrize("make", [early_row, late_row, changed_row, row_with_another_instant, removed_row])
def test_an_auditor_acknowledges_what_a_verification_finds_of_a_row(auditor: Client, make: Any) -> None:
    pk = make()
    many_checkpoints()
    [problem] = problems()
    page = checked(auditor, pk)
    assert problem.finding in page
    assert problem.why in page

    answer = sent(auditor, problem)

    [row] = acknowledgements()
    assert (row.actor, row.source, row.address) == ("aud", "admin", "127.0.0.1")
    assert (row.target, row.detail) == (f"{EVENTS} {pk}", WHY)
    assert WHY in answer.content.decode()
    assert LogEntry.objects.get(object_id=row.pk).user == User.objects.get(username="aud")
    assert found() == []
    seal(timezone.now())
    assert verify()[0] == 0
    assert f"It is acknowledged by aud at {row.at:%Y-%m-%d %H:%M} UTC: {WHY}" in checked(auditor, pk)


def test_what_changed_since_it_was_shown_is_not_acknowledged(auditor: Client) -> None:
    pk = sealed_events(3)[1]
    alter(pk, detail="altered")
    [shown] = problems()
    alter(pk, detail="altered again")
    page = sent(auditor, shown).content.decode()
    assert "This is another finding than the one that was given" in page
    assert acknowledgements() == []
    assert "This is another finding" in checked(auditor, pk, finding=shown.finding)
    [now] = problems()
    assert "This is another finding" not in checked(auditor, pk, finding=now.finding)


def test_nothing_is_acknowledged_twice_or_without_a_reason(auditor: Client) -> None:
    pk = sealed_events(1)[0]
    alter(pk, detail="altered")
    [problem] = problems()
    for reason in ("", "  ", "x" * 501):
        assert "errorlist" in sent(auditor, problem, reason=reason).content.decode()
    assert acknowledgements() == []
    sent(auditor, problem)
    assert "acknowledged already: nothing was written" in sent(auditor, problem).content.decode()
    assert len(acknowledgements()) == 1


def test_a_row_that_is_as_it_was_sealed_has_nothing_to_acknowledge(auditor: Client) -> None:
    pk = sealed_events(1)[0]
    page = checked(auditor, pk)
    assert "This row is as checkpoint 2 sealed it: there is nothing to acknowledge." in page
    assert 'name="reason"' not in page


def test_what_one_row_does_not_show_is_left_to_the_command(auditor: Client) -> None:
    page = checked(auditor, event(1).pk)
    assert "No checkpoint was found that seals this row" in page
    assert "manage.py audit acknowledge" in page
    assert 'name="reason"' not in page


def test_a_row_of_a_checkpoint_that_does_not_hold_cannot_be_acknowledged(auditor: Client) -> None:
    pk = sealed_events(1)[0]
    alter(pk, detail="altered")
    with without_triggers():
        Checkpoint.objects.filter(number=2).update(root="00")
    page = checked(auditor, pk)
    assert "Checkpoint 2, which seals this row, is not valid itself" in page
    assert 'name="reason"' not in page


def test_it_says_so_where_the_record_has_no_key(auditor: Client) -> None:
    pk = sealed_events(1)[0]
    alter(pk, detail="altered")
    [problem] = problems()
    SigningKey.objects.filter(purpose=Purpose.RECORD).update(revoked_at=timezone.now())
    revision.forget()
    page = sent(auditor, problem).content.decode()
    assert acknowledgements() == []
    assert "make one with manage.py create_key --record" in page
    assert WHY in page


@pytest.mark.parametrize(
    "asked",
    [
        {"table": "auth_user"},
        {"row": "0"},
        {"row": "9" * 30},
        {"row": "x"},
        {"finding": "\0"},
        {"finding": "F" * 32},
    ],
)
def test_what_names_no_row_is_reported_in_the_form(auditor: Client, asked: dict[str, str]) -> None:
    form = {"table": EVENTS, "row": "1", "finding": ""} | asked
    assert "errorlist" in auditor.get(f"{PAGE}?{urlencode(form)}").content.decode()
    assert auditor.post(PAGE, form | {"reason": WHY}).status_code == 400


def test_an_operator_cannot_acknowledge(operator: Client, auditor: Client) -> None:
    pk = sealed_events(1)[0]
    alter(pk, detail="altered")
    [problem] = problems()
    assert operator.get(f"{PAGE}?table={EVENTS}&row={pk}").status_code == 403
    assert sent(operator, problem).status_code == 403
    assert acknowledgements() == []
    changelist = reverse("admin:audit_operationalevent_changelist")
    assert PAGE in auditor.get(changelist).content.decode()
    assert PAGE not in operator.get(changelist).content.decode()
    record = reverse("admin:audit_issuanceevent_changelist")
    link = f'{PAGE}?table={EVENTS}&amp;row={pk}"'
    assert link in auditor.get(record).content.decode()
    assert link not in operator.get(record).content.decode()
