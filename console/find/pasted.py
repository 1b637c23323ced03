"""What somebody pasted: a token, a secret, or a name. What may be one of the first two is never searched as a name."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum

from formats.masking import SECRET

TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:eyJ[A-Za-z0-9_.-]{16,}"
    r"|e(?:yA|wo|wk|w0)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"
)
"""A JWT, or a piece of one: base64url of `{"`, or of a brace and white space."""
PARAMETER = re.compile(r"client_secret[\"']?\s*[=:]\s*[\"']?([^\"'&\s,}]+)")
"""In a form, in JSON or on a command line."""
BASIC = re.compile(r"\bBasic\s+([A-Za-z0-9+/]{8,}={0,2})", re.IGNORECASE)
LINE_END = re.compile(r"\s*[\r\n]+\s*")
QUOTES = "\"'`“”\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}«» \t"
PRIVATE = re.compile(r'PRIVATE KEY|"(?:d|p|q|k)"\s*:\s*"')
"""A private key as PEM or JWK."""


class Kind(StrEnum):
    TOKEN = "token"  # noqa: S105 - the word
    SECRET = "secret"  # noqa: S105 - the word
    PRIVATE_KEY = "private key"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Pasted:
    kind: Kind
    text: str = field(repr=False)


def pasted_of(text: str, *, is_secret: bool) -> Pasted:
    """`is_secret`: the user says so. `Bearer`, JSON, quotes and line ends around a token or secret are left out."""
    joined = LINE_END.sub("", text).strip(QUOTES)
    if PRIVATE.search(text):
        return Pasted(Kind.PRIVATE_KEY, "")
    if is_secret:
        return Pasted(Kind.SECRET, joined)
    if token := TOKEN.search(joined):
        return Pasted(Kind.TOKEN, token[0].rstrip("."))
    if secret := SECRET.search(joined) or PARAMETER.search(joined):
        return Pasted(Kind.SECRET, secret[secret.lastindex or 0])
    if secret_of_basic := _secret_of_basic(joined):
        return Pasted(Kind.SECRET, secret_of_basic)
    return Pasted(Kind.NAME, joined)


def _secret_of_basic(text: str) -> str:
    """Of `Basic` credentials (RFC 7617), empty if there are none."""
    found = BASIC.search(text)
    try:
        sent = base64.b64decode(found[1], validate=True).decode() if found else ""
    except (binascii.Error, ValueError):
        return ""
    return sent.rpartition(":")[2] if ":" in sent else ""
