"""Whether a token costs more where there are many clients: a few that ask in turn, and many (docs/performance.md).

    benchmarks/many_clients.py [--clients 100000] [--asking 10000]

RS256, 16 connections, one worker on a core, every token with its row. Also what it costs to read a client that the
worker does not know yet, and the memory of the worker. DATABASE_URL picks the database.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cost import Cost, cost
from database import Database, database
from load import Walk, load
from measures import (
    LOAD_CORE,
    SERVER_CORE,
    pin,
    refuse_unsuitable_machine,
    resident_mebibytes,
)
from server import HERE, Server, environment, idp, manage

FEW = 10
CONNECTIONS = 16
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or "3")
SECONDS = int(os.environ.get("BENCH_SECONDS") or "5")
MAX_MEBIBYTES = 250


@dataclass(frozen=True, slots=True)
class Sum:
    """Of several rounds."""

    costs: tuple[Cost, ...]

    @property
    def answers(self) -> int:
        return sum(each.figures.answers for each in self.costs)

    @property
    def tokens(self) -> int:
        return sum(each.tokens for each in self.costs)

    @property
    def rate(self) -> float:
        return self.answers / sum(each.figures.seconds for each in self.costs)

    @property
    def server(self) -> float:
        """Microseconds of a token."""
        return sum(each.server_seconds for each in self.costs) / self.tokens * 1e6

    @property
    def database(self) -> float:
        return sum(each.database_seconds for each in self.costs) / self.tokens * 1e6


@dataclass(frozen=True, slots=True)
class Crowd:
    """A server, and files of the Authorization headers of its clients."""

    server: Server
    database: Database
    few: Path
    many: Path
    others: Path
    """All that are not among the many."""

    def asked(self, file: Path, *, first: int = 0) -> Cost:
        """One round, the clients of the file in turn."""
        url, walk = f"{self.server.origin}/rs256/token", Walk(file, first)
        ask = partial(load, url, seconds=SECONDS, connections=CONNECTIONS, walk=walk)
        return cost(ask, server=self.server, database=self.database)

    def ask_each(self, file: Path) -> None:
        """So that the worker knows them all."""
        clients, asked = len(file.read_text().splitlines()), 0
        while asked < clients:
            asked += self.asked(file, first=asked).figures.answers

    @property
    def memory(self) -> float:
        return resident_mebibytes(self.server.worker)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a token where there are many clients.")
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--asking", type=int, default=10_000)
    options = parser.parse_args()
    if not FEW <= options.asking < options.clients:
        parser.error(f"--asking is at least {FEW}, and less than --clients.")
    refuse_unsuitable_machine()
    url = os.environ.get("DATABASE_URL", "")
    with tempfile.TemporaryDirectory(prefix="m2m-idp-clients-") as name:
        directory = Path(name)
        variables = environment(directory, url=url) | {"BENCH_SECRET": secrets.token_urlsafe(32)}
        few, many, others = _register(directory, variables, clients=options.clients, asking=options.asking)
        own = database(directory, url=url)
        pin([0, *own.processes], {LOAD_CORE})
        print(f"{own.name}: {options.clients:,} clients, {CONNECTIONS} connections, {ROUNDS} x {SECONDS} s.")
        with idp(variables, cores={SERVER_CORE}) as server:
            _measure(Crowd(server, own, few, many, others), clients=options.clients, asking=options.asking)


def _register(
    directory: Path, variables: Mapping[str, str], *, clients: int, asking: int
) -> tuple[Path, Path, Path]:
    """Returns the files of the few, of the many, and of the others."""
    manage(variables, "migrate", "--verbosity", "0")
    manage(variables, "apply", "-f", str(HERE / "bench.yaml"))
    everyone = directory / "everyone"
    command = [sys.executable, str(HERE / "register_clients.py"), str(clients), str(everyone)]
    subprocess.run(command, env=variables, check=True)
    lines = everyone.read_text().splitlines(keepends=True)
    parts = {"few": lines[:FEW], "many": lines[:asking], "others": lines[asking:]}
    files = [directory / name for name in parts]
    for file, some in zip(files, parts.values(), strict=True):
        file.write_text("".join(some))
    return files[0], files[1], files[2]


def _measure(crowd: Crowd, *, clients: int, asking: int) -> None:
    crowd.asked(crowd.few)
    memory = [crowd.memory]
    crowd.ask_each(crowd.many)
    memory.append(crowd.memory)
    rounds = [(crowd.asked(crowd.few), crowd.asked(crowd.many)) for _ in range(ROUNDS)]
    few, many = (Sum(costs) for costs in zip(*rounds, strict=True))
    others = Sum(_strangers(crowd))
    memory.append(crowd.memory)
    print(f"{'clients in turn':<34} {'tokens/s':>8} {'worker us':>9} {'db us':>6}")
    for name, costs in (
        (f"{FEW} that the worker knows", few),
        (f"{asking:,} that the worker knows", many),
        ("others, each for the first time", others),
    ):
        print(f"{name:<34} {costs.rate:>8.0f} {costs.server:>9.0f} {costs.database:>6.0f}")
    by_cpu = (many.server + many.database) / (few.server + few.database)
    print(
        f"{asking:,} to {FEW}: {many.rate / few.rate:.2f} of the tokens a second, {by_cpu:.2f} of the CPU time"
    )
    print(
        f"To read a client that the worker does not know: {others.server - many.server:.0f} us of the worker, "
        f"{others.database - many.database:.0f} us of PostgreSQL"
    )
    print(
        f"Memory of the worker: {memory[0]:.0f} MiB after {FEW} clients, {memory[1]:.0f} after {asking:,}, "
        f"{memory[2]:.0f} after {others.answers:,} others of {clients:,} (to stay below {MAX_MEBIBYTES})"
    )


def _strangers(crowd: Crowd) -> tuple[Cost, ...]:
    """Clients that the worker has not read, each once."""
    costs: list[Cost] = []
    for _ in range(ROUNDS):
        costs.append(crowd.asked(crowd.others, first=sum(each.tokens for each in costs)))
    return tuple(costs)


if __name__ == "__main__":
    main()
