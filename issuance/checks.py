"""What an operator should know of the settings before the server starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info

COUNTED_IN_EACH_PROCESS = (
    "Quotas and failed authentications are counted in each of {processes} worker processes on its own."
)
HINT = (
    "Up to {processes} times requests_per_minute and AUTH_FAILURES_PER_MINUTE are let through. "
    "Set CACHE_URL to a Redis or Valkey that all processes share, or WEB_CONCURRENCY=1."
)


def shares_counts(**_: Any) -> list[CheckMessage]:
    """No warning: a server that is content with that needs nothing else."""
    processes = settings.ENVIRONMENT.web_concurrency
    if settings.CACHES["default"]["LOCATION"] or processes == 1:
        return []
    message, hint = COUNTED_IN_EACH_PROCESS.format(processes=processes), HINT.format(processes=processes)
    return [Info(message, hint=hint, id="issuance.I001")]
