"""The tabs of an API beside its form: who has access, and how it verifies its tokens."""

import shlex
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from audit.models import Outcome
from audit.reading.filters import Search
from audit.reading.pages import page_of
from console.admin_base.page import Page
from console.admin_base.row_ids import is_id
from console.apis.verify_programs import verify_programs
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from relying_parties.models import AccessGrant, RelyingParty, ResourceServer

PER_PAGE = 20
"""Clients, for each of which the record is asked."""
MAX_COUNTED = 10_000
"""Grants whose scopes are counted."""


@dataclass(frozen=True, slots=True)
class ApiTab:
    label: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A client that may call the API. `last` is None also where its newest requests were for other APIs."""

    grant: AccessGrant
    last: datetime | None


class ApiTabs(Page):
    """Mixed into the page of APIs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = (("access", self.who_has_access), ("verify", self.how_to_verify))
        own = [
            path(f"<int:pk>/{name}/", view(require_safe(page)), name=f"relying_parties_resourceserver_{name}")
            for name, page in pages
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if is_id(object_id) else None
        tabs = api_tabs(row, request, current="Overview") if row else []
        frame = {"title": str(row), "tabs": tabs, "uses": _uses(row)} if row else {}
        return super().change_view(request, object_id, form_url, {**frame, **(extra_context or {})})

    def who_has_access(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perms(SEES_CONFIGURATION):
            raise PermissionDenied
        server = get_object_or_404(ResourceServer.objects.select_related("issuer"), pk=pk)
        grants = server.grants.select_related("relying_party").order_by("relying_party__client_id")
        page = Paginator(grants, PER_PAGE).get_page(request.GET.get("page"))
        sees_record = request.user.has_perm(SEES_RECORD)
        holders = [Holder(grant, _last_token(grant, server) if sees_record else None) for grant in page]
        found = {"page": page, "holders": holders, "sees_record": sees_record}
        return self._shown(request, server, "Who has access", "console/api_access.html", **found)

    def how_to_verify(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perms(SEES_CONFIGURATION):
            raise PermissionDenied
        server = get_object_or_404(ResourceServer.objects.select_related("issuer"), pk=pk)
        issuer, algorithms = server.issuer.url, _algorithms(server)
        environment = f"export ISSUER={shlex.quote(issuer)} AUDIENCE={shlex.quote(server.identifier)}"
        programs = verify_programs(issuer=issuer, audience=server.identifier, algorithms=algorithms)
        found = {"algorithms": algorithms, "environment": environment, "programs": programs}
        return self._shown(request, server, "How to verify", "console/api_verify.html", **found)

    def _shown(
        self, request: HttpRequest, server: ResourceServer, tab: str, template: str, **found: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(server),
            "server": server,
            "tab": tab,
            "tabs": api_tabs(server, request, current=tab),
        }
        return TemplateResponse(request, template, {**context, **found})


def api_tabs(server: ResourceServer, request: HttpRequest, *, current: str) -> list[ApiTab]:
    """Those that the user may open."""
    pages = {"Overview": reverse("admin:relying_parties_resourceserver_change", args=[server.pk])}
    if request.user.has_perms(SEES_CONFIGURATION):
        pages["Who has access"] = reverse("admin:relying_parties_resourceserver_access", args=[server.pk])
        pages["How to verify"] = reverse("admin:relying_parties_resourceserver_verify", args=[server.pk])
    if request.user.has_perms((SEES_RECORD, *SEES_CONFIGURATION)):
        asked = urlencode({"issuer": server.issuer.url, "audience": server.identifier})
        pages["Activity"] = f"{reverse('admin:audit_access')}?{asked}"
    return [ApiTab(label, address, label == current) for label, address in pages.items()]


def _uses(server: ResourceServer) -> dict[str, Any]:
    """How many clients have the API, and each of its scopes."""
    granted = server.grants.values_list("scopes", flat=True)[:MAX_COUNTED]
    counted = Counter(scope for scopes in granted if isinstance(scopes, list) for scope in map(str, scopes))
    return {
        "clients": server.clients_in_words,
        "scopes": [(scope, counted[scope]) for scope in server.scopes],
    }


def _last_token(grant: AccessGrant, server: ResourceServer) -> datetime | None:
    own = {
        "client_id": grant.relying_party.client_id,
        "issuer": server.issuer.url,
        "audience": server.identifier,
        "outcome": Outcome.ISSUED.value,
    }
    newest = page_of(Search(equals=own), size=1).events
    return newest[0].at if newest else None


def _algorithms(server: ResourceServer) -> list[str]:
    """The issuer's, and those that clients of the API have of their own."""
    clients = RelyingParty.objects.filter(grants__resource_server=server).exclude(signing_alg="")
    others = clients.order_by("signing_alg").values_list("signing_alg", flat=True).distinct()
    return list(dict.fromkeys([server.issuer.signing_alg, *others]))
