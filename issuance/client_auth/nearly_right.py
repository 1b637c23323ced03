"""What was sent instead of what is registered: right but for what files, shells and editors put around it."""

import string
from urllib.parse import urlsplit

QUOTATION_MARKS = "\"'`\u2018\u2019\u201c\u201d"
INVISIBLE = "\u00a0\u200b\ufeff"
AROUND = string.whitespace + QUOTATION_MARKS + INVISIBLE


def without_surroundings(sent: str) -> str:
    return sent.strip(AROUND)


def has_surroundings(sent: str) -> bool:
    """Whether something stands around a text that is not empty without it."""
    return without_surroundings(sent) not in ("", sent)


def surroundings(sent: str) -> str:
    """What stands around the text, in words."""
    before, _, after = sent.partition(without_surroundings(sent))
    around = ((before, "before"), (after, "after"))
    return " and ".join(f"{_kind_of(text)} {where} it" for text, where in around if text)


def _kind_of(text: str) -> str:
    if set(text) <= set("\r\n"):
        return "a line end"
    if text.isspace():
        return "white space"
    if set(text) <= set(QUOTATION_MARKS):
        return "quotation marks"
    return "invisible characters" if set(text) <= set(INVISIBLE) else "white space and quotation marks"


def normalised_uri(uri: str) -> str:
    """The form in which two URIs are compared that people take for the same (RFC 3986 sections 6.2.2.1 and 6.2.3)."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return uri
    if not parts.netloc:
        return uri.rstrip("/")
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "") + (f":{port}" if port not in (None, default) else "")
    return parts._replace(netloc=host, path=parts.path.rstrip("/")).geturl()
