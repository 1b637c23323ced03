"""The time and the issuer of the activity."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from console.admin_base.fields.times import Instant
from issuers.models import Issuer

USUAL = timedelta(days=7)
MAX_SPAN = timedelta(days=366)
HOUR = timedelta(hours=1)


class ActivityFilter(forms.Form):
    """The values are in the query string. Whole hours: `since` is rounded down, `until` up."""

    since = Instant(required=False, label="From (UTC)")
    until = Instant(required=False, label="Until (UTC)")
    issuer = forms.ChoiceField(required=False)

    def __init__(self, asked: Any, *, now: datetime) -> None:
        super().__init__(asked)
        self.now = now
        issuers = [(issuer.url, issuer.name) for issuer in Issuer.objects.all()]
        self.fields["issuer"].choices = [("", "Any"), *issuers]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        if self.errors:
            return asked
        since, until = whole_hours(asked, now=self.now, usual=USUAL)
        if until - since > MAX_SPAN:
            raise forms.ValidationError(f"At most {MAX_SPAN.days} days at once: choose a shorter time.")
        return asked | {"since": since, "until": until}


def whole_hours(asked: dict[str, Any], *, now: datetime, usual: timedelta) -> tuple[datetime, datetime]:
    """The time that is asked for; by default until now, with the usual length."""
    until = hour_of(asked["until"] or now, up=True)
    since = hour_of(asked["since"] or until - usual)
    if since >= until:
        raise forms.ValidationError("“From” must be before “until”.")
    return since, until


def hour_of(at: datetime, *, up: bool = False) -> datetime:
    """The start of its hour; its end with `up`, unless it is the start itself."""
    try:
        at = at.astimezone(UTC)
        start = at.replace(minute=0, second=0, microsecond=0)
        return start + HOUR if up and start < at else start
    except OverflowError as error:
        raise forms.ValidationError("Choose a time within the years that the calendar knows.") from error
