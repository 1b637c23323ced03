"""The ten commands of docs/operations.md that lead from an empty host to a token, word for word."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from tests.faults.own_database import own_cluster
from tests.setup import restoring
from tests.setup.restoring import blocks
from tests.setup.systemctl import rooted
from tests.setup.test_readme import OWN_SETTINGS, fresh_copy
from tests.support.cast import Cast
from tests.support.server import free_port

pytestmark = pytest.mark.slow

SYSTEMCTL = settings.BASE_DIR / "tests/setup/systemctl.py"
PAGE = "From an empty host to a token"
SECRET = re.compile(r"^secret first of first, shown only now: (\S+)$", re.MULTILINE)
SUPERUSER = "createsuperuser --no-input --username root --email root@example.com"
"""The command asks; here nobody answers."""
SHIMS = {
    # What Debian has, and the host of this test must not be given: packages, a user.
    "apt-get": '#!/bin/sh\n[ "$1 $2" = "install --yes" ]\n',
    "useradd": '#!/bin/sh\nfor name; do :; done\n[ "$name" = m2m-idp ]\n',
    "su": restoring.SHIMS["su"],
    "runuser": '#!/bin/sh\nexport PGUSER="$2"\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n',
    "systemctl": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {SYSTEMCTL} "$@"\n',
}


@dataclass(frozen=True, slots=True)
class EmptyHost:
    root: Path
    postgresql_port: int
    port: int

    def run(self, commands: str) -> str:
        """What the page's commands print. Each has to succeed."""
        script = rooted(commands, self.root).replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        outside = {name: value for name, value in outside.items() if not name.startswith("MAKE")}
        return outside | {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "ROOT": str(self.root),
            "M2M_IDP_ENVIRONMENT": f"{self.root}/etc/m2m-idp.env",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.postgresql_port),
            "PORT": str(self.port),
            "DJANGO_SUPERUSER_PASSWORD": "a-long-password-of-mine",
        }


@contextmanager
def empty_host(root: Path) -> Iterator[EmptyHost]:
    for directory in ("bin", "srv", "etc", "var/lib"):
        (root / directory).mkdir(parents=True)
    for name, text in SHIMS.items():
        (root / "bin" / name).write_text(text)
        (root / "bin" / name).chmod(0o755)
    with own_cluster() as cluster:
        try:
            yield EmptyHost(root, postgresql_port=cluster.port, port=free_port())
        finally:
            if (root / "pid").exists():
                os.kill(int((root / "pid").read_text()), signal.SIGTERM)


def repository(directory: Path) -> Path:
    """This one's files as they stand, committed."""
    fresh_copy(directory)
    for command in (
        "init --quiet",
        "add --all",
        "-c user.name=T -c user.email=t@localhost commit --quiet -m All",
    ):
        subprocess.run(["git", *command.split()], cwd=directory, check=True)
    return directory


def test_ten_commands_lead_from_an_empty_host_to_a_token_and_to_the_console(
    cast: Cast, tmp_path: Path
) -> None:
    ten, console = (blocks(PAGE, mark) for mark in ("git clone", "collectstatic"))
    installing, asking = re.split(r"^(?=curl )", ten, flags=re.MULTILINE)
    with empty_host(tmp_path / "host") as host:
        origin = repository(tmp_path / "origin")
        said = host.run(installing.replace("REPOSITORY", str(origin)))
        (secret,) = SECRET.findall(said)
        answer = json.loads(host.run(asking.replace("THE_PRINTED_SECRET", secret)))
        assert (answer["token_type"], answer["scope"]) == ("Bearer", "read")
        host.run(f"cd /srv/m2m-idp\n{console.replace('createsuperuser', SUPERUSER)}")
        page = host.run("curl --silent --fail http://127.0.0.1:8000/admin/login/")
        assert "<title>" in page
        assert "Traceback" not in (host.root / "log").read_text()
