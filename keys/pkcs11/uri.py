"""The location of a key that never enters the process: a PKCS#11 URI (RFC 7512), without module and PIN."""

import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, unquote, unquote_to_bytes

from django.core.exceptions import ValidationError

SCHEME = "pkcs11:"
UNESCAPED = ":[]@!$'()*+,=&"
"""Characters that RFC 7512 section 2.3 leaves as they are in a value."""
PERCENT_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
EXAMPLE = "pkcs11:token=idp;object=signing"


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """A token, and in it a private key by `id` (CKA_ID), `object` (CKA_LABEL) or both; by neither, the token itself."""

    token: str
    object: str = ""
    id: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValidationError that says what to write."""
        given = _attributes(text)
        if given.pop("type", "private") != "private":
            raise ValidationError("The URI must name the private key: write type=private, or leave it out.")
        if unknown := sorted(given.keys() - {"token", "object", "id"}):
            raise ValidationError(f"The URI may have token, object, id and type, not {', '.join(unknown)}.")
        if not given.get("token"):
            raise ValidationError(f"The URI names no token: write it as {EXAMPLE}")
        return cls(
            token=unquote(given["token"]),
            object=unquote(given.get("object", "")),
            id=unquote_to_bytes(given.get("id", "")),
        )

    def __str__(self) -> str:
        parts = [f"token={quote(self.token, safe=UNESCAPED)}"]
        if self.object:
            parts.append(f"object={quote(self.object, safe=UNESCAPED)}")
        if self.id:
            parts.append("id=" + "".join(f"%{byte:02x}" for byte in self.id))
        return SCHEME + ";".join(parts) + (";type=private" if self.names_a_key else "")

    @property
    def names_a_key(self) -> bool:
        return bool(self.object or self.id)

    def key(self, *, object: str, id: bytes) -> Self:  # noqa: A002 - named as RFC 7512 names them
        """A key of the same token."""
        return replace(self, object=object, id=id)


def _attributes(text: str) -> dict[str, str]:
    """Still percent-encoded, by name."""
    path, _, query = text.removeprefix(SCHEME).partition("?")
    if query:
        raise ValidationError(
            "Leave out what follows the question mark: PIN and library come from PKCS11_PIN and PKCS11_MODULE."
        )
    if not text.startswith(SCHEME) or not PERCENT_ENCODED.fullmatch(path):
        raise ValidationError(f"{text!r} is not a PKCS#11 URI (RFC 7512): write it as {EXAMPLE}")
    pairs = [attribute.partition("=") for attribute in path.split(";") if attribute]
    given = {name: value for name, _, value in pairs}
    if len(given) < len(pairs):
        raise ValidationError(f"An attribute is repeated in {text}")
    return given
