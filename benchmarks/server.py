"""The servers that are measured: each a process with children, on the cores that it was given."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measures import children

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SECONDS_TO_START = 30
GUNICORN = (sys.executable, "-m", "gunicorn")
IDP = (*GUNICORN, "-c", "m2m_idp/gunicorn.conf.py")


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    """gunicorn's master, or the only process."""
    origin: str

    @property
    def worker(self) -> int:
        """The first, which a server of one worker has."""
        return children(self.pid)[0]


def environment(directory: Path, *, url: str) -> dict[str, str]:
    """Of an m2m-idp on the database at the URL; empty: on an SQLite file in the directory.

    Its maintenance runs once a minute, so in one round of many: it is left out unless MAINTAIN_EVERY is set.
    """
    chosen = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    own = {"VAR_DIR": str(directory), "IDP_SURFACE": "protocol"} | ({"DATABASE_URL": url} if url else {})
    return {"MAINTAIN_EVERY": "0"} | chosen | own


def manage(variables: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=variables, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def idp(variables: Mapping[str, str], *, cores: set[int], workers: int = 1) -> Iterator[Server]:
    log = Path(variables["VAR_DIR"]) / "server.log"
    with serving(IDP, {**variables, "WEB_CONCURRENCY": str(workers)}, cores=cores, log=log) as server:
        yield server


@contextmanager
def bare(variables: Mapping[str, str], *, cores: set[int], workers: int) -> Iterator[Server]:
    """The least that Django can answer, by the worker that answers for m2m-idp."""
    log = Path(variables["VAR_DIR"]) / "bare.log"
    own = {"PYTHONPATH": f"{HERE}:{ROOT}", "WEB_CONCURRENCY": str(workers)}
    command = [*GUNICORN, "--config", "python:bare", "--bind", "127.0.0.1:{port}"]
    with serving(command, {**variables, **own}, cores=cores, log=log) as server:
        yield server


@contextmanager
def serving(
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    cores: set[int],
    log: Path,
    directory: Path = ROOT,
) -> Iterator[Server]:
    """Start it on a free port, which it finds in PORT or where `{port}` stands, and end it after the block."""
    port = _free_port()
    words = [word.replace("{port}", str(port)) for word in command]
    pinned = ["taskset", "-c", ",".join(map(str, sorted(cores))), *words]
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned,
            cwd=directory,
            env={**variables, "PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_listens(port, process, log)
        yield Server(pid=process.pid, origin=f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


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
