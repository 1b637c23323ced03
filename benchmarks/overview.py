"""How long the overview takes where there are many clients, and many requests in the record (docs/performance.md).

    benchmarks/overview.py [--rows 10000000] [--clients 10000] [--at-most MILLISECONDS]

It fills a database of its own (empty_database.py), with the counts of a day in which a tenth of the clients asked
every hour. A figure is the median of five requests to the console's own view.
"""

import argparse
import sys
import time
from datetime import datetime, timedelta
from statistics import median

from empty_database import empty_database

REQUESTS = 5
AT_ONCE = 5_000
HOURS = 24
REFUSED = 50
"""Clients whose newest requests are refusals."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the overview of a large installation.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--at-most", type=int, default=0, help="Fail if no request took less milliseconds.")
    asked = parser.parse_args()
    with empty_database():
        fastest = _measure(asked.rows, asked.clients)
    if asked.at_most and fastest > asked.at_most:
        sys.exit(f"The overview took {fastest:.0f} ms; at most {asked.at_most} are allowed.")


def _measure(rows: int, clients: int) -> float:
    """Prints the table. Returns the longest of the shortest: a busy machine makes a request longer, never shorter."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after the settings are made
    from django.test import Client  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415
    from volume_rows import fill, prepare  # noqa: PLC0415

    now = timezone.now()
    prepare()
    for done in fill(rows, until=now):
        print(f"{done:,} rows", file=sys.stderr, flush=True)
    _register(clients, now)
    _count(clients, now)
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(User.objects.create_superuser("operator"))
    print(f"{rows:,} rows, {clients:,} clients; milliseconds, median of {REQUESTS}")
    worst = 0.0
    for page in ("/admin/", "/admin/tidy/never-used/", "/admin/tidy/unused-clients/"):
        taken = [_taken(browser, page) for _ in range(REQUESTS)]
        print(f"{page:<32} {median(taken):>7.0f}", flush=True)
        worst = max(worst, min(taken))
    return worst


def _taken(browser: object, page: str) -> float:
    started = time.perf_counter()
    answer = browser.get(page)  # type: ignore[attr-defined]
    taken = (time.perf_counter() - started) * 1000
    if answer.status_code != 200:  # noqa: PLR2004
        sys.exit(f"{page} was answered with {answer.status_code}: no figures.")
    return taken


def _register(clients: int, now: datetime) -> None:
    """A year old, each with a secret; every tenth secret ends within 30 days."""
    from issuers.models import Issuer  # noqa: PLC0415
    from issuers.versioning.revision import one_revision  # noqa: PLC0415
    from relying_parties.models import ClientSecret, CredentialUse, RelyingParty  # noqa: PLC0415

    bench = Issuer.objects.get(path="bench")
    with one_revision():
        made = RelyingParty.objects.bulk_create(
            [RelyingParty(issuer=bench, client_id=f"client-{n}", name=f"Client {n}") for n in range(clients)],
            batch_size=AT_ONCE,
        )
        RelyingParty.objects.update(created=now - timedelta(days=365))
        secrets = ClientSecret.objects.bulk_create(
            [
                ClientSecret(
                    relying_party=each,
                    digest=f"bench {number}",
                    created_at=now - timedelta(days=300),
                    expires_at=now + timedelta(days=20 if number % 10 == 0 else 200),
                )
                for number, each in enumerate(made)
            ],
            batch_size=AT_ONCE,
        )
    CredentialUse.objects.bulk_create(
        [CredentialUse(credential=f"secret:{secret.pk}", last_used_at=now) for secret in secrets[::2]],
        batch_size=AT_ONCE,
    )


def _count(clients: int, now: datetime) -> None:
    """Of a day in which every tenth client got tokens each hour; some of them are refused now."""
    from audit.models import Checkpoint, HourlyCount, IssuanceEvent  # noqa: PLC0415
    from issuers.models import Issuer  # noqa: PLC0415

    url, hour = Issuer.objects.get(path="bench").url, now.replace(minute=0, second=0, microsecond=0)
    Checkpoint.objects.create(number=1, row_count=1, leaves=b"leaf", root="00", kid="k", statement="s")
    for hours in range(1, HOURS):
        HourlyCount.objects.bulk_create(
            [
                HourlyCount(
                    hour=hour - timedelta(hours=hours), issuer=url, client_id=f"client-{number}",
                    audience="https://api.example", outcome="issued", requests=7, digest=f"{hours} {number}",
                )
                for number in range(hours % 10, clients, 10)
            ],
            batch_size=AT_ONCE,
        )  # fmt: skip
    IssuanceEvent.objects.bulk_create(
        [
            IssuanceEvent(
                at=now - timedelta(seconds=1 + number % 3000), request_id=f"refused-{number}", issuer=url,
                outcome="refused", http_status=401, client_id=f"client-{clients - 1 - number % REFUSED}",
                error="invalid_client", detail="No live secret of this client matches.",
            )
            for number in range(2 * AT_ONCE)
        ],
        batch_size=AT_ONCE,
    )  # fmt: skip


if __name__ == "__main__":
    main()
