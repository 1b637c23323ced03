"""Services that ask for tokens and resource servers that verify them, in a process with a clock of its own.

`python -m tests.faults.resource_servers` starts the server under test, whose settings are in the environment, and
prints what was seen as one JSON object. Instants are seconds of the wall clock, which libfaketime may speed up.
"""

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import jwt

SERVICES = 4
SECONDS_BETWEEN_TOKENS = 0.05
LAST_LOOK = 10
"""Seconds before a token expires, when it is verified for the second time."""
TOO_LATE = 2
"""Seconds before a token expires, when this process, which does much at once, may no longer be in time to verify it."""
MINUTE, SECONDS_UP = 60, 20
"""Of each minute, one resource server can fetch in the first seconds only."""
SECONDS_AT_MOST = 1200
DOCUMENT = "/oidc_m2m/jwks"


@dataclass(slots=True)
class Seen:
    tokens: int = 0
    refused: list[str] = field(default_factory=list)
    verified: dict[str, int] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    looked_at_too_late: int = 0
    fetches: dict[str, int] = field(default_factory=dict)
    failed_fetches: int = 0
    fewest_keys: int = 99
    first_published: dict[str, float] = field(default_factory=dict)
    first_signed: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class ResourceServer:
    """Verifies each token when it comes and once more shortly before it expires."""

    name: str
    must_fetch: Callable[["ResourceServer", str], bool]
    """Whether a token of this kid makes it fetch the JWKS."""
    port: int
    seen: Seen
    can_fetch: Callable[[], bool] = lambda: True
    keys: dict[str, Any] = field(default_factory=dict)
    fetched_at: float = 0.0
    max_age: int = 0
    inbox: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    later: list[tuple[float, str]] = field(default_factory=list)

    @property
    def is_stale(self) -> bool:
        return time.time() - self.fetched_at >= self.max_age

    def work(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                token = self.inbox.get(timeout=0.05)
            except queue.Empty:
                token = ""
            if token:
                self.verify(token)
                self.later.append((time.time() + remaining(token) - LAST_LOOK, token))
            while self.later and self.later[0][0] <= time.time():
                self.verify(self.later.pop(0)[1])

    def verify(self, token: str) -> None:
        if remaining(token) < TOO_LATE:
            self.seen.looked_at_too_late += 1
            return
        kid = jwt.get_unverified_header(token)["kid"]
        if self.must_fetch(self, kid):
            self.fetch()
        try:
            jwt.decode(token, self.keys[kid], algorithms=["RS256"], options={"verify_aud": False})
        except (KeyError, jwt.InvalidTokenError) as error:
            self.seen.rejected.append(f"{self.name} at {time.time()}: {error!r}")
        else:
            self.seen.verified[self.name] = self.seen.verified.get(self.name, 0) + 1

    def fetch(self) -> None:
        if not self.can_fetch():
            self.seen.failed_fetches += 1
            return
        keys, self.max_age = fetched(self.port)
        self.keys = {key["kid"]: jwt.PyJWK(key) for key in keys}
        self.fetched_at = time.time()
        self.seen.fetches[self.name] = self.seen.fetches.get(self.name, 0) + 1


def remaining(token: str) -> float:
    claims = jwt.decode(token, options={"verify_signature": False})
    return float(claims["exp"] - time.time())


def fetched(port: int) -> tuple[list[dict[str, Any]], int]:
    """The keys of the JWKS, and its max-age."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.request("GET", DOCUMENT)
    answer = link.getresponse()
    keys = json.loads(answer.read())["keys"]
    link.close()
    return keys, int(answer.headers["Cache-Control"].partition("max-age=")[2])


def resource_servers(port: int, seen: Seen) -> list[ResourceServer]:
    start = time.time()
    return [
        ResourceServer("unknown-kid", lambda server, kid: kid not in server.keys, port, seen),
        ResourceServer("strict", lambda server, _: server.is_stale, port, seen),
        ResourceServer(
            "stale-if-error", lambda server, _: server.is_stale, port, seen,
            can_fetch=lambda: (time.time() - start) % MINUTE < SECONDS_UP,
        ),
    ]  # fmt: skip


def ask(
    port: int, authorization: str, servers: list[ResourceServer], seen: Seen, over: threading.Event
) -> None:
    headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while not over.is_set():
        link.request("POST", "/oidc_m2m/token", b"grant_type=client_credentials", headers)
        answer = link.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            seen.refused.append(f"{answer.status} at {time.time()}: {body.decode()}")
            continue
        token = json.loads(body)["access_token"]
        seen.tokens += 1
        seen.first_signed.setdefault(jwt.get_unverified_header(token)["kid"], time.time())
        for server in servers:
            server.inbox.put(token)
        time.sleep(SECONDS_BETWEEN_TOKENS)
    link.close()


def watch(port: int, seen: Seen, over: threading.Event) -> None:
    """When each key was first published, and how many there were at the least."""
    while not over.is_set():
        keys, _ = fetched(port)
        seen.fewest_keys = min(seen.fewest_keys, len(keys))
        for key in keys:
            seen.first_published.setdefault(key["kid"], time.time())
        time.sleep(SECONDS_BETWEEN_TOKENS)


def wait_until_live(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            fetched(port)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("The server did not start.")


def look_on(port: int, authorization: str, rotations: int) -> Seen:
    """Until the key has changed so often, and a little longer than the last token lives."""
    seen, over = Seen(), threading.Event()
    servers = resource_servers(port, seen)
    threads = [threading.Thread(target=server.work, args=[over]) for server in servers]
    threads += [
        threading.Thread(target=ask, args=[port, authorization, servers, seen, over]) for _ in range(SERVICES)
    ]
    threads.append(threading.Thread(target=watch, args=[port, seen, over]))
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS_AT_MOST
    while len(seen.first_signed) <= rotations and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(6)
    over.set()
    for thread in threads:
        thread.join()
    return seen


def main() -> None:
    port = int(os.environ["PORT"])
    command = [sys.executable, "-m", "gunicorn", "-c", "m2m_idp/gunicorn.conf.py", "m2m_idp.wsgi:application"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        wait_until_live(port)
        seen = look_on(port, os.environ["AUTHORIZATION"], int(os.environ["ROTATIONS"]))
    finally:
        server.terminate()
        server.wait()
    sys.stdout.write(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
