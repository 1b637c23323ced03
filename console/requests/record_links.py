"""Addresses of the record, filtered."""

from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse


def record_link(*, since: datetime | None = None, until: datetime | None = None, **asked: str) -> str:
    """`asked` are the filter's own names (console/requests/record_filter.py); empty values are left out."""
    times = {name: f"{at:%Y-%m-%dT%H:%M:%S}" for name, at in (("since", since), ("until", until)) if at}
    filters = times | {name: value for name, value in asked.items() if value}
    page = reverse("admin:audit_issuanceevent_changelist")
    return f"{page}?{urlencode(filters)}" if filters else page
