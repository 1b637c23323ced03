"""The page of a relying party: its settings, what it may ask for, what proves it, and a preview of its token."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from console.admin_base.change_history import Change, changes_of
from console.admin_base.fields.public_fields import PublicKeys
from console.admin_base.fields.public_keys import client_key_lines, other_uses
from console.admin_base.fields.readable import ReadableJson
from console.admin_base.fields.values import Lines
from console.admin_base.generics import InlineFormSet, TabularInline
from console.admin_base.panelled_page import PanelledPage
from console.admin_base.row_ids import ForeignKeys, is_id
from console.admin_base.versions.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.auth_methods import CHOICES
from console.clients.client_switch import ClientSwitch
from console.clients.curl_command import curl_command, what_it_needs
from console.clients.grant_form import GrantForm, let_defaults_step_down
from console.clients.secret_rotation import SecretRotation
from console.clients.secrets_panel import secret_lines
from console.federation.credentials import federated_lines
from console.federation.federation_presets import FederationPresets
from console.site.admin_site import site
from console.tokens.client_status import listed_status, status_of
from console.tokens.token_preview import token_preview
from console.tokens.token_previews import PreviewPage
from issuers.models import SECRET_METHODS, TokenEndpointAuthMethod
from issuers.versioning.revision import forget
from relying_parties.models import AccessGrant, RelyingParty, RequestRule
from relying_parties.validation.registration import CERTIFICATE_SUBJECTS

MAX_PARTS = 80
"""Grants, or rules, in one form: five fields each, and Django accepts 1000 in a form. More get pages of their own."""


class RelyingPartyForm(ConfigurationForm):
    token_endpoint_auth_method = forms.ChoiceField(
        label="Authentication method",
        choices=CHOICES,
        initial=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC,
        help_text="The one method that it uses (RFC 7591 section 2). It must be on at the issuer.",
    )
    allowed_networks = Lines(
        required=False,
        help_text="CIDRs from which it may ask, one to a line, such as 10.0.0.0/8. Empty: any.",
    )

    class Meta:
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {"client_jwks": PublicKeys}


class LabelledFormSet(InlineFormSet):
    """In a table the column's head is the visible label; each field gets one of its own for screen readers."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs.setdefault("aria-label", field.label)


class GrantFormSet(LabelledFormSet):
    def clean(self) -> None:
        super().clean()
        if len(self._defaults()) > 1:
            raise ValidationError("Only one grant can be the default.")

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        if defaults := self._defaults():
            kept = [form.instance.pk for form in defaults if form.instance.pk]
            let_defaults_step_down(self.instance, but=kept)
        return super().save(commit=commit)

    def _defaults(self) -> list[Any]:
        kept = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if getattr(form, "cleaned_data", {}).get("is_default")]


class GrantInline(ReadableJson, ForeignKeys, TabularInline):
    model = AccessGrant
    form = GrantForm
    formset = GrantFormSet
    extra = 0
    max_num = MAX_PARTS
    autocomplete_fields = ("resource_server",)
    fields = ("resource_server", "scopes", "is_default")
    verbose_name_plural = "access grants: where its tokens are valid, and for what"


class RuleInline(TabularInline):
    model = RequestRule
    formset = LabelledFormSet
    extra = 0
    max_num = MAX_PARTS
    fields = ("parameter", "regex", "message")
    verbose_name_plural = "request rules: parameters that must match"


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Links to the parts of a client that are too many for its form."""

    name: str
    count: int
    changelist: str
    add: str
    may_add: bool


@admin.register(RelyingParty, site=site)
class RelyingPartyAdmin(
    ClientSwitch, SecretRotation, FederationPresets, PreviewPage, PanelledPage, ConfigurationAdmin
):
    form = RelyingPartyForm
    change_form_template = "console/relying_party.html"
    list_display = (
        "client_id",
        "name",
        "gets_tokens",
        "issuer",
        "token_endpoint_auth_method",
        "claim_template",
    )
    list_filter = ("is_active", "issuer", "token_endpoint_auth_method", "claim_template")
    list_select_related = ("issuer", "claim_template")
    search_fields = ("client_id", "name", "description", "contact")
    autocomplete_fields = ("issuer", "claim_template")
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer", "client_id")
    inlines = (GrantInline, RuleInline)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("issuer", "client_id", "name", "description", "contact", "is_active")}),
        (
            "Authentication",
            {"fields": ("token_endpoint_auth_method", ("valid_from", "valid_until"), "allowed_networks")},
        ),
        ("Quota", {"fields": ("requests_per_minute",)}),
        (
            "Its keys",
            {
                "fields": ("client_jwks", "client_jwks_uri", "accepts_token_endpoint_audience"),
                "description": "For private_key_jwt, and with certificates for self_signed_tls_client_auth. To "
                "replace a key without a gap, add the new one beside the old one, and take the old one out when the "
                "service signs with the new one. A JWK, or public keys and certificates in PEM, are made a JWK Set, "
                "which is shown before it is saved.",
                "classes": ("collapse",),
            },
        ),
        (
            "Its TLS client certificate",
            {
                "fields": (*CERTIFICATE_SUBJECTS, "tls_client_certificate_bound_access_tokens"),
                "description": "For tls_client_auth one of the five names, as it is in a certificate of the issuer's "
                "client CAs. Tokens can be bound to a certificate with every method.",
                "classes": ("collapse",),
            },
        ),
        (
            "DPoP",
            {
                "fields": ("dpop_bound_access_tokens",),
                "description": "Binds its tokens to a key of its own, so that a stolen one is of no use. The issuer "
                "must accept DPoP.",
                "classes": ("collapse",),
            },
        ),
        ("Token", {"fields": ("claim_template", "access_token_ttl", "signing_alg")}),
        ("Tracing", {"fields": ("trace_until",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A part that contains something is shown open."""
        parts = zip(super().get_fieldsets(request, obj), self.fieldsets, strict=True)
        return [
            (
                name,
                options | {"classes": ()} if obj and _holds_something(obj, declared["fields"]) else options,
            )
            for (name, options), (_, declared) in parts
        ]

    @admin.display(description="tokens", ordering="is_active")
    def gets_tokens(self, row: RelyingParty) -> str:
        status = listed_status(row)
        if status is None:
            return "-"
        kind = "live" if status.gets_tokens else "refused" if status.is_set_up else "warning"
        return format_html('<span class="state {}" title="{}">{}</span>', kind, status, status.label)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        # What was saved a moment ago is in the list too.
        forget()
        return super().changelist_view(request, extra_context)

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without parts that are too many, unless the sent form has them: it was made when they were fewer."""
        inlines = super().get_inline_instances(request, obj)
        return [
            inline
            for inline in inlines
            if obj is None
            or f"{_prefix(inline)}-TOTAL_FORMS" in request.POST
            or not _is_too_many(inline, obj)
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if is_id(object_id) else None
        own = (
            [_own_page(inline, row, request) for inline in super().get_inline_instances(request, row)]
            if row
            else []
        )
        context = {"own_pages": [page for page in own if page.count > MAX_PARTS], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def changes(self, row: RelyingParty) -> list[Change]:
        return changes_of(row, "grants", "secrets", "federated_credentials", "rules")

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        method, status = row.token_endpoint_auth_method, status_of(row)
        return {
            "status": status,
            "takes_secrets": method in SECRET_METHODS,
            "secret_lines": secret_lines(row, status=status),
            "is_federated": method == TokenEndpointAuthMethod.FEDERATED_JWT,
            "federated_lines": federated_lines(row),
            "key_lines": client_key_lines(row, now=timezone.now()),
            "other_uses": other_uses(row),
            "command": curl_command(row),
            "needs": what_it_needs(row),
            "previews": [token_preview(row)],
        }


def _prefix(inline: Any) -> str:
    """The prefix of its field names in the form."""
    return str(inline.model._meta.get_field("relying_party").remote_field.related_name)


def _parts(inline: Any, row: RelyingParty) -> QuerySet[Any]:
    parts: QuerySet[Any] = inline.model.objects.filter(relying_party=row)
    return parts


def _is_too_many(inline: Any, row: RelyingParty) -> bool:
    return _parts(inline, row)[: MAX_PARTS + 1].count() > MAX_PARTS


def _own_page(inline: Any, row: RelyingParty, request: HttpRequest) -> OwnPage:
    opts = inline.model._meta
    return OwnPage(
        name=str(opts.verbose_name_plural),
        count=_parts(inline, row).count(),
        changelist=reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
        add=reverse(f"admin:{opts.app_label}_{opts.model_name}_add"),
        may_add=inline.has_add_permission(request, row),
    )


def _holds_something(row: RelyingParty, fields: Iterable[Any]) -> bool:
    return any(getattr(row, field) for field in fields if isinstance(field, str))
