"""A connection that leads to a PostgreSQL server that is no primary any more."""

from typing import Any

READ_ONLY = "25006"
"""PostgreSQL's read_only_sql_transaction."""


def leave_if_read_only(connection: Any, failure: BaseException | None) -> None:
    """After a fail-over its address may lead to another server, which only a new connection finds.

    Not inside a transaction.
    """
    if is_read_only(failure):
        connection.close()


def is_read_only(failure: BaseException | None) -> bool:
    return getattr(failure and failure.__cause__, "sqlstate", None) == READ_ONLY
