"""Statements of checkpoints posted over TLS: to a place that is trusted alone, and whatever that place does."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.models import Checkpoint
from runtime.outbound.posting import MAX_POST
from tests.audit.receiving import Answer, Receiver, goes_away, receiver, says, trickles
from tests.audit.rows import event
from tests.audit.tampering import found, statements
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.server import serve
from tests.upkeep.test_worker_thread import wait_until
from upkeep.maintenance import Done, maintain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sealed")]


@pytest.fixture
def place(authority: Authority, settings: Settings) -> Iterator[Receiver]:
    with receiver(authority.tls()) as running:
        settings.CHECKPOINT_URL, settings.FETCH_CA_FILE = running.url, str(authority.own.certificate)
        yield running


def sealed_again() -> Done:
    event()
    return maintain(timezone.now())


def reason_of(done: Done) -> str:
    """Why nothing was sent; all was sealed."""
    assert (done.sealed_rows, done.sent_checkpoints) == (1, 0)
    (failure,) = done.failed
    assert failure.chore == "send checkpoints to CHECKPOINT_URL"
    assert "secret" not in failure.reason
    return failure.reason


def test_each_statement_arrives_in_order(place: Receiver) -> None:
    assert [sealed_again().sent_checkpoints for _ in range(3)] == [2, 1, 1]
    assert place.got == statements()
    assert found(place.got) == []


def test_a_certificate_of_a_strange_authority_is_refused_until_it_is_trusted(
    place: Receiver, settings: Settings, stranger_authority: Authority, authority: Authority
) -> None:
    settings.FETCH_CA_FILE = str(stranger_authority.own.certificate)
    assert reason_of(sealed_again()).startswith(
        "The certificate of CHECKPOINT_URL is not trusted (unable to get local issuer certificate): correct it, or "
        "name a bundle with its authority in FETCH_CA_FILE. "
    )
    settings.FETCH_CA_FILE = None
    assert "is not trusted" in reason_of(sealed_again())
    settings.FETCH_CA_FILE = "/nonexistent"
    assert reason_of(sealed_again()).startswith("FETCH_CA_FILE cannot be read any more ([Errno 2] ")
    assert place.got == []
    settings.FETCH_CA_FILE = str(authority.own.certificate)
    assert sealed_again().sent_checkpoints == 5
    assert place.got == statements()


def test_a_certificate_of_another_host_is_refused(
    place: Receiver, settings: Settings, authority: Authority
) -> None:
    other = authority.issue("other", "subjectAltName=DNS:other.example", "extendedKeyUsage=serverAuth")
    with receiver(replace(authority.tls(), certificate=other.certificate, key=other.key)) as elsewhere:
        settings.CHECKPOINT_URL = elsewhere.url
        assert "certificate is not valid for '127.0.0.1'" in reason_of(sealed_again())
    assert elsewhere.got == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(500), "CHECKPOINT_URL answered 500 instead of 2xx. "),
        (goes_away, "CHECKPOINT_URL cannot be reached (ProtocolError). "),
        (trickles, "CHECKPOINT_URL did not answer within 10 seconds. "),
    ],
    ids=["500", "goes away", "trickles"],
)
def test_what_did_not_take_a_statement_stops_no_sealing_and_gets_it_again(
    place: Receiver, answer: Answer, why: str
) -> None:
    place.answers = [answer]
    begun = time.monotonic()
    assert reason_of(sealed_again()).startswith(why)
    assert time.monotonic() - begun < MAX_POST + 2
    assert sealed_again().sent_checkpoints == 3
    first, *rest = statements()
    assert place.got == [first, first, *rest]
    assert found(place.got) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(place: Receiver, authority: Authority, status: int) -> None:
    with receiver(authority.tls()) as elsewhere:
        place.answers = [says(status, Location=elsewhere.url)]
        assert reason_of(sealed_again()).startswith(f"CHECKPOINT_URL answered {status} instead of 2xx. ")
        assert sealed_again().sent_checkpoints == 3
    assert elsewhere.got == []


def test_the_workers_of_a_server_send_each_while_the_place_fails_now_and_then(
    cast: Cast, tmp_path: Path, authority: Authority, place: Receiver
) -> None:
    place.answers = [says(503), goes_away, says(204), says(500)]
    own = {
        "MAINTAIN_EVERY": "1", "CHECKPOINT_URL": place.url, "FETCH_CA_FILE": str(authority.own.certificate)
    }  # fmt: skip
    with serve(tmp_path, 2, own) as server:
        for number in (2, 3, 4):
            assert server.token(("billing", cast.secrets["billing"])).status_code == 200
            wait_until(partial(Checkpoint.objects.filter(number=number).exists))
        wait_until(lambda: statements()[-1] in place.got)
    assert list(dict.fromkeys(place.got)) == statements(), "in order, whatever came twice"
    assert server.log.read_text().count('"m2m_idp.chore": "send checkpoints to CHECKPOINT_URL"') == 3
