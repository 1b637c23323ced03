"""Adding a client, and what comes next: its secret, its workload, or its page."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from console.admin_base.generics import ModelForm
from console.admin_base.row_ids import is_id
from console.admin_base.versions.configuration_admin import ConfigurationAdmin
from console.clients.access_boxes import FIND, grant
from console.clients.add_form import AddForm
from console.clients.secret_acts import NONE_YET, SecretActs
from issuers.models import SECRET_METHODS, Issuer, TokenEndpointAuthMethod
from relying_parties.models import AccessGrant, ClaimTemplate, ClientSecret, RelyingParty, RequestRule
from relying_parties.secrets.credentials import add_generated_secret
from relying_parties.validation.registration import CERTIFICATE_SUBJECTS

MAX_LISTED = 200
"""Issuers, or templates, in a plain choice, which needs no JavaScript. More are searched for."""
SECRET_LIFE = timedelta(days=365)
"""Of the first secret, unless its issuer allows less."""
KEYS = ("client_jwks", "client_jwks_uri", "accepts_token_endpoint_audience")
NOT_DUPLICATED = (
    "client_id",
    "client_jwks",
    "client_jwks_uri",
    *CERTIFICATE_SUBJECTS,
    "trace_until",
    "is_active",
)
"""A credential proves one client."""
FOR_KEYS = "For private_key_jwt and self_signed_tls_client_auth."
ADD_FIELDSETS: Any = (
    (
        None,
        {
            "fields": (
                "newest", "duplicate_of", "name", "client_id", "issuer", "token_endpoint_auth_method", "find_api",
                "access", "contact",
            )
        },
    ),
    (
        "Its own key",
        {"fields": KEYS, "classes": ("collapse",), "description": FOR_KEYS},
    ),
    (
        "Its TLS certificate",
        {
            "fields": CERTIFICATE_SUBJECTS,
            "classes": ("collapse",),
            "description": "For tls_client_auth one of the five names.",
        },
    ),
    (
        "More options",
        {
            "fields": (
                "description", "claim_template", "access_token_ttl", "signing_alg", "allowed_networks",
                "requests_per_minute", ("valid_from", "valid_until"), "tls_client_certificate_bound_access_tokens",
                "dpop_bound_access_tokens", "trace_until", "is_active",
            ),
            "classes": ("collapse",),
        },
    ),
)  # fmt: skip


class AddsClients(SecretActs, ConfigurationAdmin):
    """Mixed into the client's page."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else ADD_FIELDSETS

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        form = super().get_form(request, obj, change=change, form=AddForm, **kwargs)
        form.is_search = FIND in request.POST
        return form

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        models = {"issuer": Issuer, "claim_template": ClaimTemplate}
        return tuple(
            name
            for name, model in models.items()
            if model._default_manager.all()[: MAX_LISTED + 1].count() > MAX_LISTED
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?duplicate_of=17` fills in what another client has, but for its credentials."""
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        source = _client(request.GET.get("duplicate_of", ""))
        return asked | _values_of(source) if source else asked

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        source = _client(request.GET.get("duplicate_of", ""))
        frame = {"duplicated": source, "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**frame, **(extra_context or {})})

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:  # noqa: FBT001
        if isinstance(form, AddForm):
            source = _client(form.cleaned_data.get("duplicate_of") or "")
            default = source.grants.filter(is_default=True).first() if source else None
            if request.user.has_perm("relying_parties.add_accessgrant"):
                grant(form.instance, form.ticked(), default=default.resource_server_id if default else None)
            if source and request.user.has_perm("relying_parties.add_requestrule"):
                _copy_rules(source, form.instance)
        super().save_related(request, form, formsets, change)

    def response_add(
        self, request: HttpRequest, obj: RelyingParty, post_url_continue: Any = None
    ) -> HttpResponse:
        if IS_POPUP_VAR in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, f"The client {obj} is added.")
        method = obj.token_endpoint_auth_method
        if method in SECRET_METHODS and request.user.has_perm("relying_parties.add_clientsecret"):
            return self._with_a_secret(request, obj)
        page = (
            "presets"
            if method == TokenEndpointAuthMethod.FEDERATED_JWT and _may_federate(request)
            else "change"
        )
        return HttpResponseRedirect(reverse(self.url_name(page), args=[obj.pk]))

    def _with_a_secret(self, request: HttpRequest, obj: RelyingParty) -> HttpResponse:
        now = timezone.now()

        def make() -> tuple[ClientSecret, str]:
            return add_generated_secret(
                relying_party=obj, label=f"{now:%Y}", expires_at=_end_of_secret(obj.issuer, now)
            )

        return self.made_once(request, obj, newest=NONE_YET, make=make)


def _client(key: str) -> RelyingParty | None:
    return RelyingParty.objects.filter(pk=key).first() if is_id(key) else None


def _values_of(source: RelyingParty) -> dict[str, Any]:
    values = {name: value for name, value in model_to_dict(source).items() if name not in NOT_DUPLICATED}
    boxes = [box for access in source.grants.all() for box in _boxes(access)]
    return {**values, "name": f"Copy of {source}", "access": boxes, "duplicate_of": str(source.pk)}


def _boxes(access: AccessGrant) -> list[str]:
    api = access.resource_server_id
    return [str(api), *(f"{api} {scope}" for scope in access.scopes)]


def _copy_rules(source: RelyingParty, client: RelyingParty) -> None:
    for rule in source.rules.order_by("pk"):
        RequestRule(
            relying_party=client, parameter=rule.parameter, regex=rule.regex, message=rule.message
        ).checked().save()


def _end_of_secret(issuer: Issuer, now: datetime) -> datetime | None:
    """None: as late as its issuer allows."""
    limit = issuer.max_client_secret_age
    return None if limit is not None and timedelta(seconds=limit) < SECRET_LIFE else now + SECRET_LIFE


def _may_federate(request: HttpRequest) -> bool:
    needed = ("relying_parties.add_federatedcredential", "relying_parties.add_trustedissuer")
    return bool(request.user.has_perms(needed))
