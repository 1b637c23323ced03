"""A newcomer's first quarter of an hour: a fresh copy, a new virtual environment, the README's own commands."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import settings

SECONDS_TO_START = 400
SECONDS_TO_STOP = 30
START = "make serve"
OWN_SETTINGS = (
    "DJANGO_SETTINGS_MODULE",
    "VAR_DIR",
    "DATABASE_URL",
    "SECRET_KEY",
    "KEY_ENCRYPTION_KEYS",
    "SECRET_PEPPERS",
)
"""What the tests put into their environment, and a newcomer does not have there."""


def snippets() -> list[str]:
    """The shell blocks of the README, as they stand."""
    text = (settings.BASE_DIR / "README.md").read_text()
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_a_newcomer_gets_tokens_verifies_them_and_finds_everything_again(tmp_path: Path) -> None:
    first, seed, billing, verify = snippets()
    copy = fresh_copy(tmp_path / "m2m-idp")
    port = free_port()
    assert first.strip() == START

    with serving(copy, port) as told:
        answer = json.loads(run(seed, copy, port))
        assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 300, "YourScope")
        assert json.loads(run(billing, copy, port))["expires_in"] == 3600
        claims = json.loads(run(verify, copy, port))
        assert (claims["aud"], claims["client_id"]) == ("your_application", "app")
        generated = (copy / "var/demo.env").read_text()
        for line in generated.splitlines():
            assert line.partition("=")[2].strip("'") in told.read_text()

    with serving(copy, port) as told:
        assert json.loads(run(billing, copy, port))["expires_in"] == 3600
        assert (copy / "var/demo.env").read_text() == generated
        assert "changepassword admin" in told.read_text()
        assert "Installing" not in told.read_text()


def fresh_copy(target: Path) -> Path:
    """The repository's files as they stand, without anything that git ignores."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings.BASE_DIR / name, target / name)
    return target


def run(snippet: str, copy: Path, port: int) -> str:
    """What a snippet prints; nothing but the port is another one."""
    command = ["bash", "-euo", "pipefail", "-c", snippet.replace("127.0.0.1:8000", f"127.0.0.1:{port}")]
    return subprocess.run(
        command, cwd=copy, env=environment(port), check=True, stdout=subprocess.PIPE, text=True, timeout=60
    ).stdout


@contextmanager
def serving(copy: Path, port: int) -> Iterator[Path]:
    """`make serve` for the length of the block, ended as Ctrl-C ends it. Yields the file of what it prints."""
    told = copy.parent / "told.txt"
    with told.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", START],
            cwd=copy,
            env=environment(port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_ready(process, port, told)
        yield told
        os.killpg(process.pid, signal.SIGINT)
        process.wait(SECONDS_TO_STOP)
        assert "Traceback" not in told.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, told: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
        except URLError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"make serve did not serve:\n{told.read_text()}")


def environment(port: int) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
    # A make that runs these tests hands its own flags on.
    return {name: value for name, value in outside.items() if not name.startswith("MAKE")} | {
        "PORT": str(port)
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
