"""The command with which a service asks for a token, as the page of its relying party shows it."""

import shlex

from console.auth_methods import in_words
from issuers.models import CERTIFICATE_METHODS
from relying_parties.models import AccessGrant, RelyingParty

DPOP_PROOF = '"DPoP: $DPOP_PROOF"'


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
    url = relying_party.issuer.url
    words = in_words(relying_party.token_endpoint_auth_method)
    needs = [words.needs.format(url=url, client_id=relying_party.client_id)]
    if _sends_certificate(relying_party):
        needs.append("client.crt and client.key: the TLS client certificate and its private key, in PEM.")
    if relying_party.dpop_bound_access_tokens:
        needs.append(f"DPOP_PROOF: a DPoP proof for POST {url}/token. It is good for one request.")
    return list(filter(None, needs))


def _proof(relying_party: RelyingParty) -> list[str]:
    words = in_words(relying_party.token_endpoint_auth_method)
    certificate = ["--cert client.crt --key client.key"] if _sends_certificate(relying_party) else []
    return certificate + words.curl(relying_party.client_id)


def _sends_certificate(relying_party: RelyingParty) -> bool:
    is_proof = relying_party.token_endpoint_auth_method in CERTIFICATE_METHODS
    return is_proof or relying_party.tls_client_certificate_bound_access_tokens


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
