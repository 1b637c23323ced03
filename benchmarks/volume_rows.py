"""A record of many rows: a year of requests, as a busy server with old and rare corners would have them.

Statements of both databases, over the model's own columns. What is asked for in `volume.py` lies where it is said here:
`client-0` asks most; `rare` five times in the year; `retired` and the issuer `old` in the first quarter alone; of four
kids each signs a quarter; `invalid_target` and unknown clients came up in the first tenth alone, `192.0.2.9` three
times. `https://old.example` is the API of `retired`, and `write` the scope of `rare`. Two of the secrets stand, so that
they have a page.
"""
# ruff: noqa: S608 - the statements are made of this module's own constants

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from audit.models import IssuanceEvent
from issuers.models import Issuer
from relying_parties.models import ClientSecret, RelyingParty

BUSY_SECRET, OLD_SECRET = 1, 999
YEAR = timedelta(days=365)
BATCH = 500_000
CACHE_KIB = 2_000_000
"""SQLite's page cache while it fills: a random key lands on any page of its index."""

SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "
    "SELECT n FROM s)",
    "postgresql": "(SELECT generate_series({first}::bigint, {last}::bigint) AS n)",
}
HEX = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "md5(random()::text || n)"}
INSTANT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch') || printf('.%06d', 1 + h % 999999)",
    "postgresql": "to_timestamp({seconds}) + (1 + h % 999999) * interval '1 microsecond'",
}
ASKED_AT = "{start} + n * {year} / {rows}"


def prepare() -> None:
    """Make the issuers of the rows, which the filter offers. Raises RuntimeError if the record has rows already."""
    if IssuanceEvent.objects.exists():
        raise RuntimeError("The record has rows: measure on an empty database, which DATABASE_URL names.")
    for path in ("bench", "small", "old"):
        Issuer.objects.create(path=path, name=path.capitalize())
    client = RelyingParty.objects.create(issuer=Issuer.objects.get(path="bench"), client_id="client-1")
    for number in (BUSY_SECRET, OLD_SECRET):
        ClientSecret.objects.create(pk=number, relying_party=client, digest=f"none:{number}")


def fill(rows: int, *, until: datetime) -> Iterator[int]:
    """Insert that many rows, the newest at `until`, a batch a commit; tells how many stand.

    The triggers stand all the while; the indexes are made at the end, which takes half the time.
    """
    statement = _statement(rows, start=int((until - YEAR).timestamp()))
    indexes = IssuanceEvent._meta.indexes
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(IssuanceEvent, index)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        for first in range(1, rows + 1, BATCH):
            last = min(first + BATCH - 1, rows)
            cursor.execute(statement.format(series=SERIES[connection.vendor].format(first=first, last=last)))
            yield last
    for index in indexes:
        with connection.schema_editor() as editor:
            editor.add_index(IssuanceEvent, index)


def _statement(rows: int, *, start: int) -> str:
    seconds = ASKED_AT.format(start=start, year=int(YEAR.total_seconds()), rows=rows)
    columns = _columns(rows, seconds)
    names = [str(field.column) for field in IssuanceEvent._meta.concrete_fields if not field.primary_key]
    values = ", ".join(columns[name] for name in names)
    # c: the client's number, most often a small one. old: of the first quarter alone. no: how it was refused.
    numbers = f"""
        SELECT n, h, (h % 1000) * (h % 1000) / 5000 AS c, n <= {rows} / 4 AND n % 10 = 3 AS old,
            CASE WHEN n <= {rows} / 10 AND n % 1000 = 500 THEN 'invalid_target'
                 WHEN n % 5000 = 0 THEN 'invalid_scope' WHEN n % 50 = 0 THEN 'invalid_client'
                 WHEN n % 100000 = 50001 THEN 'temporarily_unavailable' ELSE '' END AS no
        FROM (SELECT n, n * 48271 % 2147483647 AS h FROM {{series}} AS series) AS hashed
    """
    quote: Callable[[Any], str] = connection.ops.quote_name
    quoted = ", ".join(quote(name) for name in names)
    return (
        f"INSERT INTO {IssuanceEvent._meta.db_table} ({quoted}) SELECT {values} FROM ({numbers}) AS numbered"
    )


def _columns(rows: int, seconds: str) -> dict[str, str]:
    vendor, base = str(connection.vendor), settings.PUBLIC_URL
    is_made = "no IN ('', 'temporarily_unavailable')"
    return _constants() | {
        "at": INSTANT[vendor].format(seconds=seconds),
        "request_id": HEX[vendor],
        "issuer": f"CASE WHEN old THEN '{base}/old' WHEN c % 10 = 9 THEN '{base}/small' ELSE '{base}/bench' END",
        "outcome": "CASE no WHEN '' THEN 'issued' WHEN 'temporarily_unavailable' THEN 'failed' ELSE 'refused' END",
        "http_status": "CASE no WHEN '' THEN 200 WHEN 'invalid_client' THEN 401 "
        "WHEN 'temporarily_unavailable' THEN 503 ELSE 400 END",
        "client_id": f"CASE WHEN n % ({rows} / 5) = 7 THEN 'rare' WHEN old THEN 'retired' "
        "ELSE 'client-' || c END",
        "credential": "CASE WHEN no = 'invalid_client' THEN '' WHEN old THEN 'secret:999' ELSE 'secret:' || c END",
        "subject": f"CASE WHEN {is_made} THEN 'client-' || c ELSE '' END",
        "jti": f"CASE WHEN {is_made} THEN substr({HEX[vendor]}, 1, 24) ELSE '' END",
        "kid": f"CASE WHEN {is_made} THEN 'kid-' || (n * 4 / ({rows} + 1)) ELSE '' END",
        "alg": f"CASE WHEN {is_made} THEN 'RS256' ELSE '' END",
        "expires_at": f"CASE WHEN {is_made} THEN {INSTANT[vendor].format(seconds=f'{seconds} + 3600')} END",
        "error": "no",
        "detail": f"CASE WHEN no = '' THEN '' WHEN no = 'invalid_client' AND n <= {rows} / 10 "
        "THEN 'No such client at this issuer.' ELSE 'The secret is none of those registered.' END",
        "audience": "CASE WHEN old THEN 'https://old.example' ELSE 'https://api.example' END",
        "scope": f"CASE WHEN n % ({rows} / 5) = 7 THEN 'read write' ELSE 'read' END",
        "ip": f"CASE WHEN n % ({rows} / 3) = 11 THEN '192.0.2.9' "
        "ELSE '10.' || (h % 4) || '.' || (h % 50) || '.' || (h % 200) END",
    }


def _constants() -> dict[str, str]:
    """What says the same in every row."""
    same: dict[str, Any] = {
        "caller_request_id": "",
        "grant_type": "client_credentials",
        "auth_method": "client_secret_basic",
        "scope_requested": "read",
        "resource_requested": "",
        "claim_template": "",
        "user_agent": "python-requests/2.34",
        "actor": "",
    }
    return {name: f"'{text}'" for name, text in same.items()} | {
        "confirmation": "NULL",
        "is_test": "FALSE",
        "format": "1",
    }
