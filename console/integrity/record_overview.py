"""The record on the overview: recent requests, and how far it is sealed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from console.admin_base.charts.bar_chart import Chart, chart
from console.integrity.seal_status import MAX_COUNTED, SealStatus, seal_status, unsealed_rows
from console.reports.activity import Span, buckets_of, complete_until
from console.reports.activity_filter import hour_of

DAY, WEEK = timedelta(days=1), timedelta(days=7)
TICKS = 4
"""On charts of half the width."""


@dataclass(frozen=True, slots=True)
class RecordOverview:
    """`unsealed` is counted up to one above MAX_COUNTED."""

    complete_until: datetime | None
    day: Chart
    week: Chart
    seal: SealStatus
    unsealed: int
    max_counted: int = MAX_COUNTED


def record_overview(now: datetime) -> RecordOverview:
    until = hour_of(now, up=True)
    return RecordOverview(
        complete_until=complete_until(),
        day=chart(buckets_of(Span(until - DAY, until)), max_ticks=TICKS),
        week=chart(buckets_of(Span(until - WEEK, until)), max_ticks=TICKS),
        seal=seal_status(now),
        unsealed=unsealed_rows(),
    )
