"""What a process knows of its own attempts to record."""

from django.utils import timezone

from audit.writing.record_health import RECORD_HEALTH
from tests.audit.rows import EVENTS
from tests.support.cast import Cast
from tests.support.failing import refusing
from tests.support.wire import ask


def test_a_period_without_rows_is_known_by_its_ends_and_its_reason(cast: Cast) -> None:
    before = timezone.now()
    with refusing("INSERT", EVENTS):
        assert [ask(auth=cast.basic("billing")).status for _ in range(2)] == [503, 503]
        gap = RECORD_HEALTH.gap
        assert gap is not None
        assert (gap.failures, gap.until) == (2, None)
        assert "the disk is full" in gap.reason
    assert RECORD_HEALTH.take_ended() is None

    assert ask(auth=cast.basic("billing")).status == 200
    assert RECORD_HEALTH.gap is None
    ended = RECORD_HEALTH.take_ended()
    assert ended is not None
    assert ended.until is not None
    assert before < ended.since < ended.until < timezone.now()
    assert RECORD_HEALTH.take_ended() is None
    assert RECORD_HEALTH.seconds_since_success < 60


def test_a_request_for_no_issuer_says_nothing_of_the_record(cast: Cast) -> None:
    assert [ask(target="/nowhere/token").status for _ in range(2)] == [404, 404]
    assert RECORD_HEALTH.gap is None
