"""What the checks of a registration ask of a relying party, so that they need not know its table."""

from typing import Any, Protocol

from issuers.models import Issuer


class Registrant(Protocol):
    """A relying party as it is about to be stored; it also has the SUBJECT_FIELDS of its certificate."""

    @property
    def issuer(self) -> Issuer: ...
    @property
    def token_endpoint_auth_method(self) -> str: ...
    @property
    def client_jwks(self) -> Any: ...
    @property
    def client_jwks_uri(self) -> str: ...
    @property
    def dpop_bound_access_tokens(self) -> bool: ...
    @property
    def access_token_ttl(self) -> int | None: ...
