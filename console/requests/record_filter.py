"""The filters of the record. No filter reads all rows to offer its choices."""

from operator import itemgetter
from typing import Any

from django import forms

from audit.models import Outcome
from audit.reading.filters import EventFilter
from audit.reading.reasons import REASONS
from console.admin_base.fields.times import Instant
from issuance.wire.errors import OAuthError
from issuers.models import Issuer
from relying_parties.models import ResourceServer

MAX_OFFERED = 200


def _reasons() -> list[tuple[str, str]]:
    return sorted(((reason.name, reason.text) for reason in REASONS), key=itemgetter(1))


class RecordFilter(forms.Form):
    """The values are in the query string. An invalid value matches nothing."""

    since = Instant(required=False, label="From (UTC)")
    until = Instant(required=False, label="Until (UTC)")
    issuer = forms.CharField(required=False, max_length=400, widget=forms.Select)
    client = forms.CharField(required=False, label="Client ID", max_length=255)
    api = forms.CharField(
        required=False,
        label="API identifier",
        max_length=255,
        widget=forms.TextInput(attrs={"list": "apis", "autocomplete": "off", "spellcheck": "false"}),
    )
    scope = forms.CharField(required=False, max_length=255)
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *Outcome.choices])
    error = forms.ChoiceField(required=False)
    reason = forms.ChoiceField(required=False, choices=[("", "Any"), *_reasons()])
    credential = forms.CharField(required=False, max_length=100)
    kid = forms.CharField(required=False, label="Key ID (kid)", max_length=128)
    address = forms.GenericIPAddressField(required=False, unpack_ipv4=True)
    exactly = forms.CharField(required=False, label="Token ID (jti) or request ID", max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["issuer"].widget.choices = [("", "Any"), *self._issuers().items()]
        self.fields["error"].choices = [("", "Any"), *((code, code) for code in _error_codes())]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        since, until = asked.get("since"), asked.get("until")
        if since and until and since >= until:
            self.add_error("until", "The range ends before it begins: “from” must be before “until”.")
        return asked

    @property
    def apis(self) -> list[str]:
        """To choose from; any other identifier may be typed, since the record outlives APIs."""
        named = ResourceServer.objects.order_by("identifier").values_list("identifier", flat=True)
        return list(named.distinct()[:MAX_OFFERED])

    def _issuers(self) -> dict[str, str]:
        """The existing ones, and the wanted one: the record outlives issuers, and links to them."""
        names = {issuer.url: issuer.name for issuer in Issuer.objects.all()}
        asked = self.data.get("issuer", "").strip()
        return names if asked in ("", *names) else names | {asked: f"{asked} (none of this server now)"}

    @property
    def event_filter(self) -> EventFilter:
        """Of a valid filter."""
        return EventFilter(**self.cleaned_data)


def _error_codes() -> list[str]:
    return sorted({kind.error for kind in OAuthError.__subclasses__()})
