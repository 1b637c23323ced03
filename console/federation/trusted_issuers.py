"""The page of a trusted issuer: which tokens prove workloads, where its keys come from, which clients rely on it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from console.admin_base.fields.public_fields import PublicKeys
from console.admin_base.fields.public_keys import key_lines
from console.admin_base.panelled_page import PanelledPage
from console.admin_base.versions.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.site.admin_site import site
from relying_parties.models import FederatedCredential, TrustedIssuer

MAX_CREDENTIALS = 50


class TrustedIssuerForm(ConfigurationForm):
    class Meta:
        field_classes: ClassVar[dict[str, type[Field]]] = {"jwks": PublicKeys}
        labels: ClassVar[dict[str, str]] = {"max_assertion_lifetime": "Maximum lifetime of its tokens"}


@admin.register(TrustedIssuer, site=site)
class TrustedIssuerAdmin(PanelledPage, ConfigurationAdmin):
    form = TrustedIssuerForm
    change_form_template = "console/trusted_issuer.html"
    delete_confirmation_template = "console/delete_trusted_issuer.html"
    list_display = ("name", "issuer_url", "issuer", "used_by", "is_active")
    list_filter = ("is_active", "issuer", "keys_from")
    list_select_related = ("issuer",)
    search_fields = ("name", "issuer_url")
    autocomplete_fields = ("issuer",)
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("issuer", "name", "is_active")}),
        ("Its tokens", {"fields": ("issuer_url", "audience", "max_assertion_lifetime")}),
        (
            "Its keys",
            {
                "fields": ("keys_from", "jwks_uri", "fetch_token_file", "jwks"),
                "description": "By discovery, unless this server cannot reach it: then paste its JWKS, and paste "
                "it again whenever its keys change.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        issuers: QuerySet[Any] = super().get_queryset(request).annotate(users=Count("federated_credentials"))
        return issuers

    @admin.display(description="used by", ordering="users")
    def used_by(self, issuer: Any) -> int:
        count: int = issuer.users
        return count

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The credentials that protect it are named with the clients that they prove."""
        to_delete, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        if protected:
            credentials = FederatedCredential.objects.filter(trusted_issuer__in=objs)
            protected = [_named(credential) for credential in credentials.select_related("relying_party")]
        return to_delete, counts, perms_needed, protected

    def panels(self, row: TrustedIssuer) -> dict[str, Any]:
        credentials = FederatedCredential.objects.filter(trusted_issuer=row).select_related("relying_party")
        found = list(credentials.order_by("relying_party__client_id", "label")[: MAX_CREDENTIALS + 1])
        return {
            "credentials": found[:MAX_CREDENTIALS],
            "has_more": len(found) > MAX_CREDENTIALS,
            "key_lines": key_lines(row.jwks, now=timezone.now()),
            "audience": row.expected_audience,
        }


def _named(credential: FederatedCredential) -> str:
    page = reverse("admin:relying_parties_relyingparty_credentials", args=[credential.relying_party_id])
    return format_html(
        'The federated credential {} of <a href="{}#federated">{}</a>',
        credential, page, credential.relying_party.client_id,
    )  # fmt: skip
