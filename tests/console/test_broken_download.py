"""A download that the browser breaks off, over a real connection: it is written down all the same."""

import http.client
import time

import pytest
from django.conf import settings
from django.test import Client

from audit.models import Inspection
from tests.console.test_record import EXPORT, refusals
from tests.support.cast import Cast
from tests.support.server import Server

SECONDS = 20


@pytest.mark.slow
def test_a_download_that_is_broken_off_on_the_wire_is_written_down(
    cast: Cast, auditor: Client, server: Server
) -> None:
    refusals(1_500, scope="s" * 4_000, audience="a" * 4_000)
    cookie = f"{settings.SESSION_COOKIE_NAME}={auditor.cookies[settings.SESSION_COOKIE_NAME].value}"
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    link.request("GET", EXPORT, headers={"Cookie": cookie})
    assert link.getresponse().read(10) == b"id,at,requ"
    assert [row.result for row in Inspection.objects.all()] == ["csv: begun"]
    link.close()
    ended = ending()
    assert (ended.actor, ended.source, ended.result) == ("aud", "admin", "csv: broken off")
    assert 0 < ended.rows < 1_500


def ending() -> Inspection:
    """The second row, as soon as it stands."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if row := Inspection.objects.exclude(result="csv: begun").first():
            return row
        time.sleep(0.05)
    raise AssertionError("the end was not written down")
