"""What the console answers while the database is away or hangs, or when the console has all of its turns."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.defaults import server_error

from issuers.turns import StuckError, Turns

TURNS = Turns(settings.CONSOLE_TURNS)
"""The console's share of the threads: what its pages ask of the database takes none from the tokens."""


def answer_in_turn(
    request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase]
) -> HttpResponseBase:
    """Answer in one of the console's turns; 503 when there is none."""
    with ExitStack() as held:
        try:
            held.enter_context(TURNS.turn())
        except StuckError:
            return unavailable(request)
        response = get_response(request)
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = Stream(iter(response), held.pop_all())
        return response


class Stream:
    """A content that holds its turn until Django closes it: after the last byte, or when the client is gone."""

    def __init__(self, content: Iterator[bytes], held: ExitStack) -> None:
        self._content = content
        self._held = held

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def close(self) -> None:
        self._held.close()


def failed(request: HttpRequest) -> HttpResponse:
    """Django's last resort: a database that is away is no defect."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return unavailable(request)
    return server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503, in words, and when to try again."""
    answer = render(request, "console/unavailable.html", status=503)
    answer["Retry-After"] = "5"
    return answer
