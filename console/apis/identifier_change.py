"""The act that changes the identifier of a granted resource server: shows who is affected, asks for the old one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from console.admin_base.page import Page
from console.admin_base.versions.configuration_admin import REFUSALS, reason_of
from console.admin_base.versions.versioned_act import Asked, Subject, answered
from console.reports.access_report import uses
from console.reports.activity import complete_until
from issuance.outlook.consistency import refuse_incoherent
from relying_parties.models import ResourceServer
from relying_parties.renaming import rename

COUNTED = timedelta(days=7)
MAX_REASON = 100
LITERAL = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "vURLField"}


class IdentifierForm(forms.Form):
    identifier = forms.CharField(
        label="New identifier", max_length=255, widget=forms.TextInput(attrs=LITERAL)
    )
    reason = forms.CharField(
        max_length=MAX_REASON,
        help_text="It is shown in the history.",
        widget=forms.TextInput(attrs={"class": "vURLField"}),
    )
    old = forms.CharField(
        label="Type the old identifier", max_length=255, widget=forms.TextInput(attrs=LITERAL)
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """The clients that a new identifier affects. Tokens are those of the last seven days that are counted already."""

    granted: int
    clients: int
    tokens: int
    counted_until: datetime | None


def reach_of(server: ResourceServer, *, now: datetime) -> Reach:
    used = uses(server.issuer.url, server.identifier, now - COUNTED, now).values()
    return Reach(
        granted=server.grants.count(),
        clients=sum(bool(use.issued) for use in used),
        tokens=sum(use.issued for use in used),
        counted_until=complete_until(),
    )


class IdentifierChange(Page):
    """Mixed into the page of resource servers."""

    def get_urls(self) -> list[URLPattern]:
        url = path(
            "<int:server_id>/identifier/",
            self.admin_site.admin_view(self.change_identifier),
            name="relying_parties_resourceserver_identifier",
        )
        return [url, *super().get_urls()]

    def change_identifier(self, request: HttpRequest, server_id: int) -> HttpResponse:
        """GET explains. POST changes it."""
        needed = ("relying_parties.change_resourceserver", "relying_parties.view_resourceserver")
        if not request.user.has_perms(needed):
            raise PermissionDenied

        def page(asked: Asked) -> HttpResponse:
            form = IdentifierForm(request.POST if request.method == "POST" else None)
            if form.is_valid() and asked.is_to_do:
                try:
                    return self._changed(request, server_id, form.cleaned_data)
                except REFUSALS as refusal:
                    form.add_error(None, ValidationError(reason_of(refusal).messages))
            return self._asking(request, server_id, form, asked)

        return answered(request, Subject(ResourceServer, server_id), page)

    def _asking(
        self, request: HttpRequest, server_id: int, form: IdentifierForm, asked: Asked
    ) -> HttpResponse:
        server = get_object_or_404(ResourceServer.objects.select_related("issuer"), pk=server_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "server": server,
            "reach": reach_of(server, now=timezone.now()),
            "form": form,
            "back": self._page_of(server.pk),
            **asked.context,
        }
        return TemplateResponse(request, "console/change_identifier.html", context, status=asked.status)

    def _changed(self, request: HttpRequest, server_id: int, asked: dict[str, Any]) -> HttpResponse:
        """Raises ValidationError, and then changes nothing."""
        with transaction.atomic():
            servers = ResourceServer.objects.select_for_update(of=("self",), no_key=True)
            server = get_object_or_404(servers.select_related("issuer"), pk=server_id)
            old = server.identifier
            if asked["old"] != old:
                raise ValidationError(f"Nothing was changed: the old identifier is {old}.")
            if asked["identifier"] == old:
                raise ValidationError("Nothing was changed: this is the old identifier.")
            rename(server, identifier=asked["identifier"], reason=asked["reason"])
            refuse_incoherent([server], now=timezone.now())
            message = f"The identifier is {server.identifier} now. It was {old}."
            self.log_change(request, server, message)
        messages.success(request, message)
        return HttpResponseRedirect(self._page_of(server_id))

    def _page_of(self, server_id: int) -> str:
        return reverse(self.url_name("change"), args=[server_id])
