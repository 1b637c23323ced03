"""manage.py audit acknowledge: a known finding is no problem any more, and hides nothing that comes later."""

import io
import re
from contextlib import redirect_stdout
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.utils import timezone

from audit.models import Checkpoint, IssuanceEvent, OperationalEvent, Tombstone
from issuers.versioning.history import current_actor
from keys.record_key import record_key
from tests.audit.rows import EVENTS, event, sealed_events
from tests.audit.tampering import found, without_triggers
from tests.support.failing import refusing
from upkeep.sealing import seal

FINDING = re.compile(r"\[finding ([0-9a-f]{32})\]")
HOUR = timedelta(hours=1)
WHY = "the clock of host b ran ahead, see incident 7"

pytestmark = pytest.mark.usefixtures("sealed")


def rows(*ids: int) -> QuerySet[IssuanceEvent]:
    return IssuanceEvent.objects.filter(pk__in=ids)


def verify() -> tuple[int, list[str]]:
    """Exit status, and what it writes."""
    written = io.StringIO()
    with redirect_stdout(written):
        try:
            call_command("audit", "verify")
        except CommandError as error:
            return error.returncode, written.getvalue().splitlines()
    return 0, written.getvalue().splitlines()


def findings() -> list[str]:
    return FINDING.findall("\n".join(verify()[1]))


def acknowledge(*ids: str, reason: str = WHY) -> None:
    with redirect_stdout(io.StringIO()):
        call_command("audit", "acknowledge", *ids, "--reason", reason)


def early_row() -> IssuanceEvent:
    """A row of a clock that ran ahead by months, sealed."""
    row = event(1, at=timezone.now() + timedelta(days=90))
    seal(timezone.now())
    return row


def test_a_row_of_a_clock_that_ran_ahead_is_named_acknowledged_and_no_problem_any_more() -> None:
    row = early_row()
    status, lines = verify()
    assert status == 1
    assert lines[0].startswith(f"{EVENTS} {row.pk}: its instant is more than an hour after it was sealed: ")
    assert f"(its instant is {row.at:%Y-%m-%dT%H:%M:%S.%f}Z, and checkpoint 2 sealed it at " in lines[0]

    acknowledge(*findings())

    act = OperationalEvent.objects.get(kind="finding_acknowledged")
    assert (act.actor, act.source, act.target, act.detail) == (
        current_actor(), "command", f"{EVENTS} {row.pk}", WHY,
    )  # fmt: skip
    status, after = verify()
    assert status == 0
    assert after[0] == f"{lines[0]}: acknowledged by {act.actor} at {act.at:%Y-%m-%d %H:%M} UTC: {WHY}"
    assert after[-1].endswith("verified, no differences but 1 acknowledged findings.")
    seal(timezone.now())
    assert verify()[0] == 0


def test_an_acknowledgement_hides_no_later_change_of_the_same_row() -> None:
    row = early_row()
    acknowledge(*findings())
    with without_triggers():
        rows(row.pk).update(detail="altered")
    assert verify()[0] == 1
    [changed] = findings()
    acknowledge(changed, reason="restored by hand")
    assert verify()[0] == 0
    with without_triggers():
        rows(row.pk).update(detail="altered again")
    status, lines = verify()
    assert status == 1
    assert "it was changed after it was sealed" in lines[0]
    assert findings() != [changed]
    with without_triggers():
        rows(row.pk)._raw_delete("default")
    assert "it was removed after it was sealed" in verify()[1][0]


def test_who_owns_the_database_can_acknowledge_nothing() -> None:
    ids = sealed_events(2)
    with without_triggers():
        rows(ids[0]).update(detail="altered")
    [finding] = findings()
    acknowledge(finding, reason="for a copy")
    good = OperationalEvent.objects.get(kind="finding_acknowledged")
    with without_triggers():
        OperationalEvent.objects.filter(pk=good.pk).delete()
        rows(ids[1]).update(detail="altered")
    claims = jwt.decode(good.statement, options={"verify_signature": False})
    kid = record_key(timezone.now()).kid
    forged = jwt.encode(
        claims, Ed25519PrivateKey.generate(), algorithm="EdDSA",
        headers={"typ": "acknowledgement+jwt", "kid": kid},
    )  # fmt: skip
    values = {"kind": good.kind, "at": good.at, "source": "command", "actor": good.actor}
    own = OperationalEvent.objects.create(**values, target=good.target, detail=good.detail, statement=forged)
    other = OperationalEvent.objects.create(**values, target=f"{EVENTS} {ids[1]}", statement=good.statement)
    status, lines = verify()
    assert status == 1
    assert f"acknowledgement {own.pk}: its statement is not the record's: " in lines[0]
    assert lines[1] == f"acknowledgement {other.pk}: its row does not say what its statement says"
    assert [line.partition(":")[0] for line in lines[2:4]] == [f"{EVENTS} {pk}" for pk in ids]


def test_what_is_not_found_is_not_acknowledged_and_all_are_or_none() -> None:
    sealed_events(1)
    early_row()
    [finding] = findings()
    with pytest.raises(
        CommandError, match=r"Nothing was acknowledged: a verification does not find 0{32} now"
    ):
        acknowledge(finding, "0" * 32)
    for reason in (" ", "x" * 501):
        with pytest.raises(CommandError, match=r"Give a reason of 1 to 500 characters"):
            acknowledge(finding, reason=reason)
    with (
        refusing("INSERT", "audit_operationalevent"),
        pytest.raises(CommandError, match=r"Nothing was acknowledged, the database failed"),
    ):
        acknowledge(finding)
    assert not OperationalEvent.objects.filter(kind="finding_acknowledged").exists()
    acknowledge(finding)
    with pytest.raises(CommandError, match="or it is acknowledged already"):
        acknowledge(finding)


def test_a_checkpoint_that_is_broken_cannot_be_acknowledged() -> None:
    sealed_events(1)
    with without_triggers():
        Checkpoint.objects.filter(number=2).update(root="00")
    status, lines = verify()
    assert status == 1
    assert lines[0].startswith("checkpoint 2: ")
    assert findings() == []


def test_a_row_of_a_clock_ahead_holds_up_pruning_until_it_is_acknowledged() -> None:
    first = early_row()
    old = [event(number, at=timezone.now() - 40 * 24 * HOUR) for number in (2, 3)]
    newest = event(4, at=timezone.now() + 80 * 24 * HOUR)
    seal(timezone.now())
    before = f"{timezone.now() - timedelta(days=30):%Y-%m-%d}"
    written = io.StringIO()
    with redirect_stdout(written):
        call_command("audit", "prune", "--before", before)
    assert (
        f"Older rows stay behind row {first.pk}, whose instant is {first.at.isoformat()}: "
        in written.getvalue()
    )
    assert not Tombstone.objects.exists()
    ahead = [line for line in verify()[1] if "clock ran ahead" in line]
    acknowledge(*FINDING.findall("\n".join(ahead)))

    with without_triggers():
        rows(first.pk).update(detail="altered")
    with pytest.raises(CommandError, match="not as they were sealed"):
        call_command("audit", "prune", "--before", before)
    with without_triggers():
        rows(first.pk).update(detail="")

    with redirect_stdout(io.StringIO()):
        call_command("audit", "prune", "--before", before)
    stone = Tombstone.objects.get()
    assert (stone.first_id, stone.last_id) == (first.pk, old[-1].pk)
    # It came after every old row: nothing tells that it is old itself.
    assert list(IssuanceEvent.objects.filter(pk__gte=first.pk).values_list("pk", flat=True)) == [newest.pk]
    assert [line for line in found() if str(first.pk) in line] == []
