"""Runs of the maintenance in processes of their own, which have loaded Django: a run starts within a moment.

`python -m tests.faults.maintainer` reads orders, a JSON object a line, and answers each with what its run did: a JSON
object, null if it was killed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import django
from django.conf import settings
from django.db import connection

from tests.support.server import database_url


@dataclass(frozen=True, slots=True)
class Maintainer:
    """The end of the wire that a test holds."""

    process: "subprocess.Popen[str]"

    def order(self, *, at: float = 0, killed_before: int = 0, killed_after: int = 0) -> None:
        """A run at this instant of the monotonic clock, killed before or after so many statements."""
        wanted = {"at": at, "killed_before": killed_before, "killed_after": killed_after}
        assert self.process.stdin
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any] | None:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the maintainer ended"
        done: dict[str, Any] | None = json.loads(line)
        return done


@contextmanager
def maintainers(number: int) -> Iterator[list[Maintainer]]:
    """So many, over the test database, ready for orders."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.maintainer"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings", "DATABASE_URL": database_url()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    try:
        yield [Maintainer(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def obey(order: dict[str, Any], run: Callable[[], Any]) -> None:
    """A run that is to be killed has a process of its own."""
    if not (order["killed_before"] or order["killed_after"]):
        time.sleep(max(0, order["at"] - time.monotonic()))
        tell(run())
        return
    child = os.fork()
    if child == 0:
        with connection.execute_wrapper(_Killer(order["killed_before"], order["killed_after"])):
            tell(run())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.write(sys.stdout.fileno(), b"null\n")


def tell(done: Any) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(asdict(done)) + "\n").encode())


class _Killer:
    """Ends this process, as a power cut would, before or after its n-th statement."""

    def __init__(self, before: int, after: int) -> None:
        self._before, self._after, self._count = before, after, 0

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        self._count += 1
        if self._count == self._before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(*statement)
        if self._count == self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def main() -> None:
    django.setup()
    from upkeep.maintenance import run  # noqa: PLC0415 - models can be imported only now

    for line in sys.stdin:
        obey(json.loads(line), run)


if __name__ == "__main__":
    main()
