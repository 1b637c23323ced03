"""The acts on client secrets: each has its own page, POST and line in the log. A secret is shown once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from console.admin_base.fields.times import Deadline
from console.admin_base.versions.client_acts import RelyingPartyActs
from console.admin_base.versions.made_from import CONFLICT
from console.admin_base.versions.versioned_act import Asked, Subject, answered
from console.clients.curl_command import curl_command
from console.clients.impact import impact_of_secret
from console.clients.reasons import NeededReasonForm, asked_reason
from issuers.models import SECRET_METHODS
from issuers.versioning.history import give_reason
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import add_generated_secret, change_expiry, revoke_secret

NONE_YET = 0
"""Used instead of the newest secret's id if there is none."""
UNTIL_REVOKED = "Empty: as late as its issuer allows, or until it is revoked."


class ExpiryForm(forms.Form):
    expires_at = Deadline(required=False, label="Expires at", help_text=UNTIL_REVOKED)

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError("That instant is past.")
        return expires_at


class GenerateForm(ExpiryForm):
    label = forms.CharField(
        max_length=100, required=False, help_text="Where it will live, such as “production 2026”."
    )
    newest = forms.IntegerField(widget=forms.HiddenInput)
    field_order: tuple[str, ...] = ("label", "expires_at")


class SecretActs(RelyingPartyActs):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        prefix = "<int:relying_party_id>/secrets"
        return [
            path(
                f"{prefix}/generate/",
                view(self.generate_secret),
                name="relying_parties_relyingparty_generate_secret",
            ),
            path(
                f"{prefix}/<int:secret_id>/revoke/",
                view(self.revoke_secret),
                name="relying_parties_relyingparty_revoke_secret",
            ),
            path(
                f"{prefix}/<int:secret_id>/expiry/",
                view(self.change_secret_expiry),
                name="relying_parties_relyingparty_secret_expiry",
            ),
            *super().get_urls(),
        ]

    def generate_secret(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        """GET shows the form. POST makes the secret and shows it, in this answer only."""
        self.require(request, "relying_parties.add_clientsecret")
        relying_party = get_object_or_404(RelyingParty, pk=relying_party_id)
        if request.method != "POST":
            form = GenerateForm(initial={"newest": newest_id(relying_party)})
            return self.act_page(request, "console/generate_secret.html", relying_party, form=form)
        form = GenerateForm(request.POST)
        if form.is_valid():
            try:
                return self._generated(request, relying_party, form.cleaned_data)
            except ValidationError as refusal:
                form.add_error(None, refusal.messages)
        return self.act_page(request, "console/generate_secret.html", relying_party, form=form)

    def _generated(
        self, request: HttpRequest, relying_party: RelyingParty, asked: dict[str, Any]
    ) -> HttpResponse:
        def make() -> tuple[ClientSecret, str]:
            return add_generated_secret(
                relying_party=relying_party, label=asked["label"], expires_at=asked["expires_at"]
            )

        return self.made_once(request, relying_party, newest=asked["newest"], make=make)

    @sensitive_variables("text")
    def made_once(
        self,
        request: HttpRequest,
        relying_party: RelyingParty,
        *,
        newest: int,
        make: Callable[[], tuple[ClientSecret, str]],
        replaced: ClientSecret | None = None,
    ) -> HttpResponse:
        """Make a secret and show it, unless the form is older than the newest secret. Raises ValidationError."""
        with transaction.atomic():
            # Locked, so that of two forms sent at once one is stale.
            RelyingParty.objects.select_for_update().get(pk=relying_party.pk)
            if newest != newest_id(relying_party):
                return self.made_before(request, relying_party)
            secret, text = make()
            if replaced is not None:
                self._log(request, relying_party, "changed", replaced)
            self._log(request, relying_party, "added", secret)
        return self.act_page(
            request,
            "console/new_secret.html",
            relying_party,
            secret=secret,
            text=text,
            replaced=replaced,
            is_taken=relying_party.token_endpoint_auth_method in SECRET_METHODS,
            command=curl_command(relying_party),
        )

    def made_before(self, request: HttpRequest, relying_party: RelyingParty) -> HttpResponse:
        return self.act_page(request, "console/stale_secret_form.html", relying_party, status=CONFLICT)

    def revoke_secret(self, request: HttpRequest, relying_party_id: int, secret_id: int) -> HttpResponse:
        self.require(request, "relying_parties.change_clientsecret")

        def page(asked: Asked) -> HttpResponse:
            secret = self.secret_of(relying_party_id, secret_id)
            if secret.revoked_at is not None:
                messages.warning(request, f"The secret {secret} is revoked already.")
                return self.back(secret.relying_party, tab="credentials")
            form = asked_reason(request, NeededReasonForm)
            if form.is_valid() and asked.is_to_do:
                return self._revoked(request, secret, reason=form.cleaned_data["reason"])
            impact = impact_of_secret(secret)
            return self.act_page(
                request, "console/revoke_secret.html", secret.relying_party, asked=asked, secret=secret,
                form=form, impact=impact,
            )  # fmt: skip

        return answered(request, subject_of(relying_party_id, secret_id), page)

    def _revoked(self, request: HttpRequest, secret: ClientSecret, *, reason: str) -> HttpResponse:
        give_reason(secret, reason)
        revoke_secret(secret, now=timezone.now())
        self._log(request, secret.relying_party, "deleted", secret)
        messages.success(request, f"The secret {secret} is revoked.")
        return self.back(secret.relying_party, tab="credentials")

    def change_secret_expiry(
        self, request: HttpRequest, relying_party_id: int, secret_id: int
    ) -> HttpResponse:
        self.require(request, "relying_parties.change_clientsecret")
        subject = subject_of(relying_party_id, secret_id)

        def page(asked: Asked) -> HttpResponse:
            secret = self.secret_of(relying_party_id, secret_id)
            form = _expiry_form(request.POST if asked.is_to_do else None, instance=secret)
            if asked.is_stale:
                form, asked = subject.merged(request, _expiry_form, secret, asked)
            if asked.is_to_do and form.is_valid():
                try:
                    return self._expiry_changed(request, secret, form.cleaned_data["expires_at"])
                except ValidationError as refusal:
                    form.add_error(None, refusal.messages)
            template = "console/secret_expiry.html"
            return self.act_page(
                request, template, secret.relying_party, asked=asked, secret=secret, form=form
            )

        return answered(request, subject, page)

    def _expiry_changed(
        self, request: HttpRequest, secret: ClientSecret, expires_at: datetime | None
    ) -> HttpResponse:
        change_expiry(secret, expires_at=expires_at, now=timezone.now())
        self._log(request, secret.relying_party, "changed", secret)
        messages.success(request, f"The expiry of the secret {secret} is changed.")
        return self.back(secret.relying_party, tab="credentials")

    def secret_of(self, relying_party_id: int, secret_id: int) -> ClientSecret:
        secrets = ClientSecret.objects.select_related("relying_party__issuer")
        return get_object_or_404(secrets, pk=secret_id, relying_party_id=relying_party_id)

    def _log(self, request: HttpRequest, relying_party: RelyingParty, act: str, secret: ClientSecret) -> None:
        done: dict[str, Any] = {"name": "client secret", "object": str(secret)}
        if act == "changed":
            # Django's log cannot show a change without them.
            done["fields"] = ["expiry"]
        self.log_change(request, relying_party, [{act: done}])


def newest_id(relying_party: RelyingParty) -> int:
    newest = relying_party.secrets.order_by("-pk").values_list("pk", flat=True).first()
    return newest or NONE_YET


def subject_of(relying_party_id: int, secret_id: int) -> Subject:
    return Subject(ClientSecret, secret_id, owner=(RelyingParty, relying_party_id))


def _expiry_form(
    data: QueryDict | None = None, *, instance: ClientSecret, initial: Any = None, prefix: str | None = None
) -> ExpiryForm:
    return ExpiryForm(data, initial={"expires_at": instance.expires_at} | (initial or {}), prefix=prefix)
