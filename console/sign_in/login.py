"""The console's login: a password is costly to check, so guesses are limited, and nobody can block other people's.

Failures count for one user name and for a network over all names. A browser that has logged in here before is not
affected by what others in its network do.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import render

from console.sign_in.login_queue import BusyError, LoginQueue
from console.sign_in.login_visitor import Visitor
from runtime.rate_limit.windows import Window

SECONDS = 300
MAX_FAILURES = 10
"""For one user name from one network, or from one browser that the user logged in with, within the window."""
MAX_FAILURES_OF_NETWORK = 30
"""For all user names together: a whole office may share one address."""
FAILURES = Window("login-failures", seconds=SECONDS, max_keys=10_000)
NETWORK_FAILURES = Window("login-failures-of-network", seconds=SECONDS, max_keys=10_000)

QUEUE = LoginQueue()


def answer_login(
    request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase]
) -> HttpResponseBase:
    """429 for a network that failed too often, and for a visitor that finds no free place in the queue."""
    visitor = Visitor.of(request)
    if not visitor.known_user and (
        wait := NETWORK_FAILURES.wait(visitor.network, limit=MAX_FAILURES_OF_NETWORK)
    ):
        return _try_later(request, seconds=wait, network=visitor.network)
    if not _has_arrived(request):
        return HttpResponseBadRequest()
    try:
        with QUEUE.turn(visitor.key, is_favoured=bool(visitor.known_user)):
            response = get_response(request)
    except BusyError:
        return _try_later(request, seconds=2, network="")
    if response.status_code == HTTPStatus.FOUND:
        QUEUE.succeeded(visitor.key)
    return response


def _has_arrived(request: HttpRequest) -> bool:
    """Reads the form before it waits in the queue: a slow sender blocks nobody."""
    try:
        return request.body is not None
    except UnreadablePostError:
        return False


def _try_later(request: HttpRequest, *, seconds: int, network: str) -> HttpResponse:
    """`network` is the one that failed too often, empty if the queue is full."""
    answer = render(request, "console/login_later.html", {"seconds": seconds, "network": network}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


class LoginForm(AdminAuthenticationForm):
    request: HttpRequest

    def clean(self) -> dict[str, Any]:
        visitor, username = Visitor.of(self.request), self.cleaned_data.get("username", "")
        key, is_known = visitor.key_for(username), visitor.knows(username)
        wait = FAILURES.wait(key, limit=MAX_FAILURES)
        if not is_known:
            wait = max(wait, NETWORK_FAILURES.wait(visitor.network, limit=MAX_FAILURES_OF_NETWORK))
        if wait:
            raise ValidationError(f"Too many failed logins. Wait {wait} seconds, then try again.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            FAILURES.take(key, limit=MAX_FAILURES)
            if not is_known:
                NETWORK_FAILURES.take(visitor.network, limit=MAX_FAILURES_OF_NETWORK)
            raise
        FAILURES.forget(key)
        return cleaned
