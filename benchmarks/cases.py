"""What `make bench` measures: each case is an algorithm, a number of connections and a number of workers."""

import os
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase

ALGORITHMS = ("RS256", "ES256", "EdDSA")
CONNECTIONS = (1, 16, 256)
WORKERS = (1, 2)
PARTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    alg: str
    connections: int
    workers: int

    def __str__(self) -> str:
        return f"{self.alg}/{self.connections}/{self.workers}"


@dataclass(frozen=True, slots=True)
class Plan:
    cases: tuple[Case, ...]
    rounds: int
    seconds: int
    """Of each round."""

    def of(self, workers: int) -> list[Case]:
        return [case for case in self.cases if case.workers == workers]


def plan() -> Plan:
    """Of CASE, such as `RS256/16/1`, `ES256` or `*/256`; it gets three long rounds, and all cases a short one each."""
    wanted = os.environ.get("CASE", "")
    cases = [
        Case(alg=alg, connections=connections, workers=workers)
        for workers in WORKERS
        for alg in ALGORITHMS
        for connections in CONNECTIONS
    ]
    chosen = tuple(case for case in cases if fnmatchcase(str(case), _pattern(wanted)))
    if not chosen:
        sys.exit(f"No case is called {wanted!r}. There are: {' '.join(map(str, cases))}")
    rounds, seconds = (3, 10) if wanted else (1, 3)
    return Plan(
        cases=chosen,
        rounds=int(os.environ.get("BENCH_ROUNDS") or rounds),
        seconds=int(os.environ.get("BENCH_SECONDS") or seconds),
    )


def _pattern(wanted: str) -> str:
    """The parts that are not named are any."""
    named = [part for part in wanted.split("/") if part]
    return "/".join([*named, *["*"] * (PARTS - len(named))])
