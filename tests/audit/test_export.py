"""What leaves the record: each row with the proof that it was sealed as it stands."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.exporting import export
from audit.exporting.export import CSV, NDJSON, Export
from audit.models import Checkpoint, Inspection, IssuanceEvent, UnsealedRange
from audit.reading.filters import EventFilter
from audit.sealing.leaf import hash_of
from audit.sealing.merkle import root_from_proof
from audit.writing.entry import Entry
from audit.writing.record import record
from issuers.versioning.history import Source, authored
from keys.record_key import read_statement, record_jwks
from tests.audit.sealed import seal
from tests.support.cast import Cast
from tests.support.wire import ask, last_event


def refusals(count: int, **columns: Any) -> list[int]:
    refused = {"issuer": "i", "outcome": "refused", "http_status": 401, "error": "invalid_client"} | columns
    entry = {"at": timezone.now(), "columns": refused}
    return [record(Entry(request_id=f"r{number}", **entry)) for number in range(count)]  # type: ignore[arg-type]


def exported(event_filter: EventFilter = EventFilter()) -> list[dict[str, Any]]:  # noqa: B008 - it is frozen
    return [json.loads(line) for line in "".join(Export(event_filter, form=NDJSON)).splitlines()]


def sealed_at(lines: list[dict[str, Any]]) -> list[int | None]:
    """The checkpoint of each row."""
    return [line["seal"] and line["seal"]["checkpoint"] for line in lines if "event" in line]


def told() -> list[tuple[str, str, str, int, str]]:
    """The inspections, oldest first."""
    rows = Inspection.objects.order_by("id")
    return [(row.actor, row.source, row.filter, row.rows, row.result) for row in rows]


def test_each_row_is_proven_by_the_checkpoint_before_it(cast: Cast) -> None:
    ask(auth=cast.basic("billing"))
    refusals(4, client_id="d\u00e9j\u00e0 vu \u2028")
    seal()
    refusals(2)
    seal()
    roots: dict[int, dict[str, Any]] = {}
    for line in exported():
        if "checkpoint" in line:
            statement = line["checkpoint"]["statement"]
            roots[line["checkpoint"]["number"]] = read_statement(
                statement, kind="checkpoint+jwt", keys=record_jwks()
            )
        if "event" in line:
            place = line["seal"]
            proof = [bytes.fromhex(beside) for beside in place["proof"]]
            leaf, size = hash_of(line["event"]), place["size"]
            found = root_from_proof(leaf, index=place["index"], size=size, proof=proof)
            assert found is not None
            assert (found.hex(), size) == tuple(roots[place["checkpoint"]][name] for name in ("root", "rows"))
    assert list(roots) == [1, 2]


def test_a_file_says_what_was_asked_for_and_where_it_ends(cast: Cast) -> None:
    refusals(2, client_id="one")
    refusals(1, client_id="two")
    lines = exported(EventFilter(client="one"))
    head = lines[0]["export"]
    assert (head["format"], head["chosen"]) == (1, "client one")
    assert head["keys"] == "http://127.0.0.1:8000/audit/jwks"
    assert [line["event"]["client_id"] for line in lines[1:-1]] == ["one", "one"]
    assert lines[-1] == {"end": {"rows": 2, "sealed": 0, "broken_checkpoints": []}}


def test_rows_that_are_not_sealed_yet_say_so(cast: Cast) -> None:
    refusals(2)
    seal()
    refusals(1)
    assert sealed_at(exported()) == [1, 1, None]


def test_a_row_that_was_sealed_late_is_found_in_its_later_checkpoint(cast: Cast) -> None:
    early, late, *_ = refusals(4)
    seal(leave_out=[late])
    refusals(2)
    seal(leave_out=[late])
    refusals(1)
    seal()
    lines = exported()
    assert sealed_at(lines) == [1, 3, 1, 1, 2, 2, 3]
    assert [line["checkpoint"]["number"] for line in lines if "checkpoint" in line] == [1, 3, 2]
    assert early < late


def test_more_checkpoints_than_are_kept_open_are_read_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.sealing.seal_search.KEPT_OPEN", 1)
    late = refusals(3)[1]
    seal(leave_out=[late])
    for _ in range(3):
        refusals(1)
        seal(leave_out=[late])
    seal()
    assert sealed_at(exported()) == [1, 5, 1, 2, 3, 4]


def test_a_row_from_a_clock_ahead_is_found_in_the_checkpoint_of_its_past(cast: Cast) -> None:
    refusals(1)
    record(
        Entry(
            at=timezone.now() + timedelta(days=3),
            request_id="r",
            columns={
                "issuer": "i",
                "outcome": "refused",
                "http_status": 401,
                "error": "e",
                "client_id": "ahead",
            },
        )
    )
    seal()
    assert sealed_at(exported(EventFilter(client="ahead"))) == [1]


def test_the_search_starts_near_the_first_row(cast: Cast) -> None:
    refusals(1)
    connection_at = timezone.now() - timedelta(days=2)
    for _ in range(3):
        seal_at(connection_at)
        refusals(1)
    seal()
    with CaptureQueriesContext(connection) as queries:
        assert sealed_at(exported(EventFilter(since=last_event().at))) == [4]
    assert len([query for query in queries if '"leaves"' in query["sql"]]) == 1


def seal_at(at: Any) -> None:
    """A checkpoint that says that it is of that time."""
    checkpoint = seal_unsaved()
    checkpoint.created_at = at
    checkpoint.save()


def seal_unsaved() -> Checkpoint:
    number = Checkpoint.objects.count() + 1
    previous = Checkpoint.objects.order_by("number").last()
    return Checkpoint(
        number=number, previous=previous, row_count=1, leaves=b"", root="00", kid="k", statement="s"
    )


def test_a_row_that_the_sealer_notes_as_unsealed_is_not_sought(cast: Cast) -> None:
    refusals(1)
    seal()
    (row_id,) = refusals(1)
    UnsealedRange.objects.create(
        table="audit_issuanceevent", first_id=row_id, last_id=None, noticed_at=timezone.now()
    )
    with CaptureQueriesContext(connection) as queries:
        assert sealed_at(exported(EventFilter(since=last_event().at))) == [None]
    assert not [query for query in queries if '"leaves"' in query["sql"]]


def test_a_gap_that_the_sealer_notes_hides_no_row_beside_it(cast: Cast) -> None:
    first, gap, last = refusals(3)
    seal(leave_out=[gap])
    UnsealedRange.objects.create(
        table="audit_issuanceevent", first_id=gap, last_id=gap, noticed_at=timezone.now()
    )
    assert sealed_at(exported()) == [1, None, 1]
    assert first < gap < last


def test_a_checkpoint_that_cannot_be_read_is_named_and_stops_nothing(cast: Cast) -> None:
    refusals(1)
    Checkpoint.objects.create(number=1, row_count=1, leaves=b"\x05audit", root="00", kid="k", statement="s")
    lines = exported()
    assert sealed_at(lines) == [None]
    assert lines[-1]["end"]["broken_checkpoints"] == [1]


def test_rows_that_come_while_it_runs_are_not_in_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    refusals(2)
    running = Export(EventFilter(), form=NDJSON)
    next(running)
    refusals(2)
    assert json.loads(list(running)[-1])["end"]["rows"] == 2


def test_rows_are_read_in_chunks(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.exporting.exported_rows.CHUNK", 2)
    ids = refusals(5)
    assert [line["event"]["id"] for line in exported() if "event" in line] == ids


def test_a_csv_has_the_checkpoint_and_the_leaf_of_each_row(cast: Cast) -> None:
    refusals(1, client_id="=1+1")
    seal()
    refusals(1)
    text = "".join(Export(EventFilter(), form=CSV))
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    leaves = [hash_of(line["event"]).hex() for line in exported() if "event" in line]
    assert [(row["checkpoint"], row["leaf_hash"]) for row in (first, second)] == [
        ("1", leaves[0]), ("", leaves[1]),
    ]  # fmt: skip
    assert first["client_id"] == "'=1+1"


@pytest.mark.parametrize(
    ("event_filter", "found"),
    [
        (EventFilter(kid="k1"), ["a"]),
        (EventFilter(address="192.0.2.9"), ["b"]),
        (EventFilter(exactly="r0", client="b"), ["b"]),
        (EventFilter(credential="secret:1"), ["a"]),
        (EventFilter(), ["a", "b"]),
    ],
)
def test_it_holds_what_is_chosen(cast: Cast, event_filter: EventFilter, found: list[str]) -> None:
    refusals(1, client_id="a", kid="k1", credential="secret:1")
    refusals(1, client_id="b", ip="192.0.2.9")
    assert [line["event"]["client_id"] for line in exported(event_filter) if "event" in line] == found


def test_what_is_chosen_reads_as_a_sentence() -> None:
    at = datetime.fromisoformat("2026-07-01T02:00:00+02:00")
    assert str(EventFilter(since=at, client="a")) == "since 2026-07-01T00:00:00.000000Z, client a"
    assert str(EventFilter()) == ""


def test_it_is_written_down_before_the_first_byte_and_after_the_last(cast: Cast) -> None:
    refusals(3)
    with authored(actor="ann", source=Source.ADMIN):
        running = Export(EventFilter(client=""), form=NDJSON)
    assert told() == [("ann", "admin", "", 0, "ndjson: begun")]
    "".join(running)
    running.close()
    assert told()[1:] == [("ann", "admin", "", 3, "ndjson: complete")]


def broken_off(running: Export) -> None:
    next(running)
    running.close()


def failed(running: Export) -> None:
    next(running)
    running._blocks = failing()
    with pytest.raises(ZeroDivisionError):
        next(running)
    running.close()


def failing() -> Iterator[str]:
    yield str(1 // 0)


def not_begun(running: Export) -> None:
    running.close()


@pytest.mark.parametrize(
    ("end", "rows", "result"),
    [(broken_off, 1, "broken off"), (failed, 1, "failed: ZeroDivisionError"), (not_begun, 0, "broken off")],
)
def test_however_it_ends_it_is_written_down(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, end: Callable[[Export], None], rows: int, result: str
) -> None:
    monkeypatch.setattr(export, "BLOCK", 200)
    refusals(3)
    end(Export(EventFilter(), form=NDJSON))
    assert [row[3:] for row in told()] == [(0, "ndjson: begun"), (rows, f"ndjson: {result}")]


def test_an_export_changes_no_row(cast: Cast) -> None:
    refusals(2)
    before = list(IssuanceEvent.objects.values())
    exported()
    assert list(IssuanceEvent.objects.values()) == before
