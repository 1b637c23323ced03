"""The client's certificate, from where it can be believed (RFC 8705 section 2, RFC 9440 section 4)."""

import ssl
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from issuance.wire.certificate_headers import CERTIFICATE_HEADERS, PeerCertificate
from runtime.proxies import is_trusted, peer_of


def peer_certificate(meta: Mapping[str, Any]) -> PeerCertificate | None:
    """The certificate of a request's client, None without one; `meta` is its WSGI environment.

    Of a trusted proxy the configured header alone counts: the certificate on its own connection is the proxy's. Of any
    other peer no header counts. Raises InvalidRequest for a header that holds no certificate.
    """
    if not is_trusted(peer_of(meta)):
        return _on_the_connection(meta.get("gunicorn.socket"))
    if not settings.CLIENT_CERTIFICATE_HEADER:
        return None
    return CERTIFICATE_HEADERS[settings.CLIENT_CERTIFICATE_HEADER](meta)


def _on_the_connection(connection: object) -> PeerCertificate | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    der = connection.getpeercert(binary_form=True)
    return PeerCertificate(der=der, chain=_sent_with(connection)) if der else None


def _sent_with(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """The intermediates that the client sent. Before Python 3.13 the socket has them, but no method that says so."""
    if hasattr(connection, "get_unverified_chain"):
        sent = connection.get_unverified_chain()
    else:
        inner: Any = connection._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
        sent = [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain()]
    return tuple(sent[1:])
