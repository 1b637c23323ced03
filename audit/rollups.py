"""The hourly sums of the record, added up as its rows are sealed, in the transaction that seals them."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.db import connection

from audit.models import HourlyCount, IssuanceEvent, Outcome, RefusalCount

EVENTS = IssuanceEvent._meta.db_table
REFUSALS = RefusalCount._meta.db_table


class Kind(NamedTuple):
    """The values that are counted together."""

    hour: str
    issuer: str
    client_id: str
    audience: str
    outcome: str
    error: str


def count(sums: "Counter[Kind]", members: Mapping[str, Any]) -> None:
    """Add the row of a leaf; rows of other tables and tests do not count.

    A leaf lacks the columns that its table got later.
    """
    if members["table"] == EVENTS and not members.get("is_test"):
        sums[_of_event(members)] += 1
    elif members["table"] == REFUSALS:
        named = {name: members.get(name, "") for name in ("issuer", "error")}
        kind = Kind(hour=_hour(members), client_id="", audience="", outcome=Outcome.REFUSED, **named)
        sums[kind] += members.get("refused", 0)


def _of_event(members: Mapping[str, Any]) -> Kind:
    named = {name: members.get(name, "") for name in ("issuer", "client_id", "audience", "outcome", "error")}
    if not members.get("credential"):
        named["client_id"] = ""
    return Kind(hour=_hour(members), **named)


def _hour(members: Mapping[str, Any]) -> str:
    return f"{members.get('at', '')[:13]}:00:00.000000Z"


COLUMNS = (*Kind._fields, "digest", "requests")
_ADD = (
    f"INSERT INTO {HourlyCount._meta.db_table} AS sums ({', '.join(COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join(['%s'] * len(COLUMNS))}) "
    "ON CONFLICT (digest) DO UPDATE SET requests = sums.requests + excluded.requests"
)


def add(sums: "Counter[Kind]") -> None:
    """Call it inside the transaction of the checkpoint, so that each row counts once."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, [_row(kind, requests) for kind, requests in sorted(sums.items())])


def _row(kind: Kind, requests: int) -> tuple[Any, ...]:
    """In the order of COLUMNS."""
    hour = connection.ops.adapt_datetimefield_value(datetime.fromisoformat(kind.hour))
    return (hour, *kind[1:], digest_of(kind), requests)


def digest_of(kind: Kind) -> str:
    """SHA-256 of the canonical JSON list of the values that are counted together."""
    text = json.dumps(list(kind), ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
