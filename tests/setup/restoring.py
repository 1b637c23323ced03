"""A host for the backup and the restore of docs/operations.md, word for word."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.support.server import Server, serve

STATE = "/var/lib/m2m-idp"
SHIMS = {
    # Debian's commands for another user: there is one user here.
    "su": '#!/bin/sh\n[ "$2" = -c ] || exit 2\nPGUSER="$1" exec sh -c "$3"\n',
    "runuser": '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n',
    "systemctl": "#!/bin/sh\n",
    "install": '#!/bin/bash\nfor a; do case $a in --owner=*|--group=*) ;; *) b+=("$a");; esac; done\n'
    'exec /usr/bin/install "${b[@]}"\n',
}


@dataclass(frozen=True, slots=True)
class Host:
    """One that has the repository, the environment of the service, and nothing else."""

    directory: Path
    database_url: str
    port: int = 0
    """Of its PostgreSQL."""

    @property
    def state(self) -> Path:
        return self.directory / "state"

    def run(self, block: str) -> str:
        """What the page's commands print. Each has to succeed."""
        command = ["bash", "-euo", "pipefail", "-c", block.replace(STATE, str(self.state))]
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Server]:
        with serve(
            self.directory, 1, {"DATABASE_URL": self.database_url, "VAR_DIR": str(self.state)}
        ) as server:
            yield server

    def _environment(self) -> dict[str, str]:
        bin_directory = self.directory / "bin"
        bin_directory.mkdir(exist_ok=True)
        for name, text in SHIMS.items():
            (bin_directory / name).write_text(text)
            (bin_directory / name).chmod(0o755)
        (self.directory / "env").write_text(f"DATABASE_URL={self.database_url}\nVAR_DIR={self.state}\n")
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
            "PATH": f"{bin_directory}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "M2M_IDP_ENVIRONMENT": str(self.directory / "env"),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
        }


def blocks(heading: str, mark: str) -> str:
    """The commands under the heading that name the mark, as they stand."""
    page = (settings.BASE_DIR / "docs/operations.md").read_text()
    section = page.partition(f"# {heading}\n")[2]
    found = re.findall(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    return str(next(block for block in found if mark in block))


def set_up(host: Host) -> str:
    """The first client's secret."""
    host.run("deploy/manage migrate --verbosity 0 && deploy/manage create_key --record")
    (secret,) = re.findall(r"m2m_[\w-]+", host.run("deploy/manage apply -f deploy/first.yaml"))
    return str(secret)


def issued(server: Server, secret: str) -> str:
    """The X-Request-ID of a token that was just issued."""
    answer = server.post("/main/token", data={"grant_type": "client_credentials"}, auth=("first", secret))
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Request-ID"]


def assert_it_comes_back(old: Host, new: Host, secret: str, mark: str) -> None:
    """The old host is saved while it serves, and restored on the new one, which goes on from there."""
    backup = old.directory / "backup"
    backup.mkdir(exist_ok=True)
    with old.serving() as server:
        saved = issued(server, secret)
        old.run("deploy/manage maintain")
        old.run(in_directory(backup, blocks("Backup", mark)))
        lost = issued(server, secret)
    assert {oct(file.stat().st_mode & 0o777) for file in backup.iterdir()} == {"0o600"}
    said = new.run(in_directory(backup, blocks("Restore", mark)))
    assert said.endswith("verified, no differences.\n")
    with new.serving() as server:
        assert server.get("/readyz").json()["status"] == "ok", server.get("/readyz").text
        added = issued(server, secret)
    record = new.run("deploy/manage audit export --format ndjson")
    assert [request in record for request in (saved, lost, added)] == [True, False, True]


def in_directory(backup: Path, block: str) -> str:
    """With the backup's files, which lie where the operator is, in that directory."""
    return re.sub(r"(?<=[ ])(m2m-idp\.(?:dump|roles|sqlite3))\b", rf"{backup}/\1", block)
