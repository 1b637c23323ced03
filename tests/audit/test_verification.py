"""audit/verification/verify.py: whatever is done to the record behind the triggers is found and named."""

import io
import re
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone

from audit.models import Checkpoint, HourlyCount, Inspection, IssuanceEvent, Tombstone, UnsealedRange
from audit.sealing.leaves import Leaf, packed, unpacked
from issuers.models import Issuer
from keys.jwk import public_jwk
from keys.models import Purpose, SigningKey
from keys.record_key import make_record_key
from tests.audit.rows import EVENTS, event, sealed_events
from tests.audit.tampering import found, seal_all_anew, statements, without_triggers
from tests.support.failing import refusing
from upkeep.sealing import seal

CHANGED = "it was changed after it was sealed"
REMOVED = "it was removed after it was sealed"
INSERTED = "it was inserted among sealed rows: no checkpoint covers it"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("sealed")


def rows(*ids: int) -> "QuerySet[IssuanceEvent]":
    return IssuanceEvent.objects.filter(pk__in=ids)


def test_nothing_is_found_in_a_record_that_nobody_touched() -> None:
    for _ in range(3):
        sealed_events(2)
    event()
    make_record_key(timezone.now())
    sealed_events(1)
    assert found() == []
    assert found(statements()) == []


@pytest.mark.parametrize(
    "values", [{"detail": "x"}, {"http_status": 201}, {"is_test": True}, {"confirmation": "x"}, {"expires_at": None,
    "outcome": "refused", "error": "e"}, {"at": F("expires_at") - HOUR}], ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_a_row_that_was_edited(values: dict[str, object]) -> None:
    ids = sealed_events(5)
    with without_triggers():
        rows(ids[2]).update(**values)
    assert found() == [f"{EVENTS} {ids[2]}: {CHANGED}"]


def test_a_row_that_was_deleted() -> None:
    ids = sealed_events(5)
    with without_triggers():
        rows(ids[0], ids[3]).delete()
    assert found() == [f"{EVENTS} {ids[0]}: {REMOVED}", f"{EVENTS} {ids[3]}: {REMOVED}"]


def test_a_row_that_was_inserted() -> None:
    ids = sealed_events(2)
    event(id=ids[-1] + 2)
    seal(timezone.now())
    UnsealedRange.objects.filter(last_id__isnull=False).delete()
    event(id=ids[-1] + 1)
    assert found() == [f"{EVENTS} {ids[-1] + 1}: {INSERTED}"]


def test_a_row_that_was_put_in_afterwards() -> None:
    sealed_events(1)
    late = event(at=timezone.now() - HOUR - timedelta(seconds=5))
    event(at=timezone.now() - HOUR + timedelta(minutes=1))
    assert found() == [f"{EVENTS} {late.pk}: it is older than an hour and not sealed"]
    seal(timezone.now())
    [told] = found()
    assert told.startswith(f"{EVENTS} {late.pk}: it was sealed late: ")


def test_the_backlog_of_a_first_run_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.verification.verify.MAX_ROWS", 3)
    with without_triggers():
        Checkpoint.objects.all().delete()
    UnsealedRange.objects.all().delete()
    for number in range(8):
        event(number, at=timezone.now() - timedelta(days=30))
    seal(timezone.now(), max_rows=3, max_checkpoints=100)
    assert found() == []


def test_all_of_a_backlog_is_compared_where_its_days_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.verification.verify.MAX_ROWS", 3)
    long_ago = timezone.now() - timedelta(days=30)
    with without_triggers():
        Checkpoint.objects.all().delete()
    UnsealedRange.objects.all().delete()
    ids = [event(number, at=long_ago).pk for number in range(8)]
    seal(timezone.now(), max_rows=3, max_checkpoints=100)
    with without_triggers():
        rows(ids[-1]).update(detail="x")
    assert found(until=long_ago + HOUR) == [f"{EVENTS} {ids[-1]}: {CHANGED}"]


def test_rows_whose_contents_were_exchanged() -> None:
    one, two, three = sealed_events(3)
    columns = [field.attname for field in IssuanceEvent._meta.concrete_fields if not field.primary_key]
    first, second = rows(one).values(*columns).get(), rows(two).values(*columns).get()
    with without_triggers():
        rows(one).update(**second)
        rows(two).update(**first)
    assert found() == [
        f"{EVENTS} {one}: {CHANGED}", f"{EVENTS} {two}: {CHANGED}",
        f"{EVENTS} {one}: it holds what row {two} held", f"{EVENTS} {two}: it holds what row {one} held",
    ]  # fmt: skip
    assert str(three) not in "".join(found())


def test_a_row_of_the_configurations_history() -> None:
    row = Issuer.history.order_by("history_id").first()
    Issuer.history.filter(history_id=row.history_id).update(history_user_id="somebody else")
    assert found() == [f"issuers_historicalissuer {row.history_id}: {CHANGED}"]
    Issuer.history.filter(history_id=row.history_id).delete()
    assert found() == [f"issuers_historicalissuer {row.history_id}: {REMOVED}"]


def test_a_row_that_cannot_even_be_read() -> None:
    ids = sealed_events(5)
    if connection.vendor == "postgresql":
        return  # It lets nothing into a column that is no value of it.
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {EVENTS} SET at = 'yesterday' WHERE id = %s", [ids[1]])  # noqa: S608
        cursor.execute(f"UPDATE {EVENTS} SET detail = x'ff' WHERE id = %s", [ids[2]])  # noqa: S608
        cursor.execute(f"UPDATE {EVENTS} SET kid = CAST(x'ff' AS TEXT) WHERE id = %s", [ids[3]])  # noqa: S608
    assert found() == [f"{EVENTS} {pk}: {CHANGED}" for pk in ids[1:4]]


def test_the_last_five_rows_and_then_their_checkpoint_too() -> None:
    sealed_events(2)
    last = sealed_events(5)
    kept = statements()
    with without_triggers():
        rows(*last).delete()
        assert found() == [f"{EVENTS} {pk}: {REMOVED}" for pk in last]
        Checkpoint.objects.filter(number=3).delete()
    [told] = found()
    assert told.endswith(" it tells of 5 requests more than are sealed"), "who forgets the sums is found out"
    HourlyCount.objects.filter(client_id="billing").update(requests=2)
    assert found() == []
    assert found(kept) == ["checkpoint 3: it is in the file and is missing here"]


def test_a_checkpoint_in_between() -> None:
    first = sealed_events(1)
    sealed_events(1)
    with without_triggers():
        removed, following = (Checkpoint.objects.filter(number=number) for number in (2, 3))
        for row, previous in (
            (following, following),
            (removed, removed),
            (following, Checkpoint.objects.filter(number=1)),
        ):
            row.update(previous=previous.get())
        removed._raw_delete(removed.db)
    assert found() == [
        "checkpoint 2: it is missing",
        "checkpoint 3: it does not follow the statement that the one before has now",
        f"{EVENTS} {first[0]}: {INSERTED}",
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"created_at": timezone.now() - HOUR}, "its row says another at than its statement"),
        ({"row_count": 7}, "its row says another rows than its statement"),
        ({"root": "00"}, "its row says another root than its statement"),
        ({"kid": "x"}, "its row says another kid than its statement"),
        ({"previous": None}, "its row does not name the one before"),
        ({"leaves": b"\x05ab"}, "its leaves cannot be read"),
        (
            {"statement": "x"},
            "its statement is not the record's: Its signature does not verify: Not enough segments",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_column_of_a_checkpoint(values: dict[str, object], why: str) -> None:
    sealed_events(1)
    with without_triggers():
        if values == {"previous": None}:
            Checkpoint.objects.filter(number=1).update(previous=Checkpoint.objects.get(number=2))
        Checkpoint.objects.filter(number=2).update(**values)
    assert f"checkpoint 2: {why}" in found()


def test_a_leaf_of_a_checkpoint() -> None:
    ids = sealed_events(3)
    made = Checkpoint.objects.get(number=2)
    leaves = unpacked(bytes(made.leaves))
    forged = [Leaf(EVENTS, ids[0], bytes(32)), *leaves[1:]]
    with without_triggers():
        Checkpoint.objects.filter(number=2).update(leaves=packed(forged))
    assert found() == [
        "checkpoint 2: its leaves do not lead to the root of its statement", f"{EVENTS} {ids[0]}: {CHANGED}",
    ]  # fmt: skip


def test_a_statement_of_another_kind_proves_nothing() -> None:
    first = Checkpoint.objects.get()
    Tombstone.objects.create(
        actor="a", first_id=1, last_id=10, row_count=1, kid=first.kid, statement=first.statement
    )
    [told] = found()
    assert told.endswith("its statement is not the record's: It is no tombstone+jwt.")


def test_everything_rewritten_and_sealed_with_another_key() -> None:
    ids = sealed_events(3)
    kept = statements()
    stranger = Ed25519PrivateKey.generate()
    with without_triggers():
        rows(ids[1]).update(detail="x")
        seal_all_anew(stranger, "stranger")
    assert found() == [
        "checkpoint 1: its statement is not the record's: It is signed by stranger, which is not a key of the record."
    ]
    # Who owns the database can register the key as well: only what is kept elsewhere tells then.
    jwk = public_jwk(stranger.public_key())
    SigningKey.objects.filter(purpose=Purpose.RECORD).update(kid="stranger", public_jwk=jwk)
    assert found(kept) == [
        "checkpoint 1: it was rewritten: its statement is another one in the file",
        "checkpoint 2: it is in the file and is missing here",
    ]


def test_a_file_of_statements_that_is_none() -> None:
    [one] = statements()
    assert found([one[:50], one, "", one]) == [], "a line that was cut, and the same line twice"
    assert found(["x", one]) == ["line 1 of the file: it is not a statement of a checkpoint"]
    assert found([one, one[:-9] + "x"]) == [
        "line 2 of the file: it has another statement of checkpoint 1 than an earlier line"
    ]


def test_a_row_sealed_twice() -> None:
    ids = sealed_events(2)
    UnsealedRange.objects.filter(table=EVENTS).update(first_id=ids[0])
    seal(timezone.now())
    assert found() == [f"{EVENTS} {ids[0]} to {ids[1]}: two checkpoints cover them"]


def test_the_command_says_that_all_is_well_and_leaves_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    sealed_events(3)
    event()

    call_command("audit", "verify")

    count = sum(Checkpoint.objects.values_list("row_count", flat=True))
    line = f"{count} rows under 2 checkpoints, 1 rows wait for the next: verified, no differences."
    assert capsys.readouterr().out.splitlines() == [line]
    done = Inspection.objects.get()
    assert (done.act, done.rows, done.filter, done.result) == ("verify", count, "", line)


def test_a_verification_is_dated_when_it_is_done_and_not_when_it_began() -> None:
    class Told(io.StringIO):
        at = timezone.now()

        def write(self, text: str) -> int:
            self.at = timezone.now()
            return super().write(text)

    with redirect_stdout(Told()) as told:
        call_command("audit", "verify")
    assert "verified, no differences" in told.getvalue()
    assert Inspection.objects.get().at >= told.at


def test_the_command_names_the_rows_and_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ids = sealed_events(3)
    copies = tmp_path / "checkpoints.jwt"
    copies.write_text("".join(f"{statement}\n" for statement in statements()))
    with without_triggers():
        rows(ids[1]).update(detail="x")

    with pytest.raises(CommandError, match="1 problems: the record is not as it was sealed") as caught:
        call_command("audit", "verify", "--checkpoint", str(copies))

    assert caught.value.returncode == 1
    [line] = capsys.readouterr().out.splitlines()[:1]
    assert re.fullmatch(rf"{EVENTS} {ids[1]}: {CHANGED} \[finding [0-9a-f]{{32}}\]", line)
    assert Inspection.objects.get().filter == "2 statements kept elsewhere"


def test_the_command_compares_the_rows_of_chosen_days(capsys: pytest.CaptureFixture[str]) -> None:
    ids = sealed_events(3)
    with without_triggers():
        rows(ids[1]).update(detail="x")
    tomorrow = f"{timezone.now() + timedelta(days=2):%Y-%m-%d}"

    call_command("audit", "verify", "--from", tomorrow)
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--to", tomorrow)

    assert capsys.readouterr().out.startswith("0 rows under 2 checkpoints: verified, no differences.\n")


def test_a_database_that_fails_is_another_status() -> None:
    with (
        refusing("INSERT", "audit_inspection"),
        pytest.raises(CommandError, match=r"Not verified, the database failed: the disk is full") as caught,
    ):
        call_command("audit", "verify")
    assert caught.value.returncode == 2
    assert not Inspection.objects.exists()


def test_what_cannot_be_checked_is_another_status(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing\.jwt cannot be read: No such file") as caught:
        call_command("audit", "verify", "--checkpoint", str(tmp_path / "nothing.jwt"))
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="a day such as 2026-07-01"):
        call_command("audit", "verify", "--from", "yesterday")
