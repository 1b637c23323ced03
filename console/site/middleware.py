"""Middleware of the console, and of no other path: no session, CSRF or auth code runs for a token."""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from console.sign_in.login import answer_login
from console.sign_in.sessions import at_work
from console.site.slots import answer_in_slot
from console.site.static_files import Files
from issuers.versioning.history import Source, authored

ADMIN = "/admin/"
LOGIN = "/admin/login/"
STATIC = "/static/"
View = Callable[[HttpRequest], Any]

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
    # Without its last slash too, so that CommonMiddleware can put it there.
    return f"{request.path_info}/".startswith(ADMIN)


class SecurityHeaders(SecurityMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
        if is_admin(request):
            response.headers["Cache-Control"] = "no-store"
        return response


class Around:
    """A middleware with the view that it wraps."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response


class Logins(Around):
    """One password at a time (console/sign_in/login.py)."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info != LOGIN or request.method != "POST":
            return self.get_response(request)
        return answer_login(request, self.get_response)


class Slots(Around):
    """A share of the threads (console/site/slots.py)."""

    def __call__(self, request: HttpRequest) -> Any:
        return answer_in_slot(request, self.get_response)


class Authorship(Around):
    """Names the user in the history of whatever the request changes, and the session that it came by."""

    def __call__(self, request: HttpRequest) -> Any:
        actor = request.user.get_username() or "anonymous"
        with authored(actor=actor, source=Source.ADMIN), at_work(request):
            return self.get_response(request)


OF_THE_CONSOLE = (SecurityHeaders, Files)
"""For pages and static files."""
OF_PAGES = (
    Logins,
    Slots,
    SessionMiddleware,
    CommonMiddleware,
    CsrfViewMiddleware,
    AuthenticationMiddleware,
    MessageMiddleware,
    Authorship,
)


class Console:
    """All middleware of the console, the outermost first. No other path enters it."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response
        self._checks_of_views: list[Callable[..., HttpResponse | None]] = []
        self._page = self._chained(OF_PAGES, get_response)
        self._console = self._chained(OF_THE_CONSOLE, self._page_or_file)

    def __call__(self, request: HttpRequest) -> Any:
        if is_admin(request) or request.path_info.startswith(STATIC):
            return self._console(request)
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *of_view: Any) -> HttpResponse | None:
        if is_admin(request):
            for check in self._checks_of_views:
                if (refused := check(request, *of_view)) is not None:
                    return refused
        return None

    def _page_or_file(self, request: HttpRequest) -> Any:
        return self._page(request) if is_admin(request) else self._get_response(request)

    def _chained(self, classes: Sequence[Any], view: View) -> View:
        for middleware in reversed(classes):
            instance = middleware(view)
            if hasattr(instance, "process_view"):
                self._checks_of_views.insert(0, instance.process_view)
            # As Django does around each: an exception that refuses a request is an answer for the outer ones.
            view = convert_exception_to_response(instance)
        return view
