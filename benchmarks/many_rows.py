"""Whether a token costs more where the record has many rows: beside none, and beside ten million.

    benchmarks/many_rows.py [--rows 10000000]

RS256, 16 connections, two servers of one worker each on the same core, asked in turn. DATABASE_URL picks the database;
the other one is made beside it.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg
from cost import Cost, cost
from database import Database, database
from load import basic, load
from measures import LOAD_CORE, SERVER_CORE, pin, refuse_unsuitable_machine
from server import HERE, Server, environment, idp, manage

CONNECTIONS = 16
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or "5")
SECONDS = int(os.environ.get("BENCH_SECONDS") or "6")
NEWEST = "SELECT coalesce(max(id), 0) FROM audit_issuanceevent"
"""To count ten million rows before and after each round would take longer than the round."""
FULL = "m2m_idp_full"


@dataclass(frozen=True, slots=True)
class Standing:
    server: Server
    database: Database
    authorization: str

    def asked(self) -> Cost:
        url = f"{self.server.origin}/rs256/token"
        ask = partial(load, url, seconds=SECONDS, connections=CONNECTIONS, authorization=self.authorization)
        return cost(ask, server=self.server, database=self.database, rows=NEWEST)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a token where the record has many rows.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    refuse_unsuitable_machine()
    url, secret = os.environ.get("DATABASE_URL", ""), secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="m2m-idp-rows-") as name:
        new = _prepared(Path(name, "new"), url=url, secret=secret)
        full = _prepared(Path(name, "full"), url=_beside(url), secret=secret)
        subprocess.run([sys.executable, str(HERE / "fill_record.py"), str(rows)], env=full, check=True)
        with (
            idp(new, cores={SERVER_CORE}) as first,
            idp(full, cores={SERVER_CORE}) as second,
        ):
            standing = [
                Standing(server, _database(variables), basic("bench", secret))
                for server, variables in ((first, new), (second, full))
            ]
            pin([0, *standing[0].database.processes], {LOAD_CORE})
            _compare(standing, rows=rows)


def _prepared(directory: Path, *, url: str, secret: str) -> dict[str, str]:
    """The environment of a server whose database has the benchmark's clients."""
    directory.mkdir()
    variables = environment(directory, url=url) | {"BENCH_SECRET": secret}
    manage(variables, "migrate", "--verbosity", "0")
    manage(variables, "apply", "-f", str(HERE / "bench.yaml"))
    return variables


def _beside(url: str) -> str:
    """Another database of the same PostgreSQL; nothing for SQLite."""
    if not url:
        return ""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {FULL}".encode())
    return urlsplit(url)._replace(path=f"/{FULL}").geturl()


def _database(variables: dict[str, str]) -> Database:
    return database(Path(variables["VAR_DIR"]), url=variables.get("DATABASE_URL", ""))


def _compare(standing: list[Standing], *, rows: int) -> None:
    for each in standing:
        each.asked()
    rounds = [[each.asked() for each in standing] for _ in range(ROUNDS)]
    new, full = zip(*rounds, strict=True)
    print(f"{standing[0].database.name}: {CONNECTIONS} connections, medians of {ROUNDS} x {SECONDS} s.")
    print(f"{'rows before':<14} {'tokens/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'worker us':>9} {'db us':>6}")
    for name, costs in ((f"{0:,}", new), (f"{rows:,}", full)):
        print(
            f"{name:<14} {median(each.figures.rate for each in costs):>8.0f} "
            f"{median(each.figures.p50 for each in costs):>7.1f} "
            f"{median(each.figures.p99 for each in costs):>7.1f} "
            f"{median(each.server for each in costs):>9.0f} {median(each.database for each in costs):>6.0f}"
        )
    by_cpu = _cpu(full) / _cpu(new)
    by_rate = median(each.figures.rate for each in full) / median(each.figures.rate for each in new)
    print(f"{rows:,} to 0: {by_rate:.2f} of the tokens a second, {by_cpu:.2f} of the CPU time")


def _cpu(costs: tuple[Cost, ...]) -> float:
    return median(each.server + each.database for each in costs)


if __name__ == "__main__":
    main()
