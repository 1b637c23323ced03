"""Django's WSGI handler, which works on a few requests at once, and is safe from a Content-Type that it cannot read."""

from contextlib import ExitStack, suppress
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase

from issuers.turns import StuckError, Turns

TURNS = Turns(settings.DATABASE_TURNS)
"""More threads at once would only take the interpreter from each other. While none of them gets on, others may."""


class Request(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Django looks the charset up as a codec, and a name with a NUL in it (RFC 2231 lets one be written) raises."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except ValueError:
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
        with ExitStack() as held:
            with suppress(StuckError):
                held.enter_context(TURNS.turn())
            return super().__call__(environ, start_response)
