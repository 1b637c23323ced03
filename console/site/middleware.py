"""Middleware of the console, which is not there for any other path: no session, CSRF or auth code runs for a token."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin

from console.sign_in.login import answer_login
from console.site.slots import answer_in_slot
from console.site.static_files import Files
from issuers.versioning.history import Source, authored

ADMIN = "/admin/"
LOGIN = "/admin/login/"
STATIC = "/static/"

POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "object-src 'none'",
))  # fmt: skip
"""Content Security Policy level 3: no inline script, no inline style, nothing from elsewhere."""


def is_admin(request: HttpRequest) -> bool:
    # Without its last slash too, so that Common can put it there.
    return f"{request.path_info}/".startswith(ADMIN)


def is_console(request: HttpRequest) -> bool:
    return is_admin(request) or request.path_info.startswith(STATIC)


class AdminOnly:
    """Put before one of Django's middlewares, switches it off for every path that is not the admin's."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if not is_admin(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SecurityHeaders(SecurityMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if is_console(request) else self.get_response(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
        if is_admin(request):
            response.headers["Cache-Control"] = "no-store"
        return response


class StaticFiles(Files):
    def __call__(self, request: HttpRequest) -> Any:  # type: ignore[override]
        if not is_console(request):
            return self.get_response(request)
        return super().__call__(request)


class Logins(AdminOnly, MiddlewareMixin):
    """One password at a time (console/sign_in/login.py)."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info != LOGIN or request.method != "POST":
            return self.get_response(request)
        return answer_login(request, self.get_response)


class Slots(AdminOnly, MiddlewareMixin):
    """A share of the threads (console/site/slots.py)."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_admin(request):
            return self.get_response(request)
        return answer_in_slot(request, self.get_response)


class Sessions(AdminOnly, SessionMiddleware):
    pass


class Common(AdminOnly, CommonMiddleware):
    pass


class Csrf(AdminOnly, CsrfViewMiddleware):
    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseForbidden | None:
        return super().process_view(request, view, args, kwargs) if is_admin(request) else None


class Authentication(AdminOnly, AuthenticationMiddleware):
    pass


class Messages(AdminOnly, MessageMiddleware):
    pass


class Authorship(AdminOnly, MiddlewareMixin):
    """Names the user in the history of whatever the request changes."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_admin(request):
            return self.get_response(request)
        with authored(actor=request.user.get_username() or "anonymous", source=Source.ADMIN):
            return self.get_response(request)
