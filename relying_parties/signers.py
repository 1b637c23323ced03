"""The keys that may have signed an assertion: registered here, or fetched from where they are published."""

from relying_parties.client_keys import VerificationKey, usable_keys
from relying_parties.federation import Trusted
from relying_parties.models import KeysFrom
from relying_parties.registry import Client
from relying_parties.remote_keys import KeySource, RemoteKeys

remote_keys: RemoteKeys[VerificationKey] = RemoteKeys(usable_keys)


def client_signers(client: Client, *, kid: str | None) -> tuple[VerificationKey, ...]:
    """The relying party's own keys; `kid` is the one wanted. Raises FetchError."""
    if not client.jwks_uri:
        return client.keys
    return remote_keys.keys_of(KeySource("uri", client.jwks_uri), wanted_kid=kid)


def trusted_signers(trusted: Trusted, *, kid: str | None) -> tuple[VerificationKey, ...]:
    """A trusted issuer's keys. Raises FetchError."""
    if trusted.keys_from == KeysFrom.JWKS:
        return trusted.keys
    if trusted.keys_from == KeysFrom.JWKS_URI:
        source = KeySource("uri", trusted.jwks_uri)
    else:
        source = KeySource("discovery", trusted.issuer_url)
    return remote_keys.keys_of(source, wanted_kid=kid)
