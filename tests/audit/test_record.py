"""audit/writing: what becomes a row, what becomes a line, and what becomes of neither."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, models, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit.models import IssuanceEvent, Outcome, Trace
from audit.writing.entry import Entry
from audit.writing.insertion import insertion
from audit.writing.record import MAX_TRACE_BYTES, NotRecordedError, record
from formats.masking import cleaned
from relying_parties.client_secrets import generate
from tests.support.failing import refusing

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
REFUSED = {"issuer": "i", "outcome": Outcome.REFUSED, "http_status": 400, "error": "e"}
ANYTHING = st.lists(st.integers(0, 0x10FFFF).map(chr)).map("".join)
HOSTILE = 'a\x00b\r\nc\td\x1be\x7f\x85"\\\u2028\u202e\u2066\ufeff\ud800\U0001f600é'


def entry(**columns: Any) -> Entry:
    return Entry(at=NOW, request_id="r-1", columns=REFUSED | columns)


def stored(event_id: int) -> IssuanceEvent:
    return IssuanceEvent.objects.get(pk=event_id)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 秘 😀", "plain é 秘 😀"),
        ("a\x00b", "a�b"),
        ("a\r\nb\tc", "a��b�c"),
        ("\x1b[31m\x7f\x85", "�[31m��"),
        ("\u202eevil\u202c \u2066\u2069\u2028\u2029\ufeff", "�evil� �����"),
        ("\ud800 \udfff", "� �"),
        ("Bearer m2m_abcdefgh.", "Bearer [secret]."),
        ("m2m_aaaaaaaaaa m2m_bbbbbbbbbb", "[secret] [secret]"),
        ("m2m_app", "m2m_app"),
        ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln!", "Bearer [token]!"),
        ("eyJ is how one begins", "eyJ is how one begins"),
    ],
)
def test_a_callers_text_is_cleaned(text: str, shown: str) -> None:
    assert cleaned(text) == shown


@given(ANYTHING, ANYTHING)
def test_no_generated_secret_and_no_control_character_is_left(before: str, after: str) -> None:
    secret = generate()
    shown = cleaned(f"{before}{secret} {after}")
    shown.encode()
    assert secret not in shown
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs"}
    assert cleaned(shown) == shown


def test_the_insert_has_all_columns_of_the_model(db: None) -> None:
    insert = insertion(connection.vendor)
    columns = [field.name for field in IssuanceEvent._meta.concrete_fields if not field.primary_key]
    assert list(insert.fits) == columns
    assert list(insert.row_of(entry())) == columns


def test_every_column_is_stored_as_it_was_noted(db: None) -> None:
    noted: dict[str, Any] = {}
    for field in IssuanceEvent._meta.concrete_fields:
        if isinstance(field, models.CharField):
            noted[field.name] = field.name[:10]
    noted |= {
        "outcome": Outcome.ISSUED,
        "error": "",
        "http_status": 200,
        "expires_at": NOW,
        "is_test": True,
        "format": 7,
    }
    event = stored(record(Entry(at=NOW, request_id=noted["request_id"], columns=noted)))
    found = {name: getattr(event, name) for name in noted}
    assert found == noted
    assert event.at == NOW


def test_what_is_not_known_is_empty(db: None) -> None:
    event = stored(record(entry()))
    assert (event.client_id, event.jti, event.detail, event.expires_at, event.is_test) == (
        "",
        "",
        "",
        None,
        False,
    )
    assert event.format == 1


def test_it_is_committed_when_record_returns(db: None) -> None:
    first, second = record(entry()), record(entry())
    connection.close()
    assert list(IssuanceEvent.objects.order_by("id").values_list("pk", flat=True)) == [first, second]


def test_instants_are_stored_as_those_of_any_other_table(db: None) -> None:
    """SQLite compares texts: one with a zone behind it would be found by no filter and ordered wrongly."""
    noted = entry(expires_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    event_id = record(noted)
    same = IssuanceEvent.objects.filter(at=noted.at, expires_at=noted.columns["expires_at"])
    assert [row.pk for row in same] == [event_id]


def test_every_text_is_cut_to_its_column(db: None) -> None:
    lengths = {
        field.name: field.max_length
        for field in IssuanceEvent._meta.concrete_fields
        if isinstance(field, models.CharField) and field.name not in {"outcome", "request_id"}
    }
    event = stored(record(entry(**dict.fromkeys(lengths, "é" * 10_000))))
    assert {name: len(getattr(event, name)) for name in lengths} == lengths


def test_a_secret_at_the_edge_of_a_column_does_not_survive_the_cut(db: None) -> None:
    event = stored(record(entry(detail="x" * 490 + generate(), user_agent=generate())))
    assert "m2m_" not in event.detail + event.user_agent
    assert event.user_agent == "[secret]"


def test_hostile_text_is_stored_on_every_database(db: None) -> None:
    event = stored(record(entry(client_id=HOSTILE, detail=HOSTILE, scope_requested=HOSTILE * 10)))
    assert event.client_id == cleaned(HOSTILE)


def test_it_refuses_to_run_inside_a_transaction(db: None) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="outside of any transaction"):
        record(entry())
    assert not IssuanceEvent.objects.exists()


@pytest.mark.parametrize("table", ["audit_issuanceevent", "audit_trace"])
def test_what_cannot_be_committed_is_not_recorded(
    db: None, capsys: pytest.CaptureFixture[str], table: str
) -> None:
    issued = entry(outcome=Outcome.ISSUED, error="", jti="j", kid="k", expires_at=NOW)
    issued.trace = {}
    with refusing("INSERT", table), pytest.raises(NotRecordedError, match="the disk is full"):
        record(issued)
    assert not issued.is_issued
    assert not IssuanceEvent.objects.exists()
    assert "token_request" not in capsys.readouterr().out


def test_a_row_that_breaks_a_constraint_is_not_recorded(db: None) -> None:
    for columns in ({"outcome": "lost"}, {"http_status": None}, {"outcome": Outcome.ISSUED}):
        with pytest.raises(NotRecordedError):
            record(entry(**columns))
    record(entry())


def test_a_value_that_is_no_text_is_recorded_as_one(db: None) -> None:
    record(entry(subject=5, scope=["a"]))
    assert IssuanceEvent.objects.values_list("subject", "scope").get() == ("5", "['a']")


def test_an_entry_knows_that_it_was_issued(db: None) -> None:
    issued = entry(outcome=Outcome.ISSUED, error="", jti="j", kid="k", expires_at=NOW)
    refused = entry()
    record(issued)
    record(refused)
    assert (issued.is_issued, refused.is_issued) == (True, False)


def test_a_row_is_one_line_of_json(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    event_id = record(entry(client_id=HOSTILE, detail=f"came with {generate()}"))
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert line.isascii()
    assert told["event.action"] == "token_request"
    assert (told["event.id"], told["http.request.id"]) == (str(event_id), "r-1")
    assert (told["m2m_idp.client_id"], told["event.reason"]) == (cleaned(HOSTILE), "came with [secret]")
    assert (told["@timestamp"], told["http.response.status_code"]) == (NOW.isoformat(), 400)
    assert (told["m2m_idp.outcome"], told["event.outcome"]) == ("refused", "failure")
    assert "m2m_idp.jti" not in told


def traced(**trace: Any) -> tuple[dict[str, Any], Entry]:
    """The stored trace of an entry with these further parts."""
    asked = entry()
    asked.passed("parse", client_id="billing", scope_requested="")
    asked.passed("claims", expires_at=NOW)
    asked.trace = trace
    content: dict[str, Any] = Trace.objects.get(event_id=record(asked)).content
    return content, asked


def test_a_trace_holds_each_step_and_what_it_found(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    content, _ = traced(request={"method": "POST"}, claims={"aud": ["a", 1]})
    assert content == {
        "steps": [["parse", {"client_id": "billing"}], ["claims", {"expires_at": NOW.isoformat()}]],
        "request": {"method": "POST"},
        "claims": {"aud": ["a", 1]},
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event.action"] for line in lines] == ["token_request_trace", "token_request"]
    assert lines[0]["m2m_idp.trace"] == content


def test_a_request_that_is_not_traced_leaves_no_trace(db: None) -> None:
    record(entry())
    assert not Trace.objects.exists()


@pytest.mark.parametrize(
    "part", ["é" * 20_000, ["x"] * 20_000, {str(number): "\x00" for number in range(5_000)}]
)
def test_a_trace_has_16_kilobytes_at_most(db: None, part: Any) -> None:
    content, _ = traced(request=part, claims={"kept": "yes"})
    assert len(json.dumps(content).encode()) <= MAX_TRACE_BYTES == 16_384
    assert (content["request"], content["claims"]) == ("left out: too large", {"kept": "yes"})


def test_hostile_text_in_a_trace_is_stored_on_every_database(db: None) -> None:
    secret = generate()
    content, _ = traced(claims={"x": [HOSTILE, secret], HOSTILE: {"y": f"a {secret}"}})
    shown = cleaned(HOSTILE)
    assert content["claims"] == {"x": [shown, "[secret]"], shown: {"y": "a [secret]"}}
