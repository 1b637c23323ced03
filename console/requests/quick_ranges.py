"""The ranges of time that people ask for most, as values of the record's filter."""

from datetime import datetime, timedelta

UP_TO_NOW = {"1 h": timedelta(hours=1), "24 h": timedelta(days=1), "7 days": timedelta(days=7)}
LAST_MONTH = "last month"


def quick_ranges(now: datetime) -> dict[str, dict[str, str]]:
    """By their labels. The last month is the one of the calendar before this one, in UTC."""
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    ranges = {label: {"since": _text(now - length)} for label, length in UP_TO_NOW.items()}
    return ranges | {LAST_MONTH: {"since": _text(last_month), "until": _text(this_month)}}


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"
