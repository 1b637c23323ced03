"""deploy/healthcheck.py asks the server as it serves: in plain HTTP, or in TLS where gunicorn ends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.authority import Authority
from tests.support.server import Server, free_port, serve

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def healthcheck(port: int, arguments: str = "", bind: str = "0.0.0.0") -> int:  # noqa: S104 - the image's
    # A proxy of the environment is not asked.
    environment = {
        "PORT": str(port),
        "GUNICORN_CMD_ARGS": arguments,
        "BIND": bind,
        "http_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "deploy/healthcheck.py"]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=os.environ | environment, capture_output=True, check=False
    ).returncode


def test_it_asks_in_plain_http(server: Server) -> None:
    assert healthcheck(server.port) == 0
    assert healthcheck(server.port, bind="127.0.0.1") == 0
    assert healthcheck(free_port()) != 0


def test_it_asks_in_tls_where_gunicorn_ends_it(authority: Authority, tmp_path: Path) -> None:
    tls = authority.tls()
    with serve(tmp_path, 1, tls=tls) as server:
        assert healthcheck(server.port, tls.arguments) == 0
        assert healthcheck(server.port, f"--certfile={tls.certificate} --keyfile={tls.key} --threads 3") == 0
        assert healthcheck(server.port) != 0
