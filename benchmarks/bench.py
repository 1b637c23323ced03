"""Tokens per second of one gunicorn worker on one core: RS256, every token with its row of the record.

The worker has a core to itself; wrk, the driver and PostgreSQL share another. The measure of a round is what
`openssl speed rsa2048` signs on the worker's core right before it. DATABASE_URL picks the database.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SERVER_CORE, LOAD_CORE = 0, 1
ROUNDS = 3
CONNECTIONS = 16
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
SECONDS_TO_START = 30
COUNT_ROWS = (
    "from audit.models import IssuanceEvent; print(IssuanceEvent.objects.filter(outcome='issued').count())"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What wrk counted in one round. Latencies are in milliseconds."""

    answers: int
    failed: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def main() -> None:
    _refuse_unsuitable_machine()
    # wrk, and a PostgreSQL that was started for this run, inherit it; the server has its own.
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="m2m-idp-bench-") as directory:
        environment = _environment(Path(directory))
        _manage(environment, "migrate", "--verbosity", "0")
        _manage(environment, "apply", "-f", str(HERE / "bench.yaml"))
        with _server(environment, log=Path(directory) / "server.log") as server:
            _report(environment, server)


def _refuse_unsuitable_machine() -> None:
    missing = [name for name in ("wrk", "taskset", "openssl") if not shutil.which(name)]
    if missing:
        sys.exit(
            f"The benchmark needs {', '.join(missing)}. On Debian: apt-get install wrk util-linux openssl"
        )
    if (os.cpu_count() or 1) <= max(SERVER_CORE, LOAD_CORE):
        sys.exit("The benchmark needs two cores: one for the worker, one for the load and the database.")


def _environment(directory: Path) -> dict[str, str]:
    secret = secrets.token_urlsafe(32)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return os.environ | {
        "VAR_DIR": str(directory),
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "IDP_SURFACE": "protocol",
        "BENCH_SECRET": secret,
        "BENCH_AUTHORIZATION": f"Basic {base64.b64encode(f'bench:{secret}'.encode()).decode()}",
    }


def _manage(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@contextmanager
def _server(environment: Mapping[str, str], *, log: Path) -> Iterator[int]:
    """Yields the process id of gunicorn's master."""
    command = [
        "taskset",
        "-c",
        str(SERVER_CORE),
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "m2m_idp/gunicorn.conf.py",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_it_listens(int(environment["PORT"]), process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_until_it_listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"The server did not start:\n{log.read_text()}")


def _report(environment: Mapping[str, str], server: int) -> None:
    kind = environment.get("DATABASE_URL", "sqlite").partition(":")[0]
    print(f"{kind}: 1 worker on core {SERVER_CORE}, {CONNECTIONS} connections, {SECONDS} s a round")
    print("round  tokens/s  p50 ms  p99 ms  cpu ms/token  openssl sign/s  share")
    _load(environment, seconds=2)
    for number in range(1, ROUNDS + 1):
        baseline = _signatures_per_second()
        before = _cpu_seconds(server)
        figures = _recorded_load(environment)
        cpu = (_cpu_seconds(server) - before) / figures.answers * 1000
        print(
            f"{number:>5} {figures.rate:>9.0f} {figures.p50:>7.1f} {figures.p99:>7.1f} {cpu:>13.2f} "
            f"{baseline:>15.0f} {figures.rate / baseline:>6.0%}",
            flush=True,
        )


def _cpu_seconds(server: int) -> float:
    """The CPU time that the server's workers have used."""
    workers = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    # Fields 14 and 15 of proc(5)'s stat; the second field may hold spaces, and ends with a bracket.
    fields = [Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split() for worker in workers]
    return sum(int(times[11]) + int(times[12]) for times in fields) / os.sysconf("SC_CLK_TCK")


def _signatures_per_second() -> float:
    """What OpenSSL signs on the server's core with RSA of 2048 bits."""
    command = ["taskset", "-c", str(SERVER_CORE), "openssl", "speed", "-mr", "-seconds", "3", "rsa2048"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # +F2:<index>:<bits>:<signatures per second>:<verifications per second>
    line = next(line for line in told.splitlines() if line.startswith("+F2:"))
    return float(line.split(":")[3])


def _recorded_load(environment: Mapping[str, str]) -> Figures:
    """One round. Leaves with an error if an answer was not 200, or a token has no row."""
    before = int(_manage(environment, "shell", "--verbosity", "0", "-c", COUNT_ROWS))
    figures = _load(environment, seconds=SECONDS)
    rows = int(_manage(environment, "shell", "--verbosity", "0", "-c", COUNT_ROWS)) - before
    if figures.failed:
        sys.exit(f"{figures.failed} of {figures.answers} requests were not answered with 200: no figures.")
    if rows < figures.answers:
        sys.exit(f"{figures.answers} tokens, but only {rows} rows of the record.")
    return figures


def _load(environment: Mapping[str, str], *, seconds: int) -> Figures:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "token.lua")]
    command.append(f"http://127.0.0.1:{environment['PORT']}/bench/token")
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    line = next(line for line in told.splitlines() if line.startswith("figures "))
    return Figures(**json.loads(line.removeprefix("figures ")))


if __name__ == "__main__":
    main()
