"""Many rows in bounded memory, without a cursor that outlives a transaction.

A pooler such as PgBouncer gives the server's connection to another client between two transactions, and the cursor is
lost. So rows are read in pages, each a statement of its own, or inside one transaction.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from django.db import connection, models, transaction
from django.db.models.query import ValuesListIterable

CHUNK = 2_000

Row = tuple[Any, ...]


def in_pages(rows: "models.QuerySet[Any, Row]", *, most: int | None = None) -> Iterator[Row]:
    """Rows of a `values_list` whose first value is the id, in the order of ids.

    At most so many, or all up to the newest at the start, so that it ends even if rows come fast. A row that is
    committed meanwhile may be among them.
    """
    rows, left = rows.order_by("pk"), most
    if most is None:
        newest = rows.order_by("-pk").values_list("pk", flat=True).first() or 0
        rows = rows.filter(pk__lte=newest)
    page: list[Row] = []
    while left is None or left > 0:
        later = rows.filter(pk__gt=page[-1][0]) if page else rows
        size = CHUNK if left is None else min(CHUNK, left)
        page = list(later[:size])
        yield from page
        if len(page) < size:
            return
        left = None if left is None else left - size


def of_one_moment(rows: "models.QuerySet[Any, Any]") -> Iterator[Row]:
    """Rows of a `values_list` as they were when the statement began. Read them to the end at once."""
    # On SQLite a transaction would keep writers out, and a cursor needs none.
    with transaction.atomic() if connection.vendor == "postgresql" else nullcontext():
        yield from ValuesListIterable(rows, chunked_fetch=True, chunk_size=CHUNK)
