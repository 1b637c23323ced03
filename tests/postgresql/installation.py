"""An installation as docs/audit.md has it: one role owns the tables and migrates, the server logs in as another."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings

from tests.faults.own_database import OwnCluster

OWNER, SERVER, PRUNER = "owner", "idp", "idp_prune"
ROLES = ("--file", "deploy/postgresql-roles.sql")
PARTITIONS = ("--file", "deploy/postgresql-partitions.sql")
LOGINS = f"""
    CREATE ROLE {SERVER} LOGIN IN ROLE m2m_idp_server;
    CREATE ROLE {PRUNER} LOGIN IN ROLE m2m_idp_maintenance;
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """No role of it is a superuser. Its files lie in the directory."""

    cluster: OwnCluster
    directory: Path

    @classmethod
    def of(cls, cluster: OwnCluster, directory: Path, *, partitioned: bool) -> "Installation":
        """A migrated database in the cluster, and its roles."""
        made = cls(cluster, directory)
        cluster.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        cluster.execute(f"CREATE DATABASE idp OWNER {OWNER}")
        made.manage(OWNER, "migrate", "--no-input")
        if partitioned:
            made.psql(*PARTITIONS)
        made.psql(*ROLES)
        made.psql("--command", LOGINS)
        return made

    def url(self, role: str) -> str:
        return f"postgres://{role}@127.0.0.1:{self.cluster.port}/idp"

    def environment(self, role: str) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
            "DATABASE_URL": self.url(role),
            "VAR_DIR": str(self.directory),
        }

    def manage(self, role: str, *arguments: str, **environment: str) -> str:
        """What it prints. It has to exit 0."""
        command = [sys.executable, "manage.py", *arguments]
        return _printed(command, os.environ | self.environment(role) | environment)

    def psql(self, *arguments: str) -> str:
        """As the owner."""
        return _printed(
            ["psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", *arguments, self.url(OWNER)], dict(os.environ)
        )

    def run(self, role: str, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(role), autocommit=True) as link:
            found = link.execute(sql.encode())
            return found.fetchall() if found.description else []


def _printed(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
