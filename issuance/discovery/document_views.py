"""The public documents: discovery and keys, and the authorization endpoint that discovery names."""

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import parse_etags
from rest_framework.request import Request

from issuance.discovery.documents import active_issuer, discovery_of, issuer_of, keyring_of
from issuance.wire.answers import NO_STORE, json_answer
from issuance.wire.cors import allow_any_origin, is_preflight, preflight_answer
from issuance.wire.errors import NotFound, UnsupportedResponseType
from issuance.wire.protocol_view import ProtocolView
from keys.models import RECORD


class PublicDocument(ProtocolView):
    """A document that applications in browsers may read, from whatever origin."""

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_preflight(request.META):
            return DocumentPreflight.as_view()(request)
        return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        allow_any_origin(response)
        return super().finalize_response(request, response, *args, **kwargs)


class DocumentPreflight(ProtocolView):
    """A browser asks whether a request with headers of its own may be sent."""

    http_method_names = ["options"]

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        answer = preflight_answer(methods=["GET", "HEAD"])
        allow_any_origin(answer)
        return answer


class DiscoveryView(PublicDocument):
    """OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3."""

    def get(self, request: Request, path: str = "") -> HttpResponse:
        issuer = active_issuer(path)
        max_age = issuer.metadata_max_age
        headers = {"Cache-Control": f"public, max-age={max_age}"} if max_age else NO_STORE
        return json_answer(discovery_of(issuer), headers=headers)


class JwksView(PublicDocument):
    """RFC 7517 section 5. An inactive issuer's keys are shown as well: its tokens may still be alive."""

    def get(self, request: Request, path: str = "") -> HttpResponse:
        issuer = issuer_of(path)
        return jwks_answer(request, issuer_id=issuer.id, max_age=issuer.jwks_max_age)


class RecordJwksView(PublicDocument):
    """The public keys that seal the record."""

    def get(self, request: Request) -> HttpResponse:
        return jwks_answer(request, issuer_id=RECORD, max_age=300)


def jwks_answer(request: Request, *, issuer_id: int, max_age: int) -> HttpResponse:
    """The JWK Set of this moment, or 304 to a caller that has it (RFC 9110 section 13.1.2)."""
    headers = {"Cache-Control": f"public, max-age={max_age}"}
    answer = json_answer(keyring_of(issuer_id).jwks(timezone.now()), headers=headers)
    answer["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    held = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if answer["ETag"] not in {etag.removeprefix("W/") for etag in held} and "*" not in held:
        return answer
    return HttpResponseNotModified(headers=headers | {"ETag": answer["ETag"]})


class AuthorizeView(ProtocolView):
    """The authorization endpoint (RFC 6749 section 3.1), which refuses every request.

    It is there because client libraries refuse metadata without one. It never redirects: no redirect URI is registered.
    """

    http_method_names = ["get", "head", "post"]

    def get(self, request: Request, path: str = "") -> HttpResponse:
        if not active_issuer(path).advertises_authorization_endpoint:
            raise NotFound("The issuer advertises no authorization endpoint.")
        raise UnsupportedResponseType("Nobody signs in here.")

    post = get
