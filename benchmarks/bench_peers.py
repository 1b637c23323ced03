"""m2m-idp beside other servers that issue tokens: each has one core for itself and its database (docs/performance.md).

    BENCH_ROUNDS=3 BENCH_SECONDS=5 benchmarks/bench_peers.py

All of them stand from the beginning to the end, and are asked in turn by the same load, 16 connections of wrk on the
other core. DATABASE_URL is that of PostgreSQL; without one those that need a database have SQLite.
"""

import os
import secrets
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jwt
import urllib3
from cost import Cost, cost, settled
from load import Figures, basic, load
from measures import (
    LOAD_CORE,
    SERVER_CORE,
    mean,
    pin,
    refuse_unsuitable_machine,
    signing,
)
from peer import Peer, peers
from server import Server

CONNECTIONS = 16
WARM_UP = 1
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or "3")
SECONDS = int(os.environ.get("BENCH_SECONDS") or "5")
AUDIENCE = "https://api.example"
OK = 200
HEADINGS = (
    f"{'server':<29} {'clients in':<10} {'signs':<5} {'row':<6} {'secret':<12} "
    f"{'tokens/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'server us':>9} {'db us':>6}"
)


@dataclass(frozen=True, slots=True)
class Standing:
    peer: Peer
    server: Server
    authorization: str

    def verify(self) -> None:
        """Leaves with an error, or a traceback of PyJWT, unless it answers with a token that is what it says."""
        headers = {
            "Authorization": self.authorization,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = self.server.origin + self.peer.path
        answer = urllib3.request("POST", url, headers=headers, body="grant_type=client_credentials")
        if answer.status != OK:
            sys.exit(f"{self.peer.name} answered {answer.status}: {answer.data.decode()}")
        if self.peer.keys:
            token = answer.json()["access_token"]
            key = jwt.PyJWKClient(self.server.origin + self.peer.keys).get_signing_key_from_jwt(token)
            jwt.decode(
                token,
                key,
                algorithms=[self.peer.signs],
                audience=AUDIENCE,
                options={"require": ["iss", "sub", "exp", "iat", "jti"]},
            )

    def warm_up(self) -> None:
        settled(partial(self._ask, WARM_UP), server=self.server, database=self.peer.database)

    def cost(self) -> Cost:
        ask = partial(self._ask, SECONDS)
        return cost(ask, server=self.server, database=self.peer.database, rows=self.peer.rows)

    def _ask(self, seconds: int) -> Figures:
        url = self.server.origin + self.peer.path
        return load(url, seconds=seconds, connections=CONNECTIONS, authorization=self.authorization)


def main() -> None:
    refuse_unsuitable_machine()
    secret = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="m2m-idp-peers-") as directory, ExitStack() as stack:
        standing = [
            Standing(peer, stack.enter_context(peer.start(secret)), basic("bench", secret))
            for peer in peers(Path(directory), url=os.environ.get("DATABASE_URL", ""))
        ]
        _keep_to_their_cores(standing)
        for each in standing:
            each.verify()
            each.warm_up()
        _compare(standing)


def _keep_to_their_cores(standing: list[Standing]) -> None:
    """wrk inherits this program's."""
    pin([0], {LOAD_CORE})
    for each in standing:
        pin(each.peer.database.processes, {SERVER_CORE})


def _compare(standing: list[Standing]) -> None:
    before = signing()
    rounds = [[each.cost() for each in standing] for _ in range(ROUNDS)]
    signs = mean(before, signing())
    print(
        f"One core for each server with its database; {CONNECTIONS} connections; median of {ROUNDS} x {SECONDS} s."
    )
    print(
        f"On that core openssl signed {signs.alone:.0f} times a second (RSA of 2048 bits) before and after."
    )
    print(HEADINGS)
    for each, measured in zip(standing, zip(*rounds, strict=True), strict=True):
        _tell(each.peer, sorted(measured, key=lambda one: one.figures.rate)[ROUNDS // 2])


def _tell(peer: Peer, median: Cost) -> None:
    figures = median.figures
    print(
        f"{peer.name:<29} {peer.keeps:<10} {peer.signs:<5} {peer.writes:<6} {peer.compares:<12} "
        f"{figures.rate:>8.1f} {figures.p50:>7.1f} {figures.p99:>7.1f} {median.server:>9.0f} {median.database:>6.0f}"
    )


if __name__ == "__main__":
    main()
