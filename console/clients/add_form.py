"""The form that adds a client, on one screen: what every client needs, and the rest under further options."""

from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.utils.text import slugify

from console.admin_base.fields.public_fields import PublicKeys
from console.admin_base.fields.values import Lines
from console.admin_base.row_ids import is_id
from console.admin_base.versions.configuration_admin import ConfigurationForm
from console.auth_methods import WORDS_FIRST
from console.clients.access_boxes import AccessForm
from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.models import RelyingParty, ResourceServer
from relying_parties.models.relying_party import is_client_id

MAX_MADE = 100
"""Characters of a client ID that is made from a name."""
ADDED_MEANWHILE = (
    "A client of this name was added after you opened this form. If you want another one, save again."
)


class Unchanging(forms.CharField):
    """What a form keeps for itself. Nobody types it: it never counts as changed."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class AddForm(AccessForm, ConfigurationForm):
    """`newest` is the newest client when the form was made, `duplicate_of` the client from which it was filled in."""

    client_id = forms.CharField(
        required=False,
        max_length=255,
        label="Client ID",
        validators=[is_client_id],
        widget=AdminTextInputWidget,
        help_text="Empty: made from the name. It stays as it is: secrets are bound to it.",
    )
    token_endpoint_auth_method = forms.ChoiceField(
        label="It proves itself by",
        choices=WORDS_FIRST,
        initial=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC,
        widget=forms.RadioSelect,
    )
    allowed_networks = Lines(
        required=False,
        help_text="CIDRs from which it may ask, one to a line, such as 10.0.0.0/8. Empty: any.",
    )
    newest = Unchanging(required=False)
    duplicate_of = Unchanging(required=False)

    class Meta:
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {"client_jwks": PublicKeys}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("newest", str(_newest()))
        self._offer_issuers()
        self.offer(ResourceServer.objects.all())

    def clean(self) -> dict[str, Any] | None:
        super().clean()
        issuer, name = self.cleaned_data.get("issuer"), self.cleaned_data.get("name")
        if issuer and name:
            self._refuse_a_second_time(issuer, name)
            self.cleaned_data["client_id"] = self.cleaned_data.get("client_id") or _client_id_of(name, issuer)
        for each in self.ticked():
            if issuer and each.api.issuer_id != issuer.pk:
                self.add_error("access", f"{each.api} belongs to another issuer, {each.api.issuer}.")
        return self.cleaned_data

    def _offer_issuers(self) -> None:
        """Where there is one, nobody is asked."""
        issuers = list(Issuer.objects.values_list("pk", flat=True)[:2])
        if len(issuers) == 1:
            self.initial["issuer"] = issuers[0]
            self._field("issuer").widget = forms.HiddenInput()

    def _refuse_a_second_time(self, issuer: Issuer, name: str) -> None:
        """A form that is sent twice adds one client."""
        seen = self.cleaned_data.get("newest") or ""
        same = RelyingParty.objects.filter(issuer=issuer, name=name, pk__gt=int(seen) if is_id(seen) else 0)
        if same.exists():
            # The form that is shown again was made when this client was there.
            data: Any = self.data.copy()  # type: ignore[attr-defined]
            data[self.add_prefix("newest")] = str(_newest())
            self.data = data
            self.add_error("name", ADDED_MEANWHILE)


def _newest() -> int:
    return RelyingParty.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _client_id_of(name: str, issuer: Issuer) -> str:
    """One that no client of the issuer has or had: the record names clients by it."""
    made = slugify(name)[:MAX_MADE] or "client"
    same = {"issuer_id": issuer.pk, "client_id__startswith": made}
    taken = {
        *RelyingParty.objects.filter(**same).values_list("client_id", flat=True),
        *RelyingParty.history.filter(**same).values_list("client_id", flat=True),
    }
    return next(name for name in _numbered(made) if name not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))
