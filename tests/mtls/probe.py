"""The server's own application, but for one URL that tells which certificate is the client's."""

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

from issuance.client_auth.peer_certificate import peer_certificate
from issuance.wire.certificate_headers import PeerCertificate
from issuance.wire.errors import InvalidRequest
from m2m_idp.wsgi import application as served
from runtime.proxies import ForwardedMiddleware


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/probe":
        return served(environ, start_response)
    request = HttpRequest()
    request.META = environ
    answer = ForwardedMiddleware(told)(request)
    start_response("200 OK", [("Content-Length", str(len(answer.content)))])  # type: ignore[attr-defined]
    return [answer.content]  # type: ignore[attr-defined]


def told(request: HttpRequest) -> HttpResponse:
    try:
        found = peer_certificate(request.META)
    except InvalidRequest as error:
        return HttpResponse(json.dumps({"refused": error.detail}))
    chain = [PeerCertificate(der=each).thumbprint for each in found.chain] if found else []
    certificate = found and {"x5t#S256": found.thumbprint, "chain": chain}
    return HttpResponse(json.dumps({"certificate": certificate, "ip": request.META["REMOTE_ADDR"]}))
