"""A relying party's federated credentials: each act its own page, its own POST, its own line in the log."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone

from console.configuration_admin import REFUSALS, reason_of
from console.fields import Json
from console.generics import ModelForm
from console.pages.relying_party_acts import RelyingPartyActs
from issuance.coherence import refuse_incoherent
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer


class FederatedCredentialForm(ModelForm):
    class Meta:
        model = FederatedCredential
        fields = (
            "label", "trusted_issuer", "subject", "subject_is_pattern", "claims", "caps_token_lifetime",
            "is_single_use",
        )  # fmt: skip
        field_classes: ClassVar[dict[str, Any]] = {"claims": Json}
        widgets: ClassVar[dict[str, Any]] = {
            "claims": Json.widget,
            "subject": forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        trusted = TrustedIssuer.objects.filter(issuer=self.instance.relying_party.issuer)
        self.fields["trusted_issuer"].queryset = trusted  # type: ignore[attr-defined]

    def _get_validation_exclusions(self) -> set[str]:
        """The relying party is not asked for, and its labels are told apart all the same."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"relying_party"}


class FederatedCredentials(RelyingPartyActs):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.federation_url("add/", self.add_federated, "add_federated"),
            self.federation_url("<int:credential_id>/", self.change_federated, "change_federated"),
            self.federation_url("<int:credential_id>/delete/", self.delete_federated, "delete_federated"),
            *super().get_urls(),
        ]

    def federation_url(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        return path(
            f"<int:relying_party_id>/federated/{route}",
            self.admin_site.admin_view(view),
            name=f"relying_parties_relyingparty_{name}",
        )

    def add_federated(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        self.require(request, "relying_parties.add_federatedcredential")
        relying_party = get_object_or_404(RelyingParty.objects.select_related("issuer"), pk=relying_party_id)
        credential = FederatedCredential(relying_party=relying_party)
        return self._edited(request, credential, act="Add a federated credential", told="added")

    def change_federated(
        self, request: HttpRequest, relying_party_id: int, credential_id: int
    ) -> HttpResponse:
        self.require(request, "relying_parties.change_federatedcredential")
        credential = _credential_of(relying_party_id, credential_id)
        return self._edited(request, credential, act=f"Change {credential}", told="changed")

    def delete_federated(
        self, request: HttpRequest, relying_party_id: int, credential_id: int
    ) -> HttpResponse:
        self.require(request, "relying_parties.delete_federatedcredential")
        credential = _credential_of(relying_party_id, credential_id)
        relying_party, name = credential.relying_party, str(credential)
        if request.method != "POST":
            page = "console/delete_federated.html"
            return self.act_page(request, page, relying_party, credential=credential)
        with transaction.atomic():
            credential.delete()
            self.log_federated(request, relying_party, "deleted", name)
        messages.success(request, f"The federated credential {name} is deleted.")
        return self.back(relying_party, panel="federated")

    def _edited(
        self, request: HttpRequest, credential: FederatedCredential, *, act: str, told: str
    ) -> HttpResponse:
        relying_party = credential.relying_party
        form = FederatedCredentialForm(request.POST or None, instance=credential)
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic():
                    form.save()
                    refuse_incoherent([credential], now=timezone.now())
                    self.log_federated(request, relying_party, told, str(credential))
            except REFUSALS as refusal:
                form.add_error(None, reason_of(refusal))
            else:
                messages.success(request, f"The federated credential {credential} is {told}.")
                return self.back(relying_party, panel="federated")
        page = "console/federated_credential.html"
        return self.act_page(request, page, relying_party, form=form, act=act)

    def log_federated(self, request: HttpRequest, relying_party: RelyingParty, act: str, name: str) -> None:
        told: dict[str, Any] = {"name": "federated credential", "object": name}
        if act == "changed":
            # Django's log cannot show a change without them.
            told["fields"] = ["what it takes"]
        self.log_change(request, relying_party, [{act: told}])


def _credential_of(relying_party_id: int, credential_id: int) -> FederatedCredential:
    credentials = FederatedCredential.objects.select_related("relying_party__issuer", "trusted_issuer")
    return get_object_or_404(credentials, pk=credential_id, relying_party_id=relying_party_id)
