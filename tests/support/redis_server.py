"""A real Redis on a free loopback port, in memory alone, which a test can kill and start again."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis, RedisError

from tests.support.server import free_port

SECONDS_TO_START = 10


@dataclass(slots=True)
class RedisServer:
    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
                 "--save", "", "--appendonly", "no"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._wait_until_it_answers()

    def kill(self) -> None:
        if self.process is not None:
            # A stopped one is ended too.
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self) -> None:
        """It takes connections and says nothing, as behind a network that drops."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    @contextmanager
    def client(self) -> Iterator[Redis]:
        with Redis.from_url(self.url, socket_timeout=5) as link:
            yield link

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            try:
                with self.client() as link:
                    link.ping()
            except RedisError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"redis-server did not answer:\n{(self.directory / 'redis.log').read_text()}")


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    server = RedisServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.kill()
