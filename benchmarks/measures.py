"""What the machine tells: CPU time and memory of processes, and how fast it signs right now."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
BOTH_CORES = {SERVER_CORE, LOAD_CORE}
STILL = 0.02
"""Seconds of CPU in a tenth of a second; a server that takes less has nothing to do."""
SECONDS_TO_SETTLE = 20


def refuse_unsuitable_machine() -> None:
    missing = [name for name in ("wrk", "taskset", "openssl") if not shutil.which(name)]
    if missing:
        sys.exit(
            f"The benchmark needs {', '.join(missing)}. On Debian: apt-get install wrk util-linux openssl"
        )
    if (os.cpu_count() or 1) <= max(BOTH_CORES):
        sys.exit("The benchmark needs two cores: one for the worker, one for the load and the database.")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and its children, those that have ended included."""
    ticks = 0
    for process in (pid, *children(pid)):
        with suppress(FileNotFoundError, ProcessLookupError):
            # Fields 14 to 17 of proc(5)'s stat; the second field may hold spaces, and ends with a bracket.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until_still(cpu: Callable[[], float]) -> None:
    """Wait for the answers that were under way when the load ended."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    before = cpu()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now = cpu()
        if now - before < STILL:
            return
        before = now


def resident_mebibytes(pid: int) -> float:
    """What of the process is in memory, pages that it shares with others included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def pin(pids: Iterable[int], cores: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cores)


@dataclass(frozen=True, slots=True)
class Signing:
    """Signatures a second of `openssl speed rsa2048`."""

    alone: float
    """On the server's core, the other one left alone."""
    beside: float
    """On the server's core, while the other one signs as well."""
    both: float
    """On both cores at once, together."""


def signing() -> Signing:
    (alone,) = _signatures_per_second(SERVER_CORE)
    pair = _signatures_per_second(SERVER_CORE, LOAD_CORE)
    return Signing(alone=alone, beside=pair[0], both=sum(pair))


def mean(one: Signing, other: Signing) -> Signing:
    return Signing(
        alone=(one.alone + other.alone) / 2,
        beside=(one.beside + other.beside) / 2,
        both=(one.both + other.both) / 2,
    )


def _signatures_per_second(*cores: int) -> list[float]:
    """Of each core, all at the same time."""
    processes = [
        subprocess.Popen(
            ["taskset", "-c", str(core), "openssl", "speed", "-mr", "-seconds", "1", "rsa2048"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for core in cores
    ]
    return [_signatures(process.communicate()[0]) for process in processes]


def _signatures(output: str) -> float:
    # +F2:<index>:<bits>:<signatures per second>:<verifications per second>
    line = next(line for line in output.splitlines() if line.startswith("+F2:"))
    return float(line.split(":")[3])
