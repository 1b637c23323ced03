"""What the tokens of a load cost: CPU time of the server and of its database."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from database import TOKENS, Database
from load import Figures
from measures import cpu_seconds, wait_until_still
from server import Server


@dataclass(frozen=True, slots=True)
class Cost:
    figures: Figures
    tokens: int
    """Those whose answers wrk did not wait for at its end have cost as much as the others."""
    server_seconds: float
    database_seconds: float

    @property
    def server(self) -> float:
        """Microseconds of a token."""
        return self.server_seconds / self.tokens * 1e6

    @property
    def database(self) -> float:
        return self.database_seconds / self.tokens * 1e6


def cost(ask: Callable[[], Figures], *, server: Server, database: Database, rows: str = TOKENS) -> Cost:
    """Of a load. `rows` is the query that counts what it writes; empty: it writes nothing.

    Leaves with an error if a token lacks its row, or none was answered.
    """
    written = database.count(rows) if rows else 0
    of_server, of_database = cpu_seconds(server.pid), database.cpu_seconds()
    figures = settled(ask, server=server, database=database)
    of_server, of_database = cpu_seconds(server.pid) - of_server, database.cpu_seconds() - of_database
    tokens = database.count(rows) - written if rows else figures.answers
    if tokens < max(figures.answers, 1):
        sys.exit(f"{figures.answers} tokens of {server.origin}, but only {tokens} rows: no figures.")
    return Cost(figures, tokens, of_server, of_database)


def settled(ask: Callable[[], Figures], *, server: Server, database: Database) -> Figures:
    """The load, and the end of what it left under way."""
    figures = ask()
    wait_until_still(lambda: cpu_seconds(server.pid) + database.cpu_seconds())
    return figures
