"""The keys that may have signed an assertion: registered here, or fetched from where they are published.

`wanted` recognises the key that is needed: a fetched set that lacks it is fetched again, once a minute at most.
"""

from relying_parties.client import Client
from relying_parties.federation.credential import Trusted
from relying_parties.jwks.client_keys import VerificationKey
from relying_parties.jwks.published_keys import published_keys
from relying_parties.jwks.remote_keys import KeySource, RemoteKeys, Wanted
from relying_parties.models import KeysFrom

remote_keys: RemoteKeys[VerificationKey] = RemoteKeys(published_keys)


def client_signers(client: Client, *, wanted: Wanted[VerificationKey]) -> tuple[VerificationKey, ...]:
    """The relying party's own keys. Raises FetchError."""
    if not client.jwks_uri:
        return client.keys
    return remote_keys.keys_of(KeySource("uri", client.jwks_uri), wanted=wanted)


def trusted_signers(trusted: Trusted, *, wanted: Wanted[VerificationKey]) -> tuple[VerificationKey, ...]:
    """A trusted issuer's keys. Raises FetchError."""
    if trusted.keys_from == KeysFrom.JWKS:
        return trusted.keys
    if trusted.keys_from == KeysFrom.JWKS_URI:
        source = KeySource("uri", trusted.jwks_uri, trusted.fetch_token_file)
    else:
        source = KeySource("discovery", trusted.issuer_url, trusted.fetch_token_file)
    return remote_keys.keys_of(source, wanted=wanted)
