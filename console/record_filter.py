"""What the record is filtered by. No filter looks at all rows to offer its choices."""

from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from audit.models import IssuanceEvent, Outcome
from console.fields import Instant
from issuance.errors import OAuthError
from issuers.models import Issuer


class RecordFilter(forms.Form):
    """Lives in the query string. What does not validate filters everything out."""

    since = Instant(required=False, label="From (UTC)")
    until = Instant(required=False, label="Until (UTC)")
    issuer = forms.ChoiceField(required=False)
    client = forms.CharField(required=False, label="Client ID", max_length=255)
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *Outcome.choices])
    error = forms.ChoiceField(required=False)
    credential = forms.CharField(required=False, max_length=100)
    exactly = forms.CharField(required=False, label="Token ID (jti) or request ID", max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        issuers = [(issuer.url, issuer.name) for issuer in Issuer.objects.all()]
        self.fields["issuer"].choices = [("", "Any"), *issuers]  # type: ignore[attr-defined]
        self.fields["error"].choices = [("", "Any"), *((code, code) for code in _error_codes())]  # type: ignore[attr-defined]

    def apply(self, events: QuerySet[IssuanceEvent]) -> QuerySet[IssuanceEvent]:
        if not self.is_valid():
            return events.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        exactly = asked.pop("exactly", "")
        lookups = {LOOKUPS[name]: value for name, value in asked.items()}
        chosen = events.filter(**lookups)
        return chosen.filter(Q(jti=exactly) | Q(request_id=exactly)) if exactly else chosen


LOOKUPS = {
    "since": "at__gte",
    "until": "at__lt",
    "issuer": "issuer",
    "client": "client_id",
    "outcome": "outcome",
    "error": "error",
    "credential": "credential",
}


def _error_codes() -> list[str]:
    return sorted({kind.error for kind in OAuthError.__subclasses__()})
