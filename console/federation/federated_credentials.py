"""A relying party's federated credentials: each act has its own page, POST and line in the log."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone

from console.admin_base.fields.values import Json
from console.admin_base.generics import ModelForm
from console.admin_base.versions.client_acts import RelyingPartyActs
from console.admin_base.versions.configuration_admin import REFUSALS, reason_of
from console.admin_base.versions.versioned_act import Asked, Subject, answered
from issuance.outlook.consistency import refuse_incoherent
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
        """The relying party is not in the form, but its labels must still differ."""
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
        is_sent = request.method == "POST"
        form = FederatedCredentialForm(request.POST if is_sent else None, instance=credential)
        return self._edited(
            request, form, Asked(is_to_do=is_sent), act="Add a federated credential", verb="added"
        )

    def change_federated(
        self, request: HttpRequest, relying_party_id: int, credential_id: int
    ) -> HttpResponse:
        self.require(request, "relying_parties.change_federatedcredential")
        subject = _subject(relying_party_id, credential_id)

        def page(asked: Asked) -> HttpResponse:
            row = _credential_of(relying_party_id, credential_id)
            if row is None:
                return self._gone(request, relying_party_id, credential_id)
            act = f"Change {row}"
            form = FederatedCredentialForm(request.POST if asked.is_to_do else None, instance=row)
            if asked.is_stale:
                form, asked = subject.merged(request, FederatedCredentialForm, row, asked)
            return self._edited(request, form, asked, act=act, verb="changed")

        return answered(request, subject, page)

    def delete_federated(
        self, request: HttpRequest, relying_party_id: int, credential_id: int
    ) -> HttpResponse:
        self.require(request, "relying_parties.delete_federatedcredential")

        def page(asked: Asked) -> HttpResponse:
            row = _credential_of(relying_party_id, credential_id)
            if row is None:
                return self._gone(request, relying_party_id, credential_id)
            if asked.is_to_do:
                return self._deleted(request, row)
            template = "console/delete_federated.html"
            return self.act_page(request, template, row.relying_party, asked=asked, credential=row)

        return answered(request, _subject(relying_party_id, credential_id), page)

    def _deleted(self, request: HttpRequest, credential: FederatedCredential) -> HttpResponse:
        name = str(credential)
        credential.delete()
        self.log_federated(request, credential.relying_party, "deleted", name)
        messages.success(request, f"The federated credential {name} is deleted.")
        return self.back(credential.relying_party, tab="credentials", panel="federated")

    def _gone(self, request: HttpRequest, relying_party_id: int, credential_id: int) -> HttpResponse:
        """404 where the relying party never had it."""
        history: Any = FederatedCredential.history
        rows = history.filter(id=credential_id, relying_party_id=relying_party_id, history_type="-")
        deletion = get_object_or_404(rows.order_by("-history_id")[:1])
        relying_party = get_object_or_404(RelyingParty, pk=relying_party_id)
        messages.warning(
            request,
            f"The federated credential {deletion.label} is not there: {deletion.history_user_id} deleted it on "
            f"{deletion.history_date:%Y-%m-%d at %H:%M:%S} UTC.",
        )
        return self.back(relying_party, tab="credentials", panel="federated")

    def _edited(
        self, request: HttpRequest, form: FederatedCredentialForm, asked: Asked, *, act: str, verb: str
    ) -> HttpResponse:
        credential = form.instance
        relying_party = credential.relying_party
        if asked.is_to_do and form.is_valid():
            try:
                with transaction.atomic():
                    form.save()
                    refuse_incoherent([credential], now=timezone.now())
                    self.log_federated(request, relying_party, verb, str(credential))
            except REFUSALS as refusal:
                form.add_error(None, reason_of(refusal))
            else:
                messages.success(request, f"The federated credential {credential} is {verb}.")
                return self.back(relying_party, tab="credentials", panel="federated")
        page = "console/federated_credential.html"
        return self.act_page(request, page, relying_party, asked=asked, form=form, act=act)

    def log_federated(self, request: HttpRequest, relying_party: RelyingParty, act: str, name: str) -> None:
        change: dict[str, Any] = {"name": "federated credential", "object": name}
        if act == "changed":
            # Django's log cannot show a change without them.
            change["fields"] = ["what it takes"]
        self.log_change(request, relying_party, [{act: change}])


def _credential_of(relying_party_id: int, credential_id: int) -> FederatedCredential | None:
    credentials = FederatedCredential.objects.select_related("relying_party__issuer", "trusted_issuer")
    return credentials.filter(pk=credential_id, relying_party_id=relying_party_id).first()


def _subject(relying_party_id: int, credential_id: int) -> Subject:
    return Subject(FederatedCredential, credential_id, owner=(RelyingParty, relying_party_id))
