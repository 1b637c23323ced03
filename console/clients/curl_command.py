"""The command with which a service asks for a token, as the page of its relying party shows it."""

import shlex
from urllib.parse import quote_plus

from issuance.client_auth.client_assertion import JWT_BEARER
from issuers.models import CERTIFICATE_METHODS, SECRET_METHODS, TokenEndpointAuthMethod
from relying_parties.models import AccessGrant, RelyingParty

SECRET, ASSERTION, DPOP_PROOF = '"$CLIENT_SECRET"', '"$CLIENT_ASSERTION"', '"DPoP: $DPOP_PROOF"'


def curl_command(relying_party: RelyingParty) -> str:
    """A command for a shell whose variables contain the secret, the assertion or the proof."""
    parts = [
        f"curl {shlex.quote(f'{relying_party.issuer.url}/token')}",
        *_proof(relying_party),
        *([f"-H {DPOP_PROOF}"] if relying_party.dpop_bound_access_tokens else []),
        "-d grant_type=client_credentials",
    ]
    return " \\\n  ".join(parts + _parameters(relying_party) + _resource(relying_party))


def what_it_needs(relying_party: RelyingParty) -> list[str]:
    """What is needed before the command can run, beside a secret."""
    url, client_id = relying_party.issuer.url, relying_party.client_id
    method = relying_party.token_endpoint_auth_method
    needs = []
    if method == TokenEndpointAuthMethod.PRIVATE_KEY_JWT:
        needs.append(
            f"CLIENT_ASSERTION: a JWT that the service's private key signs. Claims: iss and sub {client_id}, "
            f"aud {url}, exp at most 10 minutes ahead, a jti that no other has. It is good for one request."
        )
    if method == TokenEndpointAuthMethod.FEDERATED_JWT:
        needs.append(
            "CLIENT_ASSERTION: the token that the platform gives the workload, unchanged. Its iss, aud, sub and "
            "further claims are those of a federated credential above."
        )
    if method in CERTIFICATE_METHODS or relying_party.tls_client_certificate_bound_access_tokens:
        needs.append("client.crt and client.key: the TLS client certificate and its private key, in PEM.")
    if relying_party.dpop_bound_access_tokens:
        needs.append(f"DPOP_PROOF: a DPoP proof for POST {url}/token. It is good for one request.")
    return needs


def _proof(relying_party: RelyingParty) -> list[str]:
    client_id, method = relying_party.client_id, relying_party.token_endpoint_auth_method
    named = f"--data-urlencode {shlex.quote(f'client_id={client_id}')}"
    bound = method in CERTIFICATE_METHODS or relying_party.tls_client_certificate_bound_access_tokens
    certificate = ["--cert client.crt --key client.key"] if bound else []
    if method == TokenEndpointAuthMethod.CLIENT_SECRET_BASIC:
        # RFC 6749 section 2.3.1: form-encoded before base64. A generated secret stays as it is.
        return [*certificate, f"-u {shlex.quote(quote_plus(client_id))}:{SECRET}"]
    if method in SECRET_METHODS:
        return [*certificate, named, f"--data-urlencode client_secret={SECRET}"]
    if method in CERTIFICATE_METHODS:
        return [*certificate, named]
    return [
        *certificate,
        named,
        f"-d client_assertion_type={JWT_BEARER}",
        f"--data-urlencode client_assertion={ASSERTION}",
    ]


def _parameters(relying_party: RelyingParty) -> list[str]:
    """The parameters that its rules read, each with a value to fill in."""
    names = sorted(set(relying_party.rules.values_list("parameter", flat=True)) - {"client_id", "grant_type"})
    return [f"--data-urlencode {shlex.quote(f'{name}={name.upper()}')}" for name in names]


def _resource(relying_party: RelyingParty) -> list[str]:
    """The parameter that a relying party without a default needs, if it has a grant at all."""
    grants = AccessGrant.objects.filter(relying_party=relying_party).select_related("resource_server")
    first = grants.first()
    template = relying_party.claim_template
    if first is None or grants.filter(is_default=True).exists() or (template and "aud" in template.claims):
        return []
    return [f"--data-urlencode {shlex.quote(f'resource={first.resource_server.identifier}')}"]
