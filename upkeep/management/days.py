"""A day or an instant on the command line."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def instant_of(text: str) -> datetime:
    """`2026-07-01` is that day's first moment in UTC; an instant without an offset is in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"a day such as 2026-07-01, or an instant such as 2026-07-01T12:00:00Z, not {text!r}"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
