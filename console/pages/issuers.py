"""The page of an issuer, and the button that creates its keys."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from console.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.fields import Checkboxes
from console.site import site
from issuers.models import Issuer, SigningAlg, TokenEndpointAuthMethod, default_methods
from keys.creation import create_first_key, signing_alg_problem
from keys.models import SigningKey
from keys.schedule import KeyState


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One algorithm of an issuer: its newest key, if there is one."""

    alg: str
    key: SigningKey | None
    state: KeyState | None
    is_needed: bool


class IssuerForm(ConfigurationForm):
    token_endpoint_auth_methods = Checkboxes(
        label="Authentication methods",
        choices=TokenEndpointAuthMethod.choices,
        initial=default_methods,
        help_text="The methods that are on. A relying party's method must be one of them.",
    )

    class Meta:
        labels: ClassVar[dict[str, str]] = {
            "default_access_token_ttl": "Default TTL of access tokens",
            "max_access_token_ttl": "Greatest TTL of access tokens",
            "jwks_max_age": "JWKS max-age",
            "metadata_max_age": "Discovery max-age",
        }


@admin.register(Issuer, site=site)
class IssuerAdmin(ConfigurationAdmin):
    form = IssuerForm
    change_form_template = "console/issuer.html"
    list_display = ("name", "url", "signing_alg", "signs", "relying_party_count", "is_active")
    list_filter = ("is_active", "signing_alg")
    search_fields = ("name", "path")
    readonly_fields = ("endpoints",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "path", "endpoints", "is_active")}),
        ("Tokens", {"fields": ("signing_alg", "default_access_token_ttl", "max_access_token_ttl")}),
        ("Token endpoint", {"fields": ("token_endpoint_auth_methods", "allow_missing_grant_type")}),
        ("Documents", {"fields": ("metadata_max_age", "jwks_max_age", "extra_metadata")}),
        (
            "Key rotation",
            {"fields": ("rotation_period", "announce_period", "retire_period"), "classes": ("collapse",)},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        issuers: QuerySet[Any] = super().get_queryset(request).annotate(clients=Count("relying_parties"))
        return issuers

    @admin.display(description="URL", ordering="path")
    def url(self, issuer: Issuer) -> str:
        return issuer.url

    @admin.display(description="can sign", boolean=True)
    def signs(self, issuer: Issuer) -> bool:
        return signing_alg_problem(issuer=issuer, alg=issuer.signing_alg, now=timezone.now()) is None

    @admin.display(description="relying parties", ordering="clients")
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        issuer: Any = self.get_object(request, unquote(object_id))
        keys = {"key_lines": _key_lines(issuer)} if issuer else {}
        return super().change_view(request, object_id, form_url, {**keys, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        create_key = path(
            "<int:issuer_id>/create-key/<str:alg>/",
            self.admin_site.admin_view(self.create_key),
            name="issuers_issuer_create_key",
        )
        return [create_key, *super().get_urls()]

    def create_key(self, request: HttpRequest, issuer_id: int, alg: str) -> HttpResponse:
        """Ask on GET; on POST make the issuer's first key of the algorithm."""
        if not request.user.has_perm("keys.add_signingkey"):
            raise PermissionDenied
        issuer = Issuer.objects.filter(pk=issuer_id).first()
        if issuer is None or alg not in SigningAlg.values:
            raise Http404
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": f"Create an {alg} key" if alg[0] in "RE" else f"Create a {alg} key",
                "opts": self.opts,
                "issuer": issuer,
                "alg": alg,
            }
            return TemplateResponse(request, "console/create_key.html", context)
        try:
            key = create_first_key(issuer=issuer, alg=alg, now=timezone.now())
        except ValidationError as refusal:
            for problem in refusal.messages:
                messages.error(request, problem)
        except IntegrityError:
            messages.error(request, f"Another {alg} key was made at this moment.")
        else:
            self.log_addition(request, key, [{"added": {}}])
            messages.success(request, f"The {alg} key is made, published and active.")
        return HttpResponseRedirect(reverse(self.url_name("change"), args=[issuer_id]))


def _key_lines(issuer: Issuer) -> list[KeyLine]:
    now = timezone.now()
    newest: dict[str, SigningKey] = {key.alg: key for key in issuer.signing_keys.order_by("activates_at")}
    return [
        KeyLine(
            alg=alg,
            key=newest.get(alg),
            state=newest[alg].state(now) if alg in newest else None,
            is_needed=alg == issuer.signing_alg,
        )
        for alg in SigningAlg.values
    ]
