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

from console.sign_in.login_failures import Attempt, network_wait
from console.sign_in.login_queue import BusyError, LoginQueue
from console.sign_in.login_visitor import Visitor

QUEUE = LoginQueue()


def answer_login(
    request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase]
) -> HttpResponseBase:
    """429 for a network that failed too often, and for a visitor that finds no free place in the queue."""
    visitor = Visitor.of(request)
    if not visitor.known_user and (wait := network_wait(visitor)):
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
        attempt = Attempt.of(self.request, self.cleaned_data.get("username", ""))
        refuse_too_many(attempt.wait())
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            attempt.failed()
            raise
        return cleaned


def refuse_too_many(wait: int) -> None:
    """`wait` in seconds; 0: another try is allowed. Raises ValidationError."""
    if wait:
        raise ValidationError(f"Too many failed logins. Wait {wait} seconds, then try again.")
