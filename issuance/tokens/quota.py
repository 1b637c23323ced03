"""How often a relying party may ask: its `requests_per_minute`."""

from issuance.wire.errors import TooManyRequests
from relying_parties.client import Client
from runtime.rate_limit.windows import Window

QUOTAS = Window("quota", seconds=60)


def spend_quota(client: Client) -> None:
    """Count one token of a client that is proven and may have it. Raises TooManyRequests."""
    limit = client.requests_per_minute
    if limit is None:
        return
    if wait := QUOTAS.take(str(client.id), limit=limit):
        raise _over_the_quota(limit, wait)


def refuse_beyond_quota(client: Client) -> None:
    """As `spend_quota`, and counts nothing."""
    limit = client.requests_per_minute
    if limit is not None and (wait := QUOTAS.wait(str(client.id), limit=limit)):
        raise _over_the_quota(limit, wait)


def _over_the_quota(limit: int, wait: int) -> TooManyRequests:
    return TooManyRequests(
        f"Over the quota of {limit} requests a minute (requests_per_minute of the client).", retry_after=wait
    )
