"""The page of an issuer: its settings, its keys, and their next changes."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from console.admin_base.fields.public_fields import Certificates
from console.admin_base.fields.public_keys import certificate_lines
from console.admin_base.fields.values import Checkboxes, Lines
from console.admin_base.page import MAX_NAMED
from console.admin_base.panelled_page import PanelledPage
from console.admin_base.versions.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.auth_methods import CHOICES
from console.issuers.issuer_keys import keys_of
from console.signing_keys.key_creation import KeyCreation
from console.site.admin_site import site
from issuers.assertion_algs import ASSERTION_ALGS, all_algs
from issuers.client_authorities import client_authorities
from issuers.models import Issuer, default_methods
from keys.lifecycle.creation import can_sign
from relying_parties.secrets.credentials import too_old_at_their_end

SIGNING_ALG = (
    "Can be changed to an algorithm that has an active key. RS256 is what every verifier takes. With ES256 and EdDSA a "
    "core issues about 1.6 times as many tokens: choose ES256 for a new issuer whose APIs can verify it. "
    "docs/interoperability.md names what each verifier takes."
)


class IssuerForm(ConfigurationForm):
    token_endpoint_auth_methods = Checkboxes(
        label="Authentication methods",
        choices=CHOICES,
        initial=default_methods,
        help_text="The methods that are on. A client's method must be one of them.",
    )
    token_endpoint_auth_signing_alg_values_supported = Checkboxes(
        label="Algorithms of client assertions",
        choices=[(alg, alg) for alg in ASSERTION_ALGS],
        initial=all_algs,
        help_text="Client assertions may be signed with these. FAPI 2.0 accepts PS256, ES256 and EdDSA.",
    )
    dpop_signing_alg_values_supported = Checkboxes(
        label="Algorithms of DPoP proofs",
        choices=[(alg, alg) for alg in ASSERTION_ALGS],
        initial=all_algs,
        help_text="DPoP proofs may be signed with these.",
    )
    cors_origins = Lines(
        required=False,
        label="Origins that may read tokens",
        help_text="Origins of browser applications that may ask for tokens (CORS), one to a line, such as "
        "https://app.example. Empty: none. The public documents may be read from every origin.",
    )
    client_ca_certificates = Certificates(
        rows=8,
        strip=False,
        label="Client CA certificates",
        help_text="In PEM, one after the other: the authorities that issue the certificates of clients of "
        "tls_client_auth (RFC 8705 section 2.1).",
    )

    def clean_client_ca_certificates(self) -> str:
        """A browser ends a line with CR LF; a configuration file and OpenSSL with LF."""
        pem: str = self.cleaned_data["client_ca_certificates"]
        return pem.replace("\r\n", "\n")

    class Meta:
        labels: ClassVar[dict[str, str]] = {
            "default_access_token_ttl": "Default TTL of access tokens",
            "max_access_token_ttl": "Maximum TTL of access tokens",
            "jwks_max_age": "JWKS max-age",
            "metadata_max_age": "Discovery max-age",
        }
        help_texts: ClassVar[dict[str, str]] = {"signing_alg": SIGNING_ALG}


@admin.register(Issuer, site=site)
class IssuerAdmin(KeyCreation, PanelledPage, ConfigurationAdmin):
    form = IssuerForm
    change_form_template = "console/issuer.html"
    delete_confirmation_template = "console/delete_issuer.html"
    list_display = ("name", "url", "signing_alg", "signs", "relying_party_count", "is_active")
    list_filter = ("is_active", "signing_alg")
    search_fields = ("name", "path")
    readonly_fields = ("endpoints",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "path", "endpoints", "is_active")}),
        (
            "Tokens",
            {"fields": ("signing_alg", "default_access_token_ttl", "max_access_token_ttl", "iat_backdating")},
        ),
        (
            "Token endpoint",
            {
                "fields": (
                    "token_endpoint_auth_methods",
                    "token_endpoint_auth_signing_alg_values_supported",
                    "accepts_dpop",
                    "dpop_signing_alg_values_supported",
                    "allow_missing_grant_type",
                    "cors_origins",
                    "allows_test_tokens",
                )
            },
        ),
        ("TLS client certificates", {"fields": ("client_ca_certificates",)}),
        ("Client secrets", {"fields": ("max_client_secret_age",)}),
        (
            "Documents",
            {
                "fields": (
                    "advertises_authorization_endpoint",
                    "metadata_max_age",
                    "jwks_max_age",
                    "extra_metadata",
                )
            },
        ),
        (
            "Key rotation",
            {"fields": ("rotation_period", "announce_period", "retire_period"), "classes": ("collapse",)},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        counted = super().get_queryset(request).annotate(clients=Count("relying_parties"))
        issuers: QuerySet[Any] = counted.annotate(can_sign=can_sign(timezone.now()))
        return issuers

    @admin.display(description="URL", ordering="path")
    def url(self, issuer: Issuer) -> str:
        return issuer.url

    @admin.display(description="can sign", boolean=True)
    def signs(self, issuer: Any) -> bool:
        can: bool = issuer.can_sign
        return can

    @admin.display(description="clients", ordering="clients")
    def relying_party_count(self, issuer: Any) -> int:
        count: int = issuer.clients
        return count

    @admin.display(description="endpoints")
    def endpoints(self, issuer: Issuer) -> str:
        if issuer.pk is None:
            return "Known when the issuer is saved."
        return format_html(
            '<dl class="facts"><dt>Issuer</dt><dd><code>{url}</code></dd>'
            '<dt>Discovery</dt><dd><a href="{url}/.well-known/openid-configuration">'
            "{url}/.well-known/openid-configuration</a></dd>"
            '<dt>JWKS</dt><dd><a href="{url}/jwks">{url}/jwks</a></dd>'
            "<dt>Token</dt><dd><code>{url}/token</code></dd></dl>",
            url=issuer.url,
        )

    def panels(self, row: Issuer) -> dict[str, Any]:
        now = timezone.now()
        return {
            "keys": keys_of(row, now=now),
            "authorities": certificate_lines(client_authorities(row.client_ca_certificates), now=now),
            "old_secrets": too_old_at_their_end(row, now=now)[:MAX_NAMED],
        }

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What protects an issuer from deletion is named before a missing permission: nobody may delete keys."""
        to_delete, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set() if protected else perms_needed, protected
