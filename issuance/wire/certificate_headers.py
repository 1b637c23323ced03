"""The header in which a proxy that ends TLS passes its client's certificate on: four forms, one is believed.

RFC 9440 has the standard one; the others are what nginx, HAProxy and Envoy can write by themselves. Every reader takes
the WSGI environment, gives None for a client without a certificate, and raises InvalidRequest for a header that is
malformed, stands twice, is longer than MAX_HEADER_LENGTH or holds no certificate.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from formats.thumbprints import base64url
from issuance.wire.errors import InvalidRequest
from relying_parties.certificates.sent_chain import MAX_INTERMEDIATES

MAX_HEADER_LENGTH = 16 * 1024

BYTE_SEQUENCE = re.compile(r"[ \t]*:([A-Za-z0-9+/]*={0,2}):[ \t]*")
"""RFC 8941 section 3.3.5."""
PAIR = re.compile(
    r'[ \t]*(?P<name>[A-Za-z]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^",;]*))[ \t]*(?P<end>[;,]|\Z)'
)
"""One `key=value` of X-Forwarded-Client-Cert: `;` goes on with the element, `,` begins the next."""

Meta = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate whose key the client proved in the handshake."""

    der: bytes
    chain: tuple[bytes, ...] = ()
    """What came with it, in DER: nothing here has been verified."""

    @property
    def thumbprint(self) -> str:
        """`x5t#S256` (RFC 8705 section 3.1)."""
        return base64url(hashlib.sha256(self.der).digest())


def _from_client_cert(meta: Meta) -> PeerCertificate | None:
    """RFC 9440 section 2: one byte sequence, and a list of them. Of lists, several headers are one."""
    sent = _header(meta, "Client-Cert")
    chain = _header(meta, "Client-Cert-Chain")
    if not sent and chain:
        raise InvalidRequest("The header Client-Cert-Chain came without Client-Cert: let the proxy set both.")
    if not sent:
        return None
    intermediates = [_byte_sequence("Client-Cert-Chain", item) for item in chain.split(",")] if chain else []
    if len(intermediates) > MAX_INTERMEDIATES:
        raise InvalidRequest(f"The header Client-Cert-Chain has more than {MAX_INTERMEDIATES} certificates.")
    return PeerCertificate(der=_byte_sequence("Client-Cert", sent), chain=tuple(intermediates))


def _from_nginx(meta: Meta) -> PeerCertificate | None:
    """`$ssl_client_escaped_cert`: PEM, percent-encoded."""
    sent = _single(meta, "X-SSL-Client-Cert")
    return PeerCertificate(der=_escaped_pem("X-SSL-Client-Cert", sent)[0]) if sent else None


def _from_haproxy(meta: Meta) -> PeerCertificate | None:
    """`%[ssl_c_der,base64]`."""
    sent = _single(meta, "X-SSL-Client-DER")
    return PeerCertificate(der=_base64_der("X-SSL-Client-DER", sent)) if sent else None


def _from_envoy(meta: Meta) -> PeerCertificate | None:
    """Each proxy on the way appends an element: the last one is the nearest's, who alone is known to be trusted."""
    name = "X-Forwarded-Client-Cert"
    sent = _header(meta, name)
    if not sent:
        return None
    element = _last_element(name, sent)
    if "cert" not in element:
        raise InvalidRequest(f"The header {name} has no Cert: set set_current_client_cert_details.cert.")
    # Chain repeats the client's own certificate in front.
    chain = _escaped_pem(name, element["chain"], most=MAX_INTERMEDIATES + 1)[1:] if "chain" in element else ()
    return PeerCertificate(der=_escaped_pem(name, element["cert"])[0], chain=chain)


CERTIFICATE_HEADERS: Mapping[str, Callable[[Meta], PeerCertificate | None]] = {
    "rfc9440": _from_client_cert,
    "nginx": _from_nginx,
    "haproxy": _from_haproxy,
    "envoy": _from_envoy,
}


def _header(meta: Meta, name: str) -> str:
    """Its value, empty if it is missing. WSGI joins headers of one name by commas."""
    value: str = meta.get(f"HTTP_{name.upper().replace('-', '_')}", "")
    if len(value) > MAX_HEADER_LENGTH:
        raise InvalidRequest(f"The header {name} has more than {MAX_HEADER_LENGTH} bytes.")
    return value.strip(" \t")


def _single(meta: Meta, name: str) -> str:
    value = _header(meta, name)
    if "," in value:
        raise InvalidRequest(f"The header {name} stands twice: let the proxy replace what the client sent.")
    return value


def _byte_sequence(name: str, item: str) -> bytes:
    match = BYTE_SEQUENCE.fullmatch(item)
    if match is None:
        raise InvalidRequest(f"The header {name} is not base64 between colons (RFC 9440), or stands twice.")
    return _base64_der(name, match[1])


def _base64_der(name: str, text: str) -> bytes:
    try:
        der = base64.b64decode(text, validate=True)
        x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise InvalidRequest(f"The header {name} holds no certificate in DER, in base64.") from error
    return der


def _escaped_pem(name: str, text: str, *, most: int = 1) -> tuple[bytes, ...]:
    try:
        certificates = x509.load_pem_x509_certificates(unquote_to_bytes(text))
    except (ValueError, x509.InvalidVersion) as error:
        raise InvalidRequest(f"The header {name} holds no certificate in PEM, percent-encoded.") from error
    if len(certificates) > most:
        raise InvalidRequest(
            f"The header {name} holds {len(certificates)} certificates; {most} may be there."
        )
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def _last_element(name: str, header: str) -> dict[str, str]:
    """The last element's values by lower-case key."""
    element: dict[str, str] = {}
    position, end = 0, ";"
    while end:
        pair = PAIR.match(header, position)
        if pair is None:
            raise InvalidRequest(f"The header {name} is malformed after {position} characters.")
        if end == ",":
            element = {}
        key = pair["name"].lower()
        if key in element and key in {"cert", "chain"}:
            raise InvalidRequest(f"The header {name} has two of {pair['name']} in one element.")
        element[key] = pair["quoted"] or pair["bare"] or ""
        position, end = pair.end(), pair["end"]
    return element
