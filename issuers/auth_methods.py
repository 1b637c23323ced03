"""How a client may prove itself at the token endpoint."""

from django.db import models


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


SECRET_METHODS = (TokenEndpointAuthMethod.CLIENT_SECRET_BASIC, TokenEndpointAuthMethod.CLIENT_SECRET_POST)
ASSERTION_METHODS = (TokenEndpointAuthMethod.PRIVATE_KEY_JWT, TokenEndpointAuthMethod.FEDERATED_JWT)
CERTIFICATE_METHODS = (
    TokenEndpointAuthMethod.TLS_CLIENT_AUTH,
    TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH,
)


def default_methods() -> list[str]:
    return [method.value for method in SECRET_METHODS]
