"""What proves the rows in view: each is compared with its seal, and what is not as it was sealed is named."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.models import Checkpoint, Inspection, IssuanceEvent, Tombstone, UnsealedRange
from audit.protection import triggers
from audit.sealing import merkle
from audit.sealing.checkpoints import CHECKPOINT
from audit.sealing.leaf import hash_of
from audit.sealing.leaves import Leaf, packed
from audit.verification import rows_in_view
from audit.verification.rows_in_view import TABLE, State, checked
from audit.writing.entry import Entry
from audit.writing.record import record
from console.integrity.seal_status import page_status, unsealed_rows
from issuers.models import SigningAlg
from issuers.versioning import revision
from keys.lifecycle.creation import create_first_key
from keys.models import Purpose, SigningKey
from keys.record_key import record_key, signed_statement, statement_reader
from tests.console.pages import body_of
from tests.support.cast import Cast

LIST = "/admin/audit/issuanceevent/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def start(cast: Cast) -> datetime:
    """An hour ago; the record has a key since."""
    at = timezone.now() - timedelta(hours=1)
    if not SigningKey.objects.filter(purpose=Purpose.RECORD).exists():
        create_first_key(issuer=None, alg=SigningAlg.EDDSA, now=at)
    return at


def asked(at: datetime) -> IssuanceEvent:
    columns = {"issuer": "i", "outcome": "refused", "http_status": 401, "error": "invalid_client"}
    record(Entry(at=at, request_id="request", columns=columns))
    return IssuanceEvent.objects.latest("pk")


def seal(events: Sequence[IssuanceEvent], at: datetime, **altered: Any) -> Checkpoint:
    """As `maintain` does; `altered` are claims of the statement or columns of the checkpoint that are wrong."""
    rows = IssuanceEvent.objects.filter(pk__in=[event.pk for event in events])
    leaves = [Leaf(TABLE.name, pk, hash_of(members)) for pk, members in TABLE.rows(rows.order_by("pk"))]
    newest = Checkpoint.objects.order_by("-number").first()
    number, root = (newest.number + 1 if newest else 1), merkle.root([leaf.hash for leaf in leaves]).hex()
    claims = {"number": number, "root": root, "rows": len(leaves)} | altered.pop("claims", {})
    key = record_key(timezone.now())
    columns = {
        "number": number,
        "created_at": at,
        "previous": newest,
        "row_count": len(leaves),
        "leaves": packed(leaves),
        "root": root,
        "kid": key.kid,
        "statement": signed_statement(claims, kind=altered.pop("kind", CHECKPOINT), key=key),
    }
    last = IssuanceEvent.objects.latest("pk").pk
    UnsealedRange.objects.update_or_create(
        table=TABLE.name, last_id=None, defaults={"first_id": last + 1, "noticed_at": at}
    )
    return Checkpoint.objects.create(**columns | altered)


def tamper(event: IssuanceEvent, **columns: Any) -> None:
    """What someone does who owns the database: take the triggers off, and change the row."""
    triggers.remove(connection)
    IssuanceEvent.objects.filter(pk=event.pk).update(**columns)
    triggers.install(connection)


def states(events: Sequence[IssuanceEvent]) -> list[State]:
    fresh = IssuanceEvent.objects.in_bulk([event.pk for event in events])
    return [row.state for row in checked([fresh[event.pk] for event in events], read=statement_reader())]


def test_rows_are_as_they_were_sealed(start: datetime) -> None:
    events = [asked(start + number * MINUTE) for number in range(6)]
    for first in (0, 2, 4):
        seal(events[first : first + 2], start + (first + 2) * MINUTE)
    found = checked(events[::-1], read=statement_reader())
    assert {row.state for row in found} == {State.AS_SEALED}
    assert [row.checkpoint for row in found] == [3, 3, 2, 2, 1, 1]


def test_rows_that_wait_for_the_next_checkpoint_are_reported(start: datetime) -> None:
    events = [asked(start), asked(start + MINUTE)]
    assert states(events) == [State.NOT_YET, State.NOT_YET]
    seal(events, start + 2 * MINUTE)
    events.append(asked(start + 3 * MINUTE))
    assert states(events) == [State.AS_SEALED, State.AS_SEALED, State.NOT_YET]
    assert unsealed_rows() == 1


def test_a_row_in_a_gap_waits_too(start: datetime) -> None:
    late, event = asked(start), asked(start)
    seal([event], start + MINUTE)
    UnsealedRange.objects.create(table=TABLE.name, first_id=late.pk, last_id=late.pk, noticed_at=start)
    assert states([late, event]) == [State.NOT_YET, State.AS_SEALED]


def test_a_row_that_was_committed_late_is_found_in_a_later_checkpoint(start: datetime) -> None:
    late, event = asked(start), asked(start)
    seal([event], start + MINUTE)
    seal([late], start + 2 * MINUTE)
    assert states([late, event]) == [State.AS_SEALED, State.AS_SEALED]


def test_a_row_written_by_a_clock_that_is_ahead_is_found(start: datetime) -> None:
    event = asked(start + timedelta(seconds=5))
    seal([event], start)
    assert states([event]) == [State.AS_SEALED]


@pytest.mark.parametrize(
    "altered", [{"client_id": "other"}, {"error": "invalid_scope"}, {"detail": "nothing"}]
)
def test_a_row_that_was_changed_is_named(start: datetime, auditor: Client, altered: dict[str, str]) -> None:
    events = [asked(start), asked(start)]
    seal(events, start + MINUTE)
    tamper(events[0], **altered)
    assert states(events) == [State.BROKEN, State.AS_SEALED]
    page = body_of(auditor, LIST)
    assert "1 row on this page is not as it was sealed" in page
    assert f'<a href="{LIST}{events[0].pk}/change/">Row {events[0].pk}</a>' in page
    assert "1 of 2 rows on this page is as it was sealed." in " ".join(page.split())


def test_a_row_that_came_in_afterwards_has_no_seal(start: datetime) -> None:
    events = [asked(start), asked(start), asked(start)]
    seal([events[0], events[2]], start + MINUTE)
    assert states(events) == [State.AS_SEALED, State.NOT_FOUND, State.AS_SEALED]


@pytest.mark.parametrize(
    ("altered", "why"),
    [
        ({"claims": {"root": "00" * 32}}, "are not those that were signed"),
        ({"claims": {"number": 7}}, "is that of another one"),
        ({"kind": "tombstone+jwt"}, "is not signed by the record's key"),
        ({"statement": "a.b.c"}, "is not signed by the record's key"),
        ({"leaves": b"\x12leaves"}, "cannot be read"),
        ({"leaves": b"\xff"}, "cannot be read"),
    ],
)
def test_a_checkpoint_that_does_not_hold_breaks_its_rows(
    start: datetime, altered: dict[str, Any], why: str
) -> None:
    event = asked(start)
    seal([event], start + MINUTE, **altered)
    (row,) = checked([event], read=statement_reader())
    assert (row.state, why in row.why) == (State.BROKEN, True)


def test_leaves_that_were_made_again_for_a_changed_row_are_not_those_that_were_signed(
    start: datetime,
) -> None:
    event = asked(start)
    signed = seal([event], start + MINUTE)
    tamper(event, client_id="other")
    changed = hash_of(next(TABLE.rows(IssuanceEvent.objects.filter(pk=event.pk)))[1])
    triggers.remove(connection)
    Checkpoint.objects.filter(pk=signed.pk).update(leaves=packed([Leaf(TABLE.name, event.pk, changed)]))
    triggers.install(connection)
    assert states([event]) == [State.BROKEN]


def test_checkpoints_are_found_by_halves(
    start: datetime, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    for number in range(40):
        events.append(asked(start + number * MINUTE))
        seal(events[-1:], start + number * MINUTE + MINUTE / 2)
    # How often the revision is read depends on the time that passes, so here it is not read again.
    revision.current()
    monkeypatch.setattr(revision, "REREAD_AFTER", float("inf"))
    with django_assert_max_num_queries(12):
        assert states([events[11]]) == [State.AS_SEALED]
    assert set(states(events)) == {State.AS_SEALED}


def test_one_page_reads_no_more_leaves_than_it_may(start: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [asked(start), asked(start + MINUTE)]
    seal(events[:1], start + MINUTE / 2)
    seal(events[1:], start + 2 * MINUTE)
    monkeypatch.setattr(rows_in_view, "MAX_LEAVES", 1)
    assert states(events) == [State.AS_SEALED, State.NOT_FOUND]


def test_the_list_says_what_proves_its_rows(start: datetime, auditor: Client) -> None:
    events = [asked(start), asked(start)]
    assert "2 rows on this page are not sealed yet." in body_of(auditor, LIST)
    seal(events, start + MINUTE)
    Tombstone.objects.create(
        actor="a", first_id=events[0].pk, last_id=events[0].pk, row_count=3, kid="k", statement="s"
    )
    Inspection.objects.create(
        at=start, actor="vera", source="command", act="verify", rows=2, result="2 rows hold."
    )
    page = " ".join(body_of(auditor, LIST).split())
    assert "2 of 2 rows on this page are as they were sealed." in page
    assert "3 rows among these were pruned by permission" in page
    assert "checkpoint 1</a>" in page
    assert f"Last verified in full {start:%Y-%m-%d %H:%M:%S} UTC by vera: 2 rows hold." in page


def test_it_says_what_to_do_where_the_record_has_no_key(cast: Cast, auditor: Client) -> None:
    SigningKey.objects.filter(purpose="record").delete()
    page = body_of(auditor, LIST)
    assert "make one with manage.py create_key --record" in page
    assert "Nothing is sealed so far." in page
    assert page_status([]).rows == 0


def test_the_overview_says_it_in_a_line(start: datetime, auditor: Client, operator: Client) -> None:
    seal([asked(start)], start + MINUTE)
    asked(start + 2 * MINUTE)
    for client in (auditor, operator):
        page = " ".join(body_of(client, "/admin/").split())
        assert "checkpoint 1</a>" in page
        assert "1 row is not sealed yet" in page


def test_a_row_whose_instant_is_written_otherwise_is_named_where_texts_are_compared(start: datetime) -> None:
    row = asked(start)
    seal([row], start + MINUTE)
    triggers.remove(connection)
    with connection.cursor() as cursor:
        text = row.at.isoformat()
        cursor.execute("UPDATE audit_issuanceevent SET at = %s WHERE id = %s", [text, row.pk])
    triggers.install(connection)
    expected = State.BROKEN if connection.vendor == "sqlite" else State.AS_SEALED
    assert states([row]) == [expected]
