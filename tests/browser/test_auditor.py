"""An auditor's way through the console, in a browser: from the overview to a refused request, and home with it."""

import csv
from pathlib import Path

import pytest

from audit.models import IssuanceEvent
from tests.browser.visit import Visit
from tests.support.cast import Cast
from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def requests_made(cast: Cast, console_server: Server) -> None:
    """Some that were granted, and one that was not."""
    for _ in range(3):
        console_server.token(("billing", cast.secrets["billing"]))
    console_server.token(("billing", "a wrong secret"))


def test_from_the_overview_to_a_refused_request_and_its_export(
    requests_made: None, auditor: Visit, downloads: Path
) -> None:
    assert "Overview" in auditor.text()
    assert_in_order(auditor)

    auditor.follow("refused ones")
    assert "invalid_client" in auditor.text()
    assert "Issued" not in table_of(auditor)
    assert_in_order(auditor)

    refused = IssuanceEvent.objects.get(outcome="refused")
    auditor.follow(f"{refused.at:%Y-%m-%d %H:%M} UTC")
    assert refused.detail in auditor.text()
    auditor.unfold("Every column of the row")
    assert refused.request_id in auditor.text()
    assert_in_order(auditor)

    auditor.browser.back()
    exported = list(csv.DictReader(auditor.download("CSV", into=downloads).read_text().splitlines()))
    assert [row["request_id"] for row in exported] == [refused.request_id]


def assert_in_order(visit: Visit) -> None:
    assert visit.complaints() == []
    assert not visit.is_wider_than_its_window()


def table_of(visit: Visit) -> str:
    return visit.browser.find_element("id", "result_list").text
