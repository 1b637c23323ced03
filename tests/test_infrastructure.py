"""The tests' own ground: each test starts from the cast, whatever the one before did to the record."""

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import IssuanceEvent, Outcome
from audit.protection import triggers
from relying_parties.models import RelyingParty
from tests.conftest import no_skip_in_ci
from tests.support.cast import Cast


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_each_test_starts_from_the_cast(cast: Cast, turn: int) -> None:
    assert IssuanceEvent.objects.count() == 0
    assert RelyingParty.objects.get(client_id="billing").is_active
    cast.billing.is_active = False
    cast.billing.save()
    cast.retired.delete()
    event = IssuanceEvent.objects.create(
        at=timezone.now(), issuer="i", outcome=Outcome.REFUSED, http_status=400, error="invalid_request"
    )
    assert event.pk == 1


def test_the_triggers_stand_after_a_reset(cast: Cast) -> None:
    assert triggers.missing(connection) == []


@pytest.mark.parametrize(("ci", "outcome"), [("true", "failed"), ("", "skipped")])
def test_a_skipped_test_fails_in_ci(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str) -> None:
    monkeypatch.setenv("CI", ci)
    report = pytest.TestReport("t", ("t.py", 1, "t"), {}, "skipped", ("t.py", 1, "no browser"), "call")
    no_skip_in_ci(report)
    assert report.outcome == outcome
    assert "no browser" in str(report.longrepr)
