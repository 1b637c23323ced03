"""The authentication methods in words: what proves a client, how a request sends it, what the record says of it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

from django.utils.text import capfirst

from issuance.client_auth.client_assertion import JWT_BEARER
from issuers.auth_methods import TokenEndpointAuthMethod, for_each_method

SECRET, ASSERTION = '"$CLIENT_SECRET"', '"$CLIENT_ASSERTION"'


@dataclass(frozen=True, slots=True)
class InWords:
    about: str
    """Behind the name of the method, where it is chosen."""
    proved: str
    """Behind "It proved itself", on the page of a request."""
    curl: Callable[[str], list[str]]
    """Of a client ID: what curl sends as the proof, beside the TLS certificate."""
    needs: str = ""
    """What has to be there before the command can run, beside a secret or a certificate. Has {url} and {client_id}."""


def _named(client_id: str) -> list[str]:
    return [f"--data-urlencode {shlex.quote(f'client_id={client_id}')}"]


def _basic(client_id: str) -> list[str]:
    """RFC 6749 section 2.3.1: form-encoded before base64. A generated secret stays as it is."""
    return [f"-u {shlex.quote(quote_plus(client_id))}:{SECRET}"]


def _secret(client_id: str) -> list[str]:
    return [*_named(client_id), f"--data-urlencode client_secret={SECRET}"]


def _assertion(client_id: str) -> list[str]:
    return [
        *_named(client_id),
        f"-d client_assertion_type={JWT_BEARER}",
        f"--data-urlencode client_assertion={ASSERTION}",
    ]


IN_WORDS = for_each_method(
    {
        TokenEndpointAuthMethod.CLIENT_SECRET_BASIC: InWords(
            about="a secret, in the Authorization header",
            proved="by a secret in the Authorization header",
            curl=_basic,
        ),
        TokenEndpointAuthMethod.CLIENT_SECRET_POST: InWords(
            about="a secret, in the body of the request",
            proved="by a secret in the body",
            curl=_secret,
        ),
        TokenEndpointAuthMethod.PRIVATE_KEY_JWT: InWords(
            about="a new JWT for each request, signed with its own key",
            proved="by an assertion that it signed with its own key",
            curl=_assertion,
            needs="CLIENT_ASSERTION: a JWT that the service's private key signs. Claims: iss and sub {client_id}, "
            "aud {url}, exp at most 10 minutes ahead, a jti that no other has. It is good for one request.",
        ),
        TokenEndpointAuthMethod.FEDERATED_JWT: InWords(
            about="a JWT of a trusted issuer, such as its cluster; no stored secret",
            proved="by a token of a trusted issuer",
            curl=_assertion,
            needs="CLIENT_ASSERTION: the token that the platform gives the workload, unchanged. Its iss, aud, sub and "
            "further claims are those of a federated credential above.",
        ),
        TokenEndpointAuthMethod.TLS_CLIENT_AUTH: InWords(
            about="a TLS certificate of a client CA of the issuer, by its name",
            proved="by a certificate of one of the issuer's client CAs",
            curl=_named,
        ),
        TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: InWords(
            about="a TLS certificate that is registered itself",
            proved="by its registered certificate",
            curl=_named,
        ),
    }
)


def in_words(method: str) -> InWords:
    """Of one that a newer version has stored, the name alone."""
    return IN_WORDS.get(method) or InWords(about=method, proved=f"by {method}", curl=_named)


WORDS_FIRST = [(method, f"{capfirst(words.about)} ({method})") for method, words in IN_WORDS.items()]
CHOICES = [(method, f"{method}: {words.about}") for method, words in IN_WORDS.items()]
