"""Add a federated credential from a preset: what is known of the platform is filled in, the rest is asked for."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils import timezone

from console.admin_base.fields.public_fields import PublicKeys
from console.admin_base.versions.configuration_admin import REFUSALS, reason_of
from console.federation.credentials import add_from_preset
from console.federation.federated_credentials import FederatedCredentials
from relying_parties.federation.preset import Preset, answer_problems, filled
from relying_parties.federation.presets import PRESETS, preset_named
from relying_parties.models import FederatedCredential, RelyingParty

PART = "part_"


class PresetForm(forms.Form):
    label = forms.CharField(max_length=100, help_text="The name of the credential on this page.")
    issuer_name = forms.CharField(
        max_length=100,
        label="Name of the trusted issuer",
        help_text="It is made if there is none with its URL yet; an existing one is used unchanged.",
    )
    jwks = PublicKeys(
        required=False,
        label="JWKS",
        help_text="The platform's public keys, where this server cannot fetch them. Empty: by discovery.",
    )

    def __init__(self, *args: Any, preset: Preset, **options: Any) -> None:
        super().__init__(*args, **options)
        self.preset = preset
        self.fields["label"].initial = preset.slug
        self.fields["issuer_name"].initial = preset.issuer_name
        for part in preset.parts:
            self.fields[PART + part.name] = forms.CharField(
                required=not part.is_optional,
                label=part.label,
                help_text=part.help_text,
                initial=part.default,
                max_length=500,
                widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
            )
        self.order_fields(["label", *(PART + part.name for part in preset.parts)])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, problem in answer_problems(self.preset, self.answers).items():
            if PART + name not in self.errors:
                self.add_error(PART + name, problem)
        return cleaned

    @property
    def answers(self) -> dict[str, str]:
        return {part.name: self.cleaned_data.get(PART + part.name, "") for part in self.preset.parts}


class FederationPresets(FederatedCredentials):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.federation_url("presets/", self.choose_preset, "presets"),
            self.federation_url("presets/<slug:slug>/", self.fill_preset, "preset"),
            *super().get_urls(),
        ]

    def choose_preset(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        relying_party = self._relying_party(request, relying_party_id)
        return self.act_page(request, "console/presets.html", relying_party, presets=PRESETS)

    def fill_preset(self, request: HttpRequest, relying_party_id: int, slug: str) -> HttpResponse:
        """GET asks for the parts. POST makes the credential, and its trusted issuer if there is none."""
        relying_party = self._relying_party(request, relying_party_id)
        preset = preset_named(slug)
        if preset is None:
            raise Http404(f"There is no preset {slug}.")
        form = PresetForm(request.POST or None, preset=preset)
        if request.method == "POST" and form.is_valid():
            try:
                return self._added(request, relying_party, form)
            except REFUSALS as refusal:
                form.add_error(None, reason_of(refusal))
        audience = "APPLICATION_ID" if preset.audience else relying_party.issuer.url
        how = preset.how.replace("{audience}", audience)
        return self.act_page(request, "console/preset.html", relying_party, form=form, preset=preset, how=how)

    def _added(self, request: HttpRequest, relying_party: RelyingParty, form: PresetForm) -> HttpResponse:
        asked, preset = form.cleaned_data, form.preset
        with transaction.atomic():
            credential, is_new = add_from_preset(
                relying_party,
                filled(preset, form.answers, jwks=asked["jwks"]),
                issuer_name=asked["issuer_name"],
                label=asked["label"],
                now=timezone.now(),
            )
            self.log_federated(request, relying_party, "added", str(credential))
            if is_new:
                self.log_addition(request, credential.trusted_issuer, f"From the preset {preset.name}.")
        self._tell_added(request, credential, is_new=is_new)
        return self.back(relying_party, tab="credentials", panel="federated")

    def _tell_added(self, request: HttpRequest, credential: FederatedCredential, *, is_new: bool) -> None:
        made = "is made" if is_new else "exists already and is used unchanged"
        messages.success(
            request,
            f"The federated credential {credential} is added. The trusted issuer {credential.trusted_issuer} {made}.",
        )

    def _relying_party(self, request: HttpRequest, relying_party_id: int) -> RelyingParty:
        self.require(request, "relying_parties.add_federatedcredential", "relying_parties.add_trustedissuer")
        return get_object_or_404(RelyingParty.objects.select_related("issuer"), pk=relying_party_id)
