"""How long the pages of a large record take: its first page, one in its middle and the one before, for every filter.

And the page of a credential, which counts its newest uses.

    benchmarks/volume.py [--rows 10000000] [--at-most MILLISECONDS]

It fills a database of its own (empty_database.py). A figure is the median of five requests to the console's own view,
from the URL to the last byte of HTML.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from empty_database import empty_database

REQUESTS = 5
LIST = "/admin/audit/issuanceevent/"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the pages of a large record.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument(
        "--at-most",
        type=int,
        default=0,
        help="Fail if no request for a page took less than so many milliseconds.",
    )
    asked = parser.parse_args()
    with empty_database():
        slowest = _measure(asked.rows)
    if asked.at_most and slowest > asked.at_most:
        sys.exit(f"A page took {slowest:.0f} ms; at most {asked.at_most} are allowed.")


def _measure(rows: int) -> float:
    """Prints the table. Returns the longest of the shortest: a busy machine makes a request longer, never shorter."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after the settings are made
    from django.test import Client  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415
    from volume_rows import BUSY_SECRET, OLD_SECRET, fill, prepare  # noqa: PLC0415

    now = timezone.now()
    prepare()
    started = time.monotonic()
    for done in fill(rows, until=now):
        print(f"{done:,} rows after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(User.objects.create_superuser("auditor"))
    print(f"{_database()}: {rows:,} rows; milliseconds, median of {REQUESTS}")
    print(f"{'filter':<44} {'first':>7} {'middle':>7} {'newer':>7}")
    worst = 0.0
    for name, query in _filters(now).items():
        figures = [_taken(browser, query | place) for place in _places(rows, now)]
        worst = max(worst, *map(min, figures))
        print(f"{name:<44} " + " ".join(f"{median(taken):>7.0f}" for taken in figures), flush=True)
    for name, number in {
        "page of a busy secret": BUSY_SECRET,
        "page of a secret that ended": OLD_SECRET,
    }.items():
        taken = _taken(browser, {}, page=f"/admin/audit/credential/secret:{number}/")
        worst = max(worst, min(taken))
        print(f"{name:<44} {median(taken):>7.0f}", flush=True)
    return worst


def _taken(browser: object, query: Mapping[str, str], *, page: str = LIST) -> list[float]:
    """Milliseconds of each request."""
    taken = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        answer = browser.get(page, query)  # type: ignore[attr-defined]
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200 or b"errornote" in answer.content:  # noqa: PLR2004
            sys.exit(f"{query} was answered with {answer.status_code}: no figures.")
    return taken


def _places(rows: int, now: datetime) -> tuple[dict[str, str], ...]:
    """The first page, and from a place in the middle of the year on to the older and to the newer side."""
    middle = int((now - timedelta(days=182)).timestamp() * 1_000_000)
    place = f"{middle}-{rows // 2}"
    return {}, {"older_than": place}, {"newer_than": place}


def _filters(now: datetime) -> dict[str, dict[str, str]]:
    from django.conf import settings  # noqa: PLC0415

    from audit.models import IssuanceEvent  # noqa: PLC0415

    oldest = IssuanceEvent.objects.order_by("id").exclude(jti="")[0]
    issuers = {path: {"issuer": f"{settings.PUBLIC_URL}/{path}"} for path in ("bench", "small", "old")}
    month = {"since": _text(now - timedelta(days=230)), "until": _text(now - timedelta(days=200))}
    alone = {
        "none": {},
        "a month": month,
        "the last hour": {"since": _text(now - timedelta(hours=1))},
        "issuer, nine in ten": issuers["bench"],
        "issuer, one in ten": issuers["small"],
        "issuer, silent since a quarter": issuers["old"],
        "client, the busiest": {"client": "client-0"},
        "client, five requests": {"client": "rare"},
        "client, unknown": {"client": "nobody"},
        "outcome issued": {"outcome": "issued"},
        "outcome refused": {"outcome": "refused"},
        "outcome failed": {"outcome": "failed"},
        "error invalid_client": {"error": "invalid_client"},
        "error of the first tenth alone": {"error": "invalid_target"},
        "reason, wrong secret": {"reason": "wrong_secret"},
        "reason of the first tenth alone": {"reason": "unknown_client"},
        "API of nearly all": {"api": "https://api.example"},
        "API, silent since a quarter": {"api": "https://old.example"},
        "API, unknown": {"api": "https://no.example"},
        "scope, five requests": {"scope": "write"},
        "credential, the busiest": {"credential": "secret:0"},
        "credential, ended": {"credential": "secret:999"},
        "kid that signs": {"kid": "kid-3"},
        "kid that is retired": {"kid": "kid-0"},
        "address": {"address": "10.0.0.0"},
        "address, three requests": {"address": "192.0.2.9"},
        "jti": {"exactly": oldest.jti},
        "request ID": {"exactly": oldest.request_id},
    }
    together = {
        "busiest client + retired kid": {"client": "client-0", "kid": "kid-0"},
        "busiest client + a month": {"client": "client-0"} | month,
        "busiest client + refused": {"client": "client-0", "outcome": "refused"},
        "retired client + kid that signs (none)": {"client": "retired", "kid": "kid-3"},
        "retired kid + refused (none)": {"kid": "kid-0", "outcome": "refused"},
        "busiest client + API of another": {"client": "client-0", "api": "https://old.example"},
        "API + scope + a month": {"api": "https://api.example", "scope": "write"} | month,
        "issuer + issued + a month": issuers["bench"] | {"outcome": "issued"} | month,
        "issuer + error + address": issuers["bench"] | {"error": "invalid_scope", "address": "10.0.0.0"},
        "all at once": issuers["bench"]
        | {"client": "client-0", "outcome": "issued", "credential": "secret:0", "kid": "kid-1"}
        | month,
    }
    return alone | together


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}"


def _database() -> str:
    from django.db import connection  # noqa: PLC0415

    return str(connection.vendor)


if __name__ == "__main__":
    main()
