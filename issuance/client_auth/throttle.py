"""Guessing of secrets: after so many wrong ones a minute, no guess is answered any more.

Failures count by the network that they come from and the client that is claimed, whether or not there is such a client,
so that a count tells nothing about it. A generated secret cannot be guessed: a right one always passes, so nobody else
in its network can shut its owner out. A right secret that is refused for another reason (it came by another method than
the registered one, its client is disabled) is no failure of this kind.
"""

from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_network

from django.conf import settings

from issuance.client_auth.proof import Presented
from issuance.wire.errors import InvalidClient, TooManyRequests
from issuers.directory import IssuerSnapshot
from runtime.proxies import parsed_address
from runtime.rate_limit.windows import Window

FAILURES = Window("auth-failures", seconds=60)
PREFIX_LENGTHS = {4: 32, 6: 64}
"""A customer of a provider has one IPv4 address, and a /64 of IPv6 or more."""


def refuse_further_failures(
    failure: InvalidClient, presented: Presented, *, issuer: IssuerSnapshot, address: str
) -> None:
    """Count the failure. Who sent no secret guesses none."""
    limit = settings.AUTH_FAILURES_PER_MINUTE
    if not limit or not presented.is_guess:
        return
    source = source_network(address)
    if wait := FAILURES.take(key_of(presented, issuer=issuer, source=source), limit=limit):
        raise TooManyRequests(
            f"{failure.detail} {limit_in_words(limit, source)}", retry_after=wait
        ) from failure


def refuse_lucky_guess(presented: Presented, *, issuer: IssuerSnapshot, address: str) -> None:
    """A right secret that a person chose is answered as a wrong one would be."""
    limit = settings.AUTH_FAILURES_PER_MINUTE
    if not limit:
        return
    source = source_network(address)
    if wait := FAILURES.wait(key_of(presented, issuer=issuer, source=source), limit=limit):
        raise TooManyRequests(
            "The secret is right, but a person chose it, and it may be a guess: use a generated one. "
            f"{limit_in_words(limit, source)}",
            retry_after=wait,
        )


def limit_in_words(limit: int, source: str) -> str:
    return f"{limit} authentications from {source} failed within a minute (AUTH_FAILURES_PER_MINUTE)."


def key_of(presented: Presented, *, issuer: IssuerSnapshot, source: str) -> str:
    """Hashed: a claimed client id is any text of any length."""
    claimed = f"{source} {issuer.id} {presented.client_id}"
    return blake2b(claimed.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=4_096)
def source_network(address: str) -> str:
    """The /32 or /64 in which the address lies; the text itself if it is no address."""
    parsed = parsed_address(address)
    if parsed is None:
        return address
    return str(ip_network(f"{parsed}/{PREFIX_LENGTHS[parsed.version]}", strict=False))
