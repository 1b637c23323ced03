"""Reading the bytes of a request, never more than a bounded number."""

from typing import Any

from issuance.wire.errors import ContentTooLarge, InvalidRequest, UnsupportedMediaType
from issuance.wire.token_request import MAX_BODY_BYTES

MAX_DIGITS = 20
"""More than the length of any body has: `int` refuses thousands of them."""


def read_body(environ: dict[str, Any]) -> bytes:
    """The body of a WSGI request, also of one in chunks.

    Raises ContentTooLarge, InvalidRequest, UnsupportedMediaType.
    """
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body has a Content-Encoding: send it as it is.")
    length = _declared_length(environ)
    if length is not None and length > MAX_BODY_BYTES:
        raise ContentTooLarge(f"The body has {length} bytes; at most {MAX_BODY_BYTES} are read.")
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1 if length is None else length)
    except Exception as error:
        # Each WSGI server has exceptions of its own for a body in chunks that is malformed.
        raise InvalidRequest("The body is in bad chunks, or the connection broke off inside it.") from error
    if len(body) > MAX_BODY_BYTES:
        raise ContentTooLarge(f"The body has more than {MAX_BODY_BYTES} bytes.")
    if length is not None and len(body) < length:
        raise InvalidRequest(f"The body ended after {len(body)} of {length} bytes.")
    return body


def _declared_length(environ: dict[str, Any]) -> int | None:
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text.lstrip("0")[:MAX_DIGITS] or "0") if text.isascii() and text.isdigit() else None
