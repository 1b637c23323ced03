"""What was asked: from the bytes of a request to a frozen TokenRequest (RFC 6749 sections 3.2 and 4.4.2, appendix B).

A parser of its own: Django's turns bad UTF-8 into U+FFFD and lets the last of two parameters win.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from issuance.wire.certificate_headers import PeerCertificate
from issuance.wire.errors import InvalidRequest, UnsupportedMediaType

MAX_BODY_BYTES = 65_536
MAX_FIELDS = 200
MAX_CONTENT_TYPE = 256
FORM = "application/x-www-form-urlencoded"

SINGLE = frozenset({
    "grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "audience",
})  # fmt: skip
"""The protocol's parameters that may stand once."""
PROTOCOL = SINGLE | {"resource"}

BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A well-formed request. A parameter without a value is not there (RFC 6749 section 3.2)."""

    parameters: Mapping[str, tuple[str, ...]] = field(repr=False)
    authorization: str = field(repr=False)
    dpop: str | None = field(default=None, repr=False)
    """The DPoP header (RFC 9449 section 4.1), None if there is none; of two, joined by a comma, which is no proof."""
    peer_certificate: Callable[[], PeerCertificate | None] = field(default=lambda: None, repr=False)

    def one(self, name: str) -> str:
        """The value of a parameter that may stand once, empty if it is not there. Raises InvalidRequest for two."""
        values = self.parameters.get(name, ())
        if len(values) > 1:
            raise InvalidRequest(f"The parameter {name} stands {len(values)} times.")
        return values[0] if values else ""

    @property
    def grant_type(self) -> str:
        return self.one("grant_type")

    @property
    def scope(self) -> str:
        return self.one("scope")

    @property
    def client_id(self) -> str:
        return self.one("client_id")

    @property
    def certificate(self) -> PeerCertificate | None:
        """That of the client's TLS connection, not verified; read by those alone who need it.

        Raises InvalidRequest for a proxy's header that holds none.
        """
        return self.peer_certificate()

    @property
    def resources(self) -> tuple[str, ...]:
        """The values of `resource` (RFC 8707 section 2), or of its alias `audience`, each once, in order."""
        resources = tuple(dict.fromkeys(self.parameters.get("resource", ())))
        audience = self.one("audience")
        if resources and audience:
            raise InvalidRequest(
                "Both resource and audience were sent.", description="Send resource or audience, not both."
            )
        return (audience,) if audience else resources


def parse(
    *,
    body: bytes,
    content_type: str,
    query: str,
    authorization: str,
    dpop: str | None = None,
    peer_certificate: Callable[[], PeerCertificate | None] = lambda: None,
) -> TokenRequest:
    """Raises InvalidRequest or UnsupportedMediaType."""
    refuse_parameters_in_query(query)
    refuse_other_media_type(content_type)
    parameters: dict[str, list[str]] = {}
    for name, value in decoded_fields(body):
        parameters.setdefault(name, []).append(value)
    for name in SINGLE & parameters.keys():
        if len(parameters[name]) > 1:
            raise InvalidRequest(
                f"The parameter {name} stands twice.", description=f"Parameter {name} must not be repeated."
            )
    return TokenRequest(
        parameters={
            name: kept for name, values in parameters.items() if (kept := tuple(filter(None, values)))
        },
        authorization=authorization,
        dpop=dpop,
        peer_certificate=peer_certificate,
    )


def refuse_parameters_in_query(query: str) -> None:
    """RFC 6749 section 2.3.1: parameters in the URL end up in logs."""
    if not query:
        return
    names = {unquote_to_bytes(pair.partition("=")[0]).decode(errors="replace") for pair in query.split("&")}
    if found := sorted(PROTOCOL & names):
        raise InvalidRequest(
            f"The query string holds {', '.join(found)}: send parameters in the body, and replace a secret sent so.",
            description="Parameters belong in the body, not in the URL.",
        )


@lru_cache(maxsize=256)
def refuse_other_media_type(content_type: str) -> None:
    if len(content_type) > MAX_CONTENT_TYPE:
        raise UnsupportedMediaType(f"The Content-Type has {len(content_type)} characters.")
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type != FORM:
        raise UnsupportedMediaType(f"The Content-Type is {media_type or 'missing'}; it must be {FORM}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().rstrip("*") == "charset" and value.strip().strip('"') not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"The charset is {value}; it must be UTF-8.")


def decoded_fields(body: bytes) -> list[tuple[str, str]]:
    """The names and values of a form body, in order (WHATWG URL section 5.1, but strict)."""
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise InvalidRequest(f"The body has more than {MAX_FIELDS} parameters.")
    return [
        (form_decoded(name), form_decoded(value))
        for name, _, value in (pair.partition(b"=") for pair in pairs if pair)
    ]


def form_decoded(encoded: bytes) -> str:
    """Undo application/x-www-form-urlencoded (RFC 6749 appendix B). Raises InvalidRequest."""
    if BAD_ESCAPE.search(encoded):
        raise InvalidRequest("A parameter has a % without two hexadecimal digits: encode % as %25.")
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("A parameter is not UTF-8.") from error
