"""The tab of what proves a client: its method, and the secrets, keys, certificates and workloads that it has."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from console.admin_base.fields.public_fields import PublicKeys
from console.admin_base.fields.public_keys import client_key_lines, other_uses
from console.auth_methods import CHOICES
from console.clients.curl_command import curl_command, what_it_needs
from console.clients.secrets_panel import secret_lines
from console.clients.tabs.client_tab import ClientTab
from console.clients.tabs.tab_form import TabForm
from console.clients.tabs.tab_links import CREDENTIALS
from console.federation.credentials import federated_lines
from issuers.models import SECRET_METHODS, TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from relying_parties.validation.registration import CERTIFICATE_SUBJECTS

KEYS = (
    "For private_key_jwt, and with certificates for self_signed_tls_client_auth. To replace a key without a gap, add "
    "the new one beside the old one, and take the old one out when the service signs with the new one. A JWK, or "
    "public keys and certificates in PEM, are made a JWK Set, which is shown before it is saved."
)
CERTIFICATE = (
    "For tls_client_auth one of the five names, as it is in a certificate of the issuer's client CAs."
)


class CredentialsForm(TabForm):
    token_endpoint_auth_method = forms.ChoiceField(
        label="Authentication method",
        choices=CHOICES,
        help_text="The one method that it uses (RFC 7591 section 2). It must be on at the issuer.",
    )

    class Meta:
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {"client_jwks": PublicKeys}


class CredentialsTab(ClientTab):
    tab = CREDENTIALS
    panel_template = "console/client_tabs/credentials.html"
    form = CredentialsForm
    fieldsets: ClassVar[Any] = (
        ("It proves itself by", {"fields": ("token_endpoint_auth_method",)}),
        (
            "Its keys",
            {
                "fields": ("client_jwks", "client_jwks_uri", "accepts_token_endpoint_audience"),
                "description": KEYS,
                "classes": ("collapse",),
            },
        ),
        (
            "Its TLS client certificate",
            {"fields": CERTIFICATE_SUBJECTS, "description": CERTIFICATE, "classes": ("collapse",)},
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A part that contains something is shown open."""
        parts = zip(super().get_fieldsets(request, obj), self.fieldsets, strict=True)
        return [
            (
                name,
                options | {"classes": ()}
                if any(getattr(obj, field) for field in declared["fields"])
                else options,
            )
            for (name, options), (_, declared) in parts
        ]

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        shared, method = super().panels(row), row.token_endpoint_auth_method
        return {
            **shared,
            "takes_secrets": method in SECRET_METHODS,
            "secret_lines": secret_lines(row, status=shared["status"]),
            "is_federated": method == TokenEndpointAuthMethod.FEDERATED_JWT,
            "federated_lines": federated_lines(row),
            "key_lines": client_key_lines(row, now=timezone.now()),
            "other_uses": other_uses(row),
            "command": curl_command(row),
            "needs": what_it_needs(row),
        }
