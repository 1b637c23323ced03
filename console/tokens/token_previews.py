"""The token that a request with these parameters would get, computed by the token path without issuing one."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from console.admin_base.page import Page
from console.tokens.token_preview import token_preview
from issuance.outlook.imagined import allowed_address, parameters_read
from relying_parties.models import RelyingParty
from relying_parties.snapshots import snapshot_of

PREFIX = "param_"


class PreviewForm(forms.Form):
    """The protocol's parameters, and those that the relying party's rules and template read."""

    scope = forms.CharField(required=False, max_length=1000, help_text="Separated by spaces.")
    resource = forms.CharField(required=False, max_length=1000)
    address = forms.GenericIPAddressField(label="From the address")

    def __init__(self, *args: Any, relying_party: RelyingParty) -> None:
        super().__init__(*args)
        self.client = snapshot_of(relying_party)
        self.fields["address"].initial = allowed_address(self.client)
        for name in parameters_read(self.client):
            self.fields[PREFIX + name] = forms.CharField(required=False, label=name, max_length=1000)

    @property
    def parameters(self) -> dict[str, str]:
        return {
            name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items() if name != "address"
        }


class PreviewPage(Page):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        url = path(
            "<int:relying_party_id>/preview/",
            self.admin_site.admin_view(self.preview),
            name="relying_parties_relyingparty_preview",
        )
        return [url, *super().get_urls()]

    def preview(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        relying_party = get_object_or_404(RelyingParty.objects.select_related("issuer"), pk=relying_party_id)
        form = PreviewForm(request.GET or None, relying_party=relying_party)
        previews = []
        if form.is_valid():
            address = form.cleaned_data["address"]
            previews = [token_preview(relying_party, parameters=form.parameters, address=address)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "relying_party": relying_party,
            "form": form,
            "previews": previews,
        }
        return TemplateResponse(request, "console/preview.html", context)
