"""The console's own AdminSite: its pages are listed in console/urls.py; nothing registers itself automatically."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_safe

from console.admin_base.versions.versioned_delete import delete_selected
from console.sign_in.login_visitor import remember
from console.sign_in.sign_ins import RecordedLoginForm

ORDER = ("issuers", "keys", "relying_parties", "audit", "auth")
"""The apps under the names that operators use."""
SEES_RECORD = "audit.view_issuanceevent"
"""The permission that the pages of the record require."""
SEES_CONFIGURATION = (
    "issuers.view_issuer",
    "relying_parties.view_relyingparty",
    "relying_parties.view_accessgrant",
    "relying_parties.view_resourceserver",
    "relying_parties.view_claimtemplate",
    "relying_parties.view_clientsecret",
    "relying_parties.view_federatedcredential",
    "relying_parties.view_requestrule",
)
"""For pages that show a client's history."""
View = Callable[..., HttpResponseBase]
Overview = Callable[[Any], object]
"""What a user should know first."""


class ConsoleSite(AdminSite):
    site_title = "m2m-idp"
    site_header = "m2m-idp"
    index_title = "Overview"
    site_url = None
    login_form = RecordedLoginForm

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.add_action(delete_selected, "delete_selected")
        self._pages: list[URLPattern] = []
        self._overview: Overview = lambda _user: None

    def reading(self, route: str, *, name: str, permissions: tuple[str, ...] = ()) -> Callable[[View], View]:
        """Registers a read-only page for users who may see the record and also have these permissions."""

        def registered(view: View) -> View:
            self.acting(route, name=name, permissions=permissions)(require_safe(view))
            return view

        return registered

    def acting(self, route: str, *, name: str, permissions: tuple[str, ...] = ()) -> Callable[[View], View]:
        """As `reading`, for a page that also takes POST: it asks itself for the permission to act."""

        def registered(view: View) -> View:
            guarded = permission_required((SEES_RECORD, *permissions), raise_exception=True)(view)
            self._pages.append(path(route, self.admin_view(guarded), name=name))
            return view

        return registered

    def first_page(self, overview: Overview) -> Overview:
        """Registers the content of the first page."""
        self._overview = overview
        return overview

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*self._pages, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            remember(response, request.user.get_username())
        return response

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"overview": self._overview(request.user), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = self._build_app_dict(request, app_label)
        for app in apps.values():
            # The pages that auditors use most come before the proofs.
            app["models"].sort(key=lambda page: page["object_name"] != "IssuanceEvent")
        return [apps[label] for label in ORDER if label in apps]


site = ConsoleSite(name="admin")
