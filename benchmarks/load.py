"""The load: wrk, which sends one token request after the other on each of its connections."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "token.lua"
PATIENCE = "20s"
"""After which wrk calls an answer missing; by default it does after two seconds."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What wrk counted. Latencies are in milliseconds."""

    answers: int
    failed: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True)
class Walk:
    """The clients that ask in turn: a file of their Authorization headers, and the place of the first in it."""

    file: Path
    first: int = 0


def basic(client_id: str, secret: str) -> str:
    """The Authorization header of RFC 7617, for texts that need no form encoding."""
    return f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def load(
    url: str, *, seconds: int, connections: int, authorization: str = "", walk: Walk | None = None
) -> Figures:
    """Leaves with an error if an answer was not 200."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", PATIENCE]
    command += ["-s", str(SCRIPT), url]
    environment = os.environ | {"BENCH_AUTHORIZATION": authorization}
    if walk:
        environment |= {"BENCH_CLIENTS": str(walk.file), "BENCH_FIRST": str(walk.first)}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("figures "))
    figures = Figures(**json.loads(line.removeprefix("figures ")))
    if figures.failed:
        sys.exit(f"{url}: {figures.failed} of {figures.answers} answers were not 200: no figures.")
    return figures
