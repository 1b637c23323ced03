"""Statements of checkpoints sent elsewhere: to a file, and by POST."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.audit.rows import event
from tests.audit.tampering import found, statements
from upkeep.maintenance import Done, maintain
from upkeep.models import SentCheckpoint

pytestmark = pytest.mark.usefixtures("sealed")


@dataclass(slots=True)
class Receiver:
    url: str = ""
    status: int = 204
    got: list[tuple[str, str]] = field(default_factory=list)
    """Content type and body of each request."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.got.append((self.headers["Content-Type"], body))
            self.send_response(told.status)
            self.send_header("Location", told.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/checkpoints?token=secret"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def sealed_again() -> Done:
    event()
    return maintain(timezone.now())


def test_each_statement_is_a_line_of_the_file(settings: Settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints"

    assert sealed_again().sent_checkpoints == 2
    assert sealed_again().sent_checkpoints == 1
    assert maintain(timezone.now()) == Done()

    lines = settings.CHECKPOINT_FILE.read_text().splitlines()
    assert lines == statements()
    assert found(lines) == []


def test_a_note_that_is_ahead_of_all_checkpoints_is_reported(settings: Settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints"
    sealed_again()
    SentCheckpoint.objects.update(number=10**12)
    [failure] = sealed_again().failed
    assert failure.reason.startswith(
        "CHECKPOINT_FILE is noted to have checkpoint 1000000000000, and the newest"
    )


def test_a_file_that_no_checkpoint_came_to_for_an_hour_is_reported() -> None:
    sealed_again()
    kept = statements()
    sealed_again()
    assert found(kept) == []
    later = timezone.now() + timedelta(hours=2)
    assert [problem for problem in found(kept, now=later) if problem.startswith("checkpoint")] == [
        "checkpoint 3: it is not in the file, though those before it are: see that checkpoints are still sent"
    ]


def test_a_line_that_was_cut_is_ended_and_written_again(settings: Settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints"
    settings.CHECKPOINT_FILE.write_text(statements()[0][:20])
    sealed_again()
    lines = settings.CHECKPOINT_FILE.read_text().splitlines()
    assert lines == [statements()[0][:20], *statements()]
    assert found(lines) == []


def test_a_file_that_cannot_be_written_stops_no_sealing(settings: Settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_FILE = tmp_path / "gone" / "checkpoints"
    done = sealed_again()
    assert (done.sealed_rows, [failure.chore for failure in done.failed]) == (
        1,
        ["send checkpoints to CHECKPOINT_FILE"],
    )
    assert "cannot be written (No such file or directory): correct it" in done.failed[0].reason
    settings.CHECKPOINT_FILE.parent.mkdir()
    assert maintain(timezone.now()).sent_checkpoints == 2


def test_each_statement_is_posted(settings: Settings, receiver: Receiver) -> None:
    settings.CHECKPOINT_URL = receiver.url
    assert sealed_again().sent_checkpoints == 2
    assert receiver.got == [("application/jwt", statement) for statement in statements()]


@pytest.mark.parametrize("status", [302, 404, 503])
def test_one_that_is_refused_is_sent_again_before_those_after_it(
    settings: Settings, receiver: Receiver, status: int
) -> None:
    settings.CHECKPOINT_URL, receiver.status = receiver.url, status

    done = sealed_again()

    assert (done.sealed_rows, done.sent_checkpoints) == (1, 0)
    [failure] = done.failed
    assert failure.chore == "send checkpoints to CHECKPOINT_URL"
    assert failure.reason.startswith(f"CHECKPOINT_URL answered {status} instead of 2xx. ")
    assert "secret" not in failure.reason
    receiver.status = 200
    assert sealed_again().failed == ()
    first, *rest = statements()
    assert [body for _, body in receiver.got] == [first, first, *rest]


@pytest.fixture
def trickling() -> Iterator[str]:
    """The URL of a server that sends one byte after the other, so that no time-out of a socket ends it; for 5 s."""
    asked_to_end = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            for _ in range(100):
                self.wfile.write(b"H")
                if asked_to_end.wait(0.05):
                    return

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        asked_to_end.set()
        server.shutdown()
        thread.join()


def test_one_that_goes_on_answering_is_left_when_the_time_is_over(
    settings: Settings, trickling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.outbound.posting.MAX_POST", 0.3)
    settings.CHECKPOINT_URL, before = trickling, set(threading.enumerate())
    [failure] = sealed_again().failed
    assert failure.reason.startswith("CHECKPOINT_URL did not answer within 0.3 seconds. Mend it")
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert left, "the thread waits on"
    assert all(thread.daemon for thread in left), "no process waits for it"


def test_a_place_that_is_away_keeps_no_other_from_its_statements(settings: Settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints"
    settings.CHECKPOINT_URL = "http://127.0.0.1:9/"
    done = sealed_again()
    assert done.sent_checkpoints == 2
    assert [failure.reason.partition(". ")[0] for failure in done.failed] == [
        "CHECKPOINT_URL cannot be reached (NewConnectionError)"
    ]
