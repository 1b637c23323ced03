"""Debian's PgBouncer in transaction mode: after each transaction the connection is somebody else's."""

import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.own_database import OwnCluster, as_user
from tests.postgresql.installation import OWNER, PRUNER, SERVER
from tests.support.server import free_port

CONNECTIONS = 2
"""To the database, for each role."""
SECONDS_TO_START = 10


@contextmanager
def pooled(cluster: OwnCluster) -> Iterator[OwnCluster]:
    """The cluster as one reaches it through the pooler."""
    port = free_port()
    users, settings = cluster.directory / "users.txt", cluster.directory / "pgbouncer.ini"
    users.write_text("".join(f'"{role}" ""\n' for role in (OWNER, SERVER, PRUNER)))
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\n"
    )
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    with (cluster.directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            [*as_user(user), "/usr/sbin/pgbouncer", str(settings)], stdout=log, stderr=log
        )
    try:
        own = OwnCluster(directory=cluster.directory, port=port)
        _wait_until_it_answers(f"postgres://{SERVER}@127.0.0.1:{port}/idp")
        yield own
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
