"""The page of a relying party: who it is, what it may, its secrets, and what its token would say."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError

from console.change_history import Change, changes_of
from console.client_secrets import curl_command, secret_lines
from console.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.fields import Lines
from console.generics import InlineFormSet, ModelForm, TabularInline
from console.pages.secret_rotation import SecretRotation
from console.pages.token_previews import PreviewPage
from console.panelled_page import PanelledPage
from console.readable import ReadableJson
from console.site import site
from console.token_preview import token_preview
from relying_parties.models import AccessGrant, RelyingParty, RequestRule

MOST_PARTS = 200
"""Grants or rules on one page; a form that claims more is refused before it is built."""


class RelyingPartyForm(ConfigurationForm):
    allowed_networks = Lines(
        required=False,
        help_text="CIDRs from which it may ask, one to a line, such as 10.0.0.0/8. Empty: any.",
    )


class GrantForm(ModelForm):
    scopes = Lines(required=False, help_text="Some or all of the resource server's scopes, one to a line.")

    def _get_validation_exclusions(self) -> set[str]:
        """The formset sees all the grants and tells whether one is the default; a row alone cannot."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"is_default"}


class LabelledFormSet(InlineFormSet):
    """In a table the head of a column is the label for the eye; each field gets its own for the ear."""

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
        # The database allows one default at any moment: the old one steps down before a new one is saved.
        kept = [form.instance.pk for form in self._defaults() if form.instance.pk]
        moved = AccessGrant.objects.filter(relying_party=self.instance, is_default=True).exclude(pk__in=kept)
        if self._defaults() and moved.exists():
            moved.update(is_default=False)
        return super().save(commit=commit)

    def _defaults(self) -> list[Any]:
        kept = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if getattr(form, "cleaned_data", {}).get("is_default")]


class GrantInline(ReadableJson, TabularInline):
    model = AccessGrant
    form = GrantForm
    formset = GrantFormSet
    extra = 0
    max_num = MOST_PARTS
    autocomplete_fields = ("resource_server",)
    fields = ("resource_server", "scopes", "is_default")
    verbose_name_plural = "access grants: where its tokens are good, and for what"


class RuleInline(TabularInline):
    model = RequestRule
    formset = LabelledFormSet
    extra = 0
    max_num = MOST_PARTS
    fields = ("parameter", "regex", "message")
    verbose_name_plural = "request rules: parameters that must match"


@admin.register(RelyingParty, site=site)
class RelyingPartyAdmin(SecretRotation, PreviewPage, PanelledPage, ConfigurationAdmin):
    form = RelyingPartyForm
    change_form_template = "console/relying_party.html"
    list_display = (
        "client_id",
        "name",
        "issuer",
        "token_endpoint_auth_method",
        "claim_template",
        "is_active",
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
        ("Token", {"fields": ("claim_template", "access_token_ttl", "signing_alg")}),
        ("Tracing", {"fields": ("trace_until",)}),
    )

    def changes(self, row: RelyingParty) -> list[Change]:
        return changes_of(row, "grants", "secrets", "rules")

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        return {
            "secret_lines": secret_lines(row),
            "command": curl_command(row),
            "previews": [token_preview(row)],
        }
