"""What to ask for as a client: one of its APIs, scopes that it has, and the parameters that it is asked for."""

from typing import Any

from django import forms

from console.tokens.token_previews import PreviewForm
from issuance.outlook.imagined import request_of
from issuance.wire.token_request import TokenRequest
from relying_parties.client import Client
from relying_parties.models import RelyingParty

MAX_OFFERED = 60
"""Scopes that are offered one by one. More are typed."""


class TryForm(PreviewForm):
    """That of the preview; the address is the person's own, and what is granted is offered."""

    def __init__(self, *args: Any, relying_party: RelyingParty) -> None:
        super().__init__(*args, relying_party=relying_party)
        del self.fields["address"]
        self.fields["resource"] = _apis(self.client)
        self.fields["scope"] = _scopes(self.client)
        self.order_fields(["resource", "scope"])

    @property
    def request(self) -> TokenRequest:
        """Of a valid form. The client ID is in the body, as most methods send it."""
        scope = self.cleaned_data["scope"]
        joined = scope if isinstance(scope, str) else " ".join(scope)
        return request_of({**self.parameters, "scope": joined, "client_id": self.client.client_id})


def _apis(client: Client) -> forms.ChoiceField:
    default = next((grant.audience for grant in client.grants if grant.is_default), "")
    unnamed = f"None named: the default, {default}" if default else "None named: the client has no default"
    named = [(grant.audience, grant.audience) for grant in client.grants]
    return forms.ChoiceField(label="API", required=False, choices=[("", unnamed), *named])


def _scopes(client: Client) -> forms.Field:
    granted = sorted({scope for grant in client.grants for scope in grant.scopes})
    if len(granted) > MAX_OFFERED:
        return forms.CharField(
            label="Scopes",
            required=False,
            max_length=1000,
            help_text=f"Of {len(granted)} that are granted, separated by spaces. Empty: all of the API.",
        )
    return forms.MultipleChoiceField(
        label="Scopes",
        required=False,
        choices=[(scope, scope) for scope in granted],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of the API.",
    )
