"""Tokens per second of m2m-idp, every token with its row of the record (docs/performance.md says how to read it).

    CASE=RS256/16/1 BENCH_ROUNDS=3 BENCH_SECONDS=10 benchmarks/bench.py

One worker has a core to itself; wrk, this program and PostgreSQL share another. Two workers share both cores with them.
DATABASE_URL picks the database.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from cases import WORKERS, Case, Plan, plan
from cost import cost, settled
from database import Database, database
from load import Figures, basic, load
from measures import (
    BOTH_CORES,
    LOAD_CORE,
    SERVER_CORE,
    cpu_seconds,
    mean,
    pin,
    refuse_unsuitable_machine,
    signing,
    wait_until_still,
)
from report import HEADINGS, Round, tell_scaling, told
from server import HERE, Server, bare, environment, idp, manage

WARM_UP = 1
BARE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Bench:
    plan: Plan
    variables: Mapping[str, str]
    database: Database
    authorization: str

    def rounds(self, workers: int) -> Iterator[Round]:
        cases = self.plan.of(workers)
        if not cases:
            return
        cores = {SERVER_CORE} if workers == 1 else BOTH_CORES
        beside = {LOAD_CORE} if workers == 1 else BOTH_CORES
        # wrk inherits it; the servers have their own.
        pin([0, *self.database.processes], beside)
        with ExitStack() as stack:
            server = stack.enter_context(idp(self.variables, cores=cores, workers=workers))
            least = stack.enter_context(bare(self.variables, cores=cores, workers=workers))
            for alg in dict.fromkeys(case.alg for case in cases):
                case = Case(alg=alg, connections=16, workers=workers)
                settled(
                    partial(self._ask, server, case, seconds=WARM_UP), server=server, database=self.database
                )
            yield from self._against_openssl(server, [case for case in cases if case.alg == "RS256"])
            yield from self._against_bare(server, least, [case for case in cases if case.alg != "RS256"])

    def _against_openssl(self, server: Server, cases: list[Case]) -> Iterator[Round]:
        before = signing() if cases else None
        for case in cases * self.plan.rounds:
            measured = self._round(server, case)
            after = signing()
            yield replace(measured, signing=mean(before or after, after))
            before = after

    def _against_bare(self, server: Server, least: Server, cases: list[Case]) -> Iterator[Round]:
        for case in cases * self.plan.rounds:
            before = _bare_rate(least, case)
            measured = self._round(server, case)
            yield replace(measured, bare=fmean([before, _bare_rate(least, case)]))

    def _round(self, server: Server, case: Case) -> Round:
        ask = partial(self._ask, server, case, seconds=self.plan.seconds)
        return Round(case, cost(ask, server=server, database=self.database))

    def _ask(self, server: Server, case: Case, *, seconds: int) -> Figures:
        return load(
            f"{server.origin}/{case.alg.lower()}/token",
            seconds=seconds,
            connections=case.connections,
            authorization=self.authorization,
        )


def _bare_rate(least: Server, case: Case) -> float:
    answers = load(f"{least.origin}/", seconds=BARE_SECONDS, connections=case.connections)
    wait_until_still(lambda: cpu_seconds(least.pid))
    return answers.rate


def main() -> None:
    refuse_unsuitable_machine()
    chosen = plan()
    secret = secrets.token_urlsafe(32)
    url = os.environ.get("DATABASE_URL", "")
    with tempfile.TemporaryDirectory(prefix="m2m-idp-bench-") as directory:
        variables = environment(Path(directory), url=url) | {"BENCH_SECRET": secret}
        manage(variables, "migrate", "--verbosity", "0")
        manage(variables, "apply", "-f", str(HERE / "bench.yaml"))
        bench = Bench(chosen, variables, database(Path(directory), url=url), basic("bench", secret))
        print(f"{bench.database.name}: each token with its row; {chosen.seconds} s a round")
        print("A case is algorithm/connections/workers. CPU in microseconds a token.")
        print(HEADINGS)
        tell_scaling([told(measured) for workers in WORKERS for measured in bench.rounds(workers)])


if __name__ == "__main__":
    main()
