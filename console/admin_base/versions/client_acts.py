"""What the acts on a relying party share: the permission, and that each is a page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from console.admin_base.page import Page
from console.admin_base.versions.versioned_act import Asked
from relying_parties.models import RelyingParty


class RelyingPartyActs(Page):
    """Mixed into the relying party's page."""

    def require(self, request: HttpRequest, *permissions: str) -> None:
        if not request.user.has_perms([*permissions, "relying_parties.view_relyingparty"]):
            raise PermissionDenied

    def act_page(
        self,
        request: HttpRequest,
        template: str,
        relying_party: RelyingParty,
        *,
        status: int = 200,
        asked: Asked | None = None,
        **context: Any,
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "relying_party": relying_party,
            "back": self._page_of(relying_party),
        }
        if asked is not None:
            shared, status = {**shared, **asked.context}, asked.status
        return TemplateResponse(request, template, {**shared, **context}, status=status)

    def back(self, relying_party: RelyingParty, *, tab: str = "change", panel: str = "") -> HttpResponse:
        page = self._page_of(relying_party, tab)
        return HttpResponseRedirect(page + (f"#{panel}" if panel else ""))

    def _page_of(self, relying_party: RelyingParty, tab: str = "change") -> str:
        return reverse(self.url_name(tab), args=[relying_party.pk])
