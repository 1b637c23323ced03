"""The record on the overview: the requests of the last 24 hours, and how far the record is sealed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from console.admin_base.charts.bar_chart import Chart, chart
from console.integrity.seal_status import MAX_COUNTED, SealStatus, seal_status, unsealed_rows
from console.reports.activity import Span, buckets_of, complete_until
from console.reports.activity_filter import hour_of

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RecordOverview:
    """`unsealed` is counted up to one above MAX_COUNTED."""

    complete_until: datetime | None
    day: Chart
    week_link: str
    seal: SealStatus
    unsealed: int
    max_counted: int = MAX_COUNTED

    @property
    def issued(self) -> int:
        return sum(bucket.issued for bucket in self.day.buckets)

    @property
    def refused(self) -> int:
        """With those whose signing failed."""
        return sum(bucket.refused + bucket.failed for bucket in self.day.buckets)


def record_overview(now: datetime) -> RecordOverview:
    until = hour_of(now, up=True)
    return RecordOverview(
        complete_until=complete_until(),
        day=chart(buckets_of(Span(until - DAY, until))),
        week_link=_activity_since(until - WEEK),
        seal=seal_status(now),
        unsealed=unsealed_rows(),
    )


def _activity_since(since: datetime) -> str:
    return f"{reverse('admin:audit_activity')}?{urlencode({'since': f'{since:%Y-%m-%dT%H:%M:%S}'})}"
