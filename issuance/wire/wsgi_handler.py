"""Django's WSGI handler, safe from a Content-Type that it cannot read, and what a worker's main loop may run of it."""

from functools import lru_cache
from typing import Any

from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from runtime.main_loop import WouldWaitError
from runtime.proxies import believe

MAX_PATH = 200


class Request(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """RFC 2231 lets a charset with a NUL be written, which is looked up as a codec, and parts without an order."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (ValueError, TypeError):
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request

    def answer_in_main_loop(self, environ: dict[str, Any]) -> HttpResponse:
        """The answer to a request for a token. Raises WouldWaitError for one that a thread has to run.

        It goes past Django's middleware, of which only the forwarded address concerns it, and past its signals: no
        connection to the database is open here.
        """
        token = _token_endpoint(environ["PATH_INFO"])
        if token is None:
            raise WouldWaitError
        believe(environ)
        request = self.request_class(environ)
        try:
            answer: HttpResponse = token.func(request, **token.kwargs)
        except Exception as error:
            return response_for_exception(request, error)
        return answer


@lru_cache(maxsize=1_000)
def _token_endpoint(path: str) -> ResolverMatch | None:
    if len(path) > MAX_PATH:
        return None
    try:
        match = resolve(path)
    except Resolver404:
        return None
    view = getattr(match.func, "view_class", None)
    return match if getattr(view, "runs_in_main_loop", False) else None
