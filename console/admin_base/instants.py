"""Instants as pages write them: in UTC to the minute, and how long ago they were."""

from datetime import datetime, timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def ago(at: datetime, *, now: datetime) -> str:
    """Such as `3 min ago`; empty for what is a day old, or ahead of the clock."""
    age = now - at
    if age < timedelta() or age >= DAY:
        return ""
    if age < MINUTE:
        return "just now"
    return f"{age // MINUTE} min ago" if age < HOUR else f"{age // HOUR} h ago"
