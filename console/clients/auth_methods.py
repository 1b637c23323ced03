"""The authentication methods in words: what proves the relying party, and how a request does it."""

from django.utils.text import capfirst

from issuers.models import TokenEndpointAuthMethod

ABOUT = {
    TokenEndpointAuthMethod.CLIENT_SECRET_BASIC: "a secret, in the Authorization header",
    TokenEndpointAuthMethod.CLIENT_SECRET_POST: "a secret, in the body of the request",
    TokenEndpointAuthMethod.PRIVATE_KEY_JWT: "a new JWT for each request, signed with its own key",
    TokenEndpointAuthMethod.FEDERATED_JWT: "a JWT of a trusted issuer, such as its cluster; no stored secret",
    TokenEndpointAuthMethod.TLS_CLIENT_AUTH: "a TLS certificate of a client CA of the issuer, by its name",
    TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: "a TLS certificate that is registered itself",
}
WORDS_FIRST = [(method.value, f"{capfirst(about)} ({method.value})") for method, about in ABOUT.items()]
CHOICES = [(method.value, f"{method.value}: {about}") for method, about in ABOUT.items()]
