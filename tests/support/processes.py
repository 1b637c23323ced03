"""Programs that listen on loopback, such as a proxy."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS_TO_START = 30
SECONDS_TO_STOP = 15


@contextmanager
def running(
    command: list[str],
    port: int,
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    within: int = SECONDS_TO_START,
) -> Iterator[None]:
    """The program, for the length of the block; it begins when the program listens. The log gets all it prints."""
    with Path(log or os.devnull).open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output if log else None,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, log, within)
        yield
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """And what it started and left behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_STOP)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_it_listens(
    process: "subprocess.Popen[bytes]", port: int, log: Path | None, within: int
) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}{_printed(log)}")
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not listen within {within} s{_printed(log)}")


def _printed(log: Path | None) -> str:
    return f":\n{log.read_text(errors='replace')}" if log else ""
