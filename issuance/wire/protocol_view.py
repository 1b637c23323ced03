"""What every view of the protocol shares: JSON whatever happens, and an X-Request-ID."""

from typing import Any, ClassVar

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.defaults import page_not_found
from rest_framework.request import Request
from rest_framework.views import APIView

from issuance.wire.answers import as_oauth_error, refusal
from issuance.wire.errors import NotFound, OAuthError, ServerError
from runtime.identifiers import new_request_id

log = structlog.get_logger("issuance")


class ProtocolView(APIView):
    """A view whose every answer, also to a method it does not have, is JSON with an X-Request-ID."""

    request_id: str
    default_response_headers: ClassVar[dict[str, str]] = {}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """In place of DRF's request, which parses bodies: the protocol reads bytes and headers itself."""
        return request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """In place of DRF's authentication, permissions, throttles and versions, which the protocol has its own of.

        Nor is the content negotiated: there is one representation, and an Accept header changes nothing.
        """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.request_id = new_request_id()
        return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        error = as_oauth_error(exc, allowed=", ".join(self.allowed_methods))
        if isinstance(error, ServerError):
            log.error("defect", request_id=self.request_id, exc_info=exc)
        return refusal(self.refused(error))

    def refused(self, error: OAuthError) -> OAuthError:
        """A last word before the refusal is answered."""
        return error

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["X-Request-ID"] = self.request_id
        if request.method == "HEAD":
            # RFC 9110 section 9.3.2: the length that GET would tell, and no body.
            response.content = b""
        return response


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's last resort for a 404: HTML for the console's users, JSON for everybody else."""
    if request.path_info.startswith("/admin/"):
        return page_not_found(request, exception)
    return NothingHere.as_view()(request)


class NothingHere(ProtocolView):
    """Any other URL: 404 for every method."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("No such URL.")
