"""How an issuer gets a key: generated here, or imported from a file."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from console.admin_base.fields.values import Upload
from console.admin_base.instants import written
from console.admin_base.page import Page
from issuers.models import Issuer, SigningAlg
from keys.importing.adoption import adopt
from keys.importing.key_files import KEY_FILES, ForeignKey, read_key_file
from keys.lifecycle.creation import create_first_key
from keys.lifecycle.retirement import outlive_tokens
from keys.models import SigningKey
from keys.schedule import KeyState


class Password(forms.CharField):
    """Never shown again, never suggested by the browser, used exactly as typed."""

    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=1000, strip=False, **options)


class ImportForm(forms.Form):
    file = Upload(
        label="Key file",
        help_text=KEY_FILES,
    )
    alias = forms.CharField(
        required=False,
        max_length=200,
        help_text="PKCS#12: the alias that the key must have; empty: any. JWK Set: the kid of the key.",
    )
    store_password = Password(help_text="PKCS#12: the password of the file.")
    key_password = Password(
        help_text="PEM: the password of the key, empty if it is not encrypted. PKCS#12: empty, or the file's."
    )
    alg = forms.ChoiceField(
        label="Algorithm", choices=SigningAlg.choices, help_text="The key will sign with it."
    )
    kid = forms.CharField(
        label="Key ID (kid) to keep",
        required=False,
        max_length=128,
        help_text="The one under which it was published, since live tokens carry it. Empty: its thumbprint.",
    )

    @sensitive_variables()
    def foreign_key(self) -> ForeignKey:
        """Raises ValidationError."""
        given = self.cleaned_data
        return read_key_file(
            given["file"],
            store_password=given["store_password"],
            key_password=given["key_password"],
            alias=given["alias"],
        )


class KeyCreation(Page):
    """Mixed into the issuer's page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<int:issuer_id>/create-key/<str:alg>/",
                view(self.create_key),
                name="issuers_issuer_create_key",
            ),
            path("<int:issuer_id>/import-key/", view(self.import_key), name="issuers_issuer_import_key"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Issuer, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            outlive_tokens(obj, now=timezone.now())
        super().save_model(request, obj, form, change)

    def create_key(self, request: HttpRequest, issuer_id: int, alg: str) -> HttpResponse:
        """Ask on GET; on POST make the issuer's first key of the algorithm."""
        issuer = self._issuer(request, issuer_id)
        if alg not in SigningAlg.values:
            raise Http404
        if request.method != "POST":
            title = f"Create an {alg} key" if alg[0] in "RE" else f"Create a {alg} key"
            return self._page(request, "console/create_key.html", issuer, title=title, alg=alg)
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

    @method_decorator(sensitive_post_parameters("store_password", "key_password"))
    def import_key(self, request: HttpRequest, issuer_id: int) -> HttpResponse:
        """The form on GET; on POST import the key, or show the form with the problems."""
        issuer, now = self._issuer(request, issuer_id), timezone.now()
        is_sent = request.method == "POST"
        form = (
            ImportForm(request.POST, request.FILES)
            if is_sent
            else ImportForm(initial={"alg": issuer.signing_alg})
        )
        key = self._imported(request, form, issuer, now)
        if key is None:
            title = f"Import a signing key for {issuer}"
            return self._page(request, "console/import_key.html", issuer, title=title, form=form)
        self.log_addition(request, key, "Imported.")
        messages.success(request, _what_follows(key, now))
        return HttpResponseRedirect(reverse("admin:keys_signingkey_change", args=[key.pk]))

    def _imported(
        self, request: HttpRequest, form: ImportForm, issuer: Issuer, now: datetime
    ) -> SigningKey | None:
        if not form.is_valid():
            return None
        try:
            foreign = form.foreign_key()
            key = adopt(
                foreign, issuer=issuer, alg=form.cleaned_data["alg"], kid=form.cleaned_data["kid"], now=now
            )
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
            return None
        for warning in foreign.warnings(now):
            messages.warning(request, warning)
        return key

    def _issuer(self, request: HttpRequest, issuer_id: int) -> Issuer:
        if not request.user.has_perms(["keys.add_signingkey", "issuers.view_issuer"]):
            raise PermissionDenied
        return get_object_or_404(Issuer, pk=issuer_id)

    def _page(self, request: HttpRequest, template: str, issuer: Issuer, **context: Any) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "issuer": issuer,
            "back": reverse(self.url_name("change"), args=[issuer.pk]),
        }
        return TemplateResponse(request, template, {**shared, **context})


def _what_follows(key: SigningKey, now: datetime) -> str:
    if key.state(now) == KeyState.ANNOUNCED:
        return f"The key {key.kid} is imported and announced: it signs from {written(key.activates_at)}."
    return f"The key {key.kid} is imported and signs from now on."
