"""The console's own AdminSite: its pages are listed in console/urls.py; nothing registers itself automatically."""

from collections.abc import Callable
from functools import update_wrapper
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from console.admin_base.versions.made_from import MADE_FROM
from console.admin_base.versions.versioned_delete import delete_selected
from console.sign_in.company import views
from console.sign_in.kept_form import KEPT, fill, kept, opened
from console.sign_in.login_view import NEXT, ConsoleLogin
from console.sign_in.sessions import lacks_second_factor
from console.site.navigation import navigation
from console.site.permissions import SEES_RECORD

ORDER = ("issuers", "keys", "relying_parties", "audit", "auth")
"""The apps under the names that operators use."""
WITHOUT_SECOND_FACTOR = frozenset({"second_factor", "logout", "jsi18n"})
"""The pages for a user who still has to set one up (REQUIRE_SECOND_FACTOR)."""
View = Callable[..., HttpResponseBase]
Overview = Callable[[Any], object]
"""What a user should know first."""


class ConsoleSite(AdminSite):
    site_title = "m2m-idp"
    site_header = "m2m-idp"
    index_title = "Overview"
    site_url = None

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.add_action(delete_selected, "delete_selected")
        self._own: list[URLPattern] = []
        self._overview: Overview = lambda _user: None

    def reading(self, route: str, *, name: str, permissions: tuple[str, ...] = ()) -> Callable[[View], View]:
        """Registers a read-only page for users who may see the record and also have these permissions."""

        def registered(view: View) -> View:
            guarded = permission_required((SEES_RECORD, *permissions), raise_exception=True)(
                require_safe(view)
            )
            self._own.append(path(route, self.admin_view(guarded), name=name))
            return view

        return registered

    def acting(self, route: str, *, name: str, permissions: tuple[str, ...]) -> Callable[[View], View]:
        """Registers a page that sends its own form back, for users who have all of these permissions."""

        def registered(view: View) -> View:
            guarded = permission_required(permissions, raise_exception=True)(
                require_http_methods(["GET", "HEAD", "POST"])(view)
            )
            self._own.append(path(route, self.admin_view(guarded), name=name))
            return view

        return registered

    def page(self, route: str, *, name: str) -> Callable[[View], View]:
        """Registers a page that asks for its permissions itself."""

        def registered(view: View) -> View:
            self._own.append(path(route, self.admin_view(view), name=name))
            return view

        return registered

    def first_page(self, overview: Overview) -> Overview:
        """Registers the content of the first page."""
        self._overview = overview
        return overview

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "navigation": navigation(request)}

    def get_urls(self) -> list[URLPattern | URLResolver]:
        company = [
            path("login/company/", views.begin, name="company_login"),
            path("login/company/callback/", views.callback, name="company_callback"),
        ]
        return [*self._own, *company, *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - as Django's
        """As Django's, but a form that comes when its session has ended is kept until the user is back."""
        guarded: Any = super().admin_view(view, cacheable)

        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if lacks_second_factor(request) and _page_name(request) not in WITHOUT_SECOND_FACTOR:
                return HttpResponseRedirect(reverse("admin:second_factor", current_app=self.name))
            if request.method == "POST" and KEPT in request.POST:
                return self._shown_again(request, guarded, *args, **kwargs)
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            if self._is_to_log_in(request, response) and (form := kept(request)):
                return self._asked_to_log_in(request, form)
            return response

        return update_wrapper(page, guarded)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        response: HttpResponse = self._login_page(request, request.get_full_path())
        return response

    def _login_page(self, request: HttpRequest, path: str, **options: Any) -> Any:
        request.current_app = self.name
        context = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": path,
            "username": request.user.get_username(),
        }
        if NEXT not in request.GET and NEXT not in request.POST:
            context[NEXT] = reverse("admin:index", current_app=self.name)
        return ConsoleLogin.as_view(extra_context=context, **options)(request)

    def _is_to_log_in(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        is_sent = request.method == "POST" and _page_name(request) != "logout"
        return is_sent and response.status_code == HTTPStatus.FOUND and not self.has_permission(request)

    def _asked_to_log_in(self, request: HttpRequest, form: str) -> HttpResponse:
        request.method = "GET"
        where = f"{reverse('admin:login')}?{urlencode({NEXT: request.get_full_path()})}"
        response: HttpResponse = self._login_page(request, where, kept=form)
        response.status_code = HTTPStatus.FORBIDDEN
        return response

    def _shown_again(self, request: HttpRequest, view: View, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page as it is opened, with the values of the form that was kept for this user."""
        form = opened(request.POST[KEPT], request.user.get_username())
        request.method = "GET"
        response = view(request, *args, **kwargs)
        if form is not None and form.path == request.get_full_path():
            fill(response, form.data, MADE_FROM)
        return response

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"overview": self._overview(request.user), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = self._build_app_dict(request, app_label)
        for app in apps.values():
            # The pages that auditors use most come before the proofs.
            app["models"].sort(key=lambda page: page["object_name"] != "IssuanceEvent")
        return [apps[label] for label in ORDER if label in apps]


def _page_name(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match and match.url_name) or ""


site = ConsoleSite(name="admin")
