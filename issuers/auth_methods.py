"""How a client may prove itself at the token endpoint.

A method is described once in each layer, in a table that names every method: PROVEN_BY here, REGISTRATIONS in
relying_parties/validation/registration.py, _PROBLEMS in issuance/outlook/credential_status.py, and IN_WORDS in
console/auth_methods.py. Each is made by `for_each_method`.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, TypeVar

from django.db import models

Value = TypeVar("Value")


class TokenEndpointAuthMethod(models.TextChoices):
    """The methods that the token endpoint carries out, as RFC 7591 section 2 and RFC 8705 section 2 name them.

    `federated_jwt` is this product's own name: a JWT of a trusted issuer as the assertion (RFC 7523 section 2.2).
    """

    CLIENT_SECRET_BASIC = "client_secret_basic", "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post", "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt", "private_key_jwt"
    FEDERATED_JWT = "federated_jwt", "federated_jwt"
    TLS_CLIENT_AUTH = "tls_client_auth", "tls_client_auth"
    SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth", "self_signed_tls_client_auth"


def for_each_method(table: Mapping[TokenEndpointAuthMethod, Value]) -> Mapping[str, Value]:
    """The table by the methods' names. Raises ValueError where it forgets one, so that no process starts with it."""
    if forgotten := [method.value for method in TokenEndpointAuthMethod if method not in table]:
        raise ValueError(f"A table of the authentication methods lacks {', '.join(forgotten)}.")
    return {method.value: described for method, described in table.items()}


class Proof(Enum):
    SECRET = auto()
    ASSERTION = auto()
    CERTIFICATE = auto()


PROVEN_BY = for_each_method(
    {
        TokenEndpointAuthMethod.CLIENT_SECRET_BASIC: Proof.SECRET,
        TokenEndpointAuthMethod.CLIENT_SECRET_POST: Proof.SECRET,
        TokenEndpointAuthMethod.PRIVATE_KEY_JWT: Proof.ASSERTION,
        TokenEndpointAuthMethod.FEDERATED_JWT: Proof.ASSERTION,
        TokenEndpointAuthMethod.TLS_CLIENT_AUTH: Proof.CERTIFICATE,
        TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: Proof.CERTIFICATE,
    }
)


def _proven_by(proof: Proof) -> tuple[TokenEndpointAuthMethod, ...]:
    return tuple(method for method in TokenEndpointAuthMethod if PROVEN_BY[method] is proof)


SECRET_METHODS = _proven_by(Proof.SECRET)
ASSERTION_METHODS = _proven_by(Proof.ASSERTION)
CERTIFICATE_METHODS = _proven_by(Proof.CERTIFICATE)


def default_methods() -> list[str]:
    return [method.value for method in SECRET_METHODS]


def methods_problem(methods: Any) -> str | None:
    """What is wrong with a list of authentication methods, None if nothing is."""
    known = ", ".join(TokenEndpointAuthMethod.values)
    if not isinstance(methods, list) or not methods:
        return f"A list of at least one of: {known}."
    if unknown := [method for method in methods if method not in TokenEndpointAuthMethod.values]:
        return f"Not offered: {', '.join(map(str, unknown))}. Offered: {known}."
    if len(set(methods)) < len(methods):
        return "A method is given twice."
    return None
