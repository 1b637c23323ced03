"""The audience and the time of an access report."""

from datetime import datetime, timedelta
from typing import Any

from django import forms

from console.admin_base.fields.times import Instant
from console.reports.activity_filter import whole_hours
from issuers.models import Issuer
from relying_parties.models import ResourceServer

USUAL = timedelta(days=30)


class AccessFilter(forms.Form):
    """From the query string. Whole hours: `since` is rounded down, `until` up. `audience` may be any text."""

    issuer = forms.ChoiceField()
    audience = forms.CharField(
        max_length=255,
        label="API or audience",
        widget=forms.TextInput(attrs={"list": "audiences", "autocomplete": "off", "spellcheck": "false"}),
    )
    since = Instant(required=False, label="From (UTC)")
    until = Instant(required=False, label="Until (UTC)")

    def __init__(self, asked: Any, *, now: datetime) -> None:
        super().__init__(asked)
        self.now = now
        self.issuers = {issuer.url: issuer for issuer in Issuer.objects.all()}
        names = [(url, issuer.name) for url, issuer in self.issuers.items()]
        self.fields["issuer"].choices = names  # type: ignore[attr-defined]

    def clean_issuer(self) -> Issuer:
        return self.issuers[self.cleaned_data["issuer"]]

    @property
    def audiences(self) -> list[str]:
        """The audiences that resource servers have, or had."""
        named = ResourceServer.history.values_list("identifier", flat=True)
        return list(named.order_by("identifier").distinct()[:500])

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        if self.errors:
            return asked
        since, until = whole_hours(asked, now=self.now, usual=USUAL)
        return asked | {"since": since, "until": until}
