"""Real servers: gunicorn on a free loopback port, over the test database, its output in a file."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from django.conf import settings
from django.db import connection

SECONDS_TO_START = 30
SECONDS_TO_STOP = 40
SETTLED = 0.3
"""Seconds without another line."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What gunicorn ends TLS with, and what trusts it. With `client_ca` clients may bring certificates of that one."""

    certificate: Path
    key: Path
    ca: Path
    client_ca: Path | None = None

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def arguments(self) -> str:
        clients = f" --ca-certs {self.client_ca} --cert-reqs 1" if self.client_ca else ""
        return f"--certfile {self.certificate} --keyfile {self.key}{clients}"


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    log: Path
    pid: int
    tls: Tls | None = None

    @property
    def url(self) -> str:
        return _url(self.port, self.tls)

    def post(self, path: str, **options: object) -> requests.Response:
        return requests.post(self.url + path, timeout=10, verify=self._trust, **options)  # type: ignore[arg-type]

    def get(self, path: str, **options: object) -> requests.Response:
        return requests.get(self.url + path, timeout=10, verify=self._trust, **options)  # type: ignore[arg-type]

    @property
    def _trust(self) -> str | bool:
        return str(self.tls.ca) if self.tls else True

    def token(self, auth: tuple[str, str]) -> requests.Response:
        return self.post("/oidc_m2m/token", data={"grant_type": "client_credentials"}, auth=auth)

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """In the block this worker answers alone: the others are stopped."""
        with stopped([pid for pid in self.workers() if pid != worker]):
            yield

    def settled_log(self) -> str:
        """The log, once nothing has been added to it for a moment: a thread writes it after the answer."""
        text, since = self.log.read_text(), time.monotonic()
        while time.monotonic() - since < SETTLED:
            time.sleep(SETTLED / 10)
            if (now := self.log.read_text()) != text:
                text, since = now, time.monotonic()
        return text

    def workers(self) -> list[int]:
        return children_of(self.pid)


@contextmanager
def stopped(processes: list[int]) -> Iterator[None]:
    """They stand still for the length of the block. One that had just ended when it was listed is passed over."""
    _signal(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serve(
    directory: Path,
    workers: int,
    environment: dict[str, str] | None = None,
    *,
    tls: Tls | None = None,
    application: str = "m2m_idp.wsgi:application",
    stdout: int | None = None,
    port: int | None = None,
) -> Iterator[Server]:
    """A server for the length of the block; it is stopped whatever happens in there.

    Its log is empty when it writes to a `stdout` of the test's own. One that takes another's `port`
    goes on with its log.
    """
    port = port or free_port()
    log = directory / f"server-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "m2m_idp/gunicorn.conf.py", application],
            cwd=settings.BASE_DIR,
            env=os.environ
            | server_environment(port, workers)
            | _tls_environment(port, tls)
            | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output if stdout is None else stdout,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_it_serves(process, port, log, workers, tls)
        yield Server(port=port, log=log, pid=process.pid, tls=tls)
    finally:
        _stop(process)


def database_url() -> str:
    """The test database, as DATABASE_URL names it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"], safe=""), quote(database["PASSWORD"], safe="")
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


def server_environment(port: int, workers: int) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
        "PORT": str(port),
        "DATABASE_URL": database_url(),
        "WEB_CONCURRENCY": str(workers),
        # A server that changes something by itself is a test of its own (tests/upkeep/test_worker_thread.py).
        "MAINTAIN_EVERY": "0",
    }


def with_static_files(directory: Path) -> dict[str, str]:
    """The environment of a server whose console finds its style sheets and scripts, collected in the directory."""
    own = {"VAR_DIR": str(directory)}
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
        check=True,
        cwd=settings.BASE_DIR,
        env=os.environ | own | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"},
    )
    return own


def _tls_environment(port: int, tls: Tls | None) -> dict[str, str]:
    return {"PUBLIC_URL": _url(port, tls), "GUNICORN_CMD_ARGS": tls.arguments} if tls else {}


def _url(port: int, tls: Tls | None) -> str:
    return f"{'https' if tls else 'http'}://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_it_serves(
    process: subprocess.Popen[bytes], port: int, log: Path, workers: int, tls: Tls | None
) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"gunicorn ended with {process.returncode}:\n{log.read_text()}")
        if _is_live(port, tls) and len(children_of(process.pid)) == workers:
            return
        time.sleep(0.05)
    raise RuntimeError(f"gunicorn did not serve within {SECONDS_TO_START} s:\n{log.read_text()}")


def connected(port: int, tls: Tls | None, *, timeout: float) -> http.client.HTTPConnection:
    if tls is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=tls.trust)


def _is_live(port: int, tls: Tls | None) -> bool:
    link = connected(port, tls, timeout=5)
    try:
        link.request("GET", "/livez")
        return link.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        link.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
