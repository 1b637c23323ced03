"""What proved a client, as the record names it, such as `secret:17`, `federated:4` or `key:9:THUMBPRINT`."""

import re
from enum import StrEnum
from typing import NamedTuple, Self


class CredentialKind(StrEnum):
    SECRET = "secret"  # noqa: S105 - the word
    FEDERATED = "federated"
    KEY = "key"
    CERTIFICATE = "certificate"


WRITTEN = re.compile(rf"({'|'.join(CredentialKind)}):([0-9]{{1,18}})(?::(.+))?")


class CredentialName(NamedTuple):
    kind: CredentialKind
    number: int
    """The primary key of the secret or federated credential; of the relying party, for its keys and certificates."""
    thumbprint: str = ""
    """Of the key (RFC 7638) or certificate (RFC 8705), else empty."""

    def __str__(self) -> str:
        name = f"{self.kind}:{self.number}"
        return f"{name}:{self.thumbprint}" if self.thumbprint else name

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for a text that names no credential."""
        written = WRITTEN.fullmatch(text)
        if written is None:
            return None
        kind, number, thumbprint = written.groups(default="")
        return cls(CredentialKind(kind), int(number), thumbprint)
