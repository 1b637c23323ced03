"""How long it takes to seal the rows of a large record and to verify them, and how much memory.

    benchmarks/sealing.py [--rows 1000000]

The rows are those of `volume.py`; verifying is a command of its own, as an auditor would run it.
"""

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from empty_database import ROOT, empty_database


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure sealing and verifying a large record.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with empty_database():
        _fill(rows)
        _seal()
        _verify(rows)


def _fill(rows: int) -> None:
    from django.utils import timezone  # noqa: PLC0415 - after the settings are made
    from volume_rows import fill, prepare  # noqa: PLC0415

    from keys.record_key import make_record_key  # noqa: PLC0415

    prepare()
    make_record_key(timezone.now())
    for done in fill(rows, until=timezone.now()):
        print(f"{done:,} rows", file=sys.stderr, flush=True)


def _seal() -> None:
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from upkeep.sealing import seal  # noqa: PLC0415

    started, sealed = time.monotonic(), 0
    while some := seal(timezone.now()):
        sealed += some
    taken = time.monotonic() - started
    connection.close()
    print(f"{connection.vendor}: {sealed:,} rows sealed in {taken:.0f} s, {sealed / taken:.0f} rows a second")


def _verify(rows: int) -> None:
    started = time.monotonic()
    command = [sys.executable, "manage.py", "audit", "verify"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _peak(process.pid))
        time.sleep(0.1)
    taken, megabytes = time.monotonic() - started, peak / 1024
    if process.returncode:
        sys.exit("It did not verify: no figures.")
    print(f"verified in {taken:.0f} s, {rows / taken:.0f} rows a second, at most {megabytes:.0f} MB")


def _peak(pid: int) -> int:
    """KiB of memory that the process had at most; what the kernel tells at its end would hold its parent's as well."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
