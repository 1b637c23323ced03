"""Disabling and enabling a client: acts of their own, which change nothing else and work for every stored client."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from console.admin_base.versions.client_acts import RelyingPartyActs
from console.admin_base.versions.versioned_act import Asked, Subject, answered
from console.clients.impact import impact_on
from console.clients.reasons import NeededReasonForm, ReasonForm, asked_reason
from issuers.versioning.history import give_reason
from relying_parties.models import RelyingParty


class ClientSwitch(RelyingPartyActs):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls = [
            path(
                f"<int:relying_party_id>/{act}/",
                view(method),
                name=f"relying_parties_relyingparty_{act}",
            )
            for act, method in (("disable", self.disable), ("enable", self.enable))
        ]
        return [*urls, *super().get_urls()]

    def disable(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        return self._switched(request, relying_party_id, is_active=False)

    def enable(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        return self._switched(request, relying_party_id, is_active=True)

    def _switched(self, request: HttpRequest, relying_party_id: int, *, is_active: bool) -> HttpResponse:
        self.require(request, "relying_parties.change_relyingparty")

        def page(asked: Asked) -> HttpResponse:
            row = get_object_or_404(RelyingParty, pk=relying_party_id)
            if request.method == "POST" and row.is_active == is_active:
                state = "enabled" if is_active else "disabled"
                messages.info(request, f"{row} is {state} already.")
                return self.back(row)
            form = asked_reason(request, ReasonForm if is_active else NeededReasonForm)
            if form.is_valid() and asked.is_to_do:
                return self._switch(request, row, is_active=is_active, reason=form.cleaned_data["reason"])
            template = "console/enable_client.html" if is_active else "console/disable_client.html"
            impact = None if is_active else impact_on(row)
            return self.act_page(request, template, row, asked=asked, form=form, impact=impact)

        return answered(request, Subject(RelyingParty, relying_party_id), page)

    def _switch(
        self, request: HttpRequest, row: RelyingParty, *, is_active: bool, reason: str
    ) -> HttpResponse:
        """Writes this column of the row alone."""
        row.is_active = is_active
        give_reason(row, reason)
        row.save(update_fields=["is_active", "updated"])
        self.log_change(request, row, [{"changed": {"fields": ["active"]}}])
        messages.success(request, _done(row, is_active=is_active))
        return self.back(row)


def _done(relying_party: RelyingParty, *, is_active: bool) -> str:
    if is_active:
        return format_html("{} is enabled.", relying_party)
    enable = reverse("admin:relying_parties_relyingparty_enable", args=[relying_party.pk])
    return format_html(
        '{} is disabled: its requests are refused within a second. <a href="{}">Enable it again</a>',
        relying_party,
        enable,
    )
