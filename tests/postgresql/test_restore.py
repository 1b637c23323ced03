"""The backup and the restore of a PostgreSQL database as docs/operations.md has them, onto an empty host."""

from pathlib import Path

import pytest

from tests.faults.own_database import OwnCluster, own_cluster
from tests.setup.restoring import Host, assert_it_comes_back, blocks, set_up
from tests.support.cast import Cast

pytestmark = pytest.mark.slow

INSTALLATION = blocks("From an empty host to a token", "createdb")
(CREATE,) = [line for line in INSTALLATION.splitlines() if "createdb" in line]
PSQL = "psql --quiet --no-psqlrc --set ON_ERROR_STOP=1"
OTHER_ROLES = f"""
    {PSQL} --username=postgres --command 'ALTER ROLE "m2m-idp" CREATEROLE'
    {PSQL} --username=m2m-idp --file deploy/postgresql-partitions.sql m2m-idp
    {PSQL} --username=m2m-idp --file deploy/postgresql-roles.sql m2m-idp
"""
SHAPE = """
    SELECT relname, relkind, pg_get_userbyid(relowner), (
        SELECT string_agg(entry::text, ' ' ORDER BY entry::text)
        FROM unnest(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) entry
    ) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1
"""
"""Tables, indexes and sequences, with their owners and who may do what; what is granted by default is written out."""


def test_a_postgresql_database_comes_back_on_an_empty_host(cast: Cast, tmp_path: Path) -> None:
    with own_cluster() as old_cluster, own_cluster() as new_cluster:
        old, new = (
            host_of(cluster, tmp_path / name)
            for cluster, name in ((old_cluster, "old"), (new_cluster, "new"))
        )
        old.run(CREATE)
        secret = set_up(old)
        assert_it_comes_back(old, new, secret, "pg_")
        assert shape(new) == shape(old)
        # And over what is there, with partitions and with roles of which the new host has one.
        old.run(OTHER_ROLES)
        assert_it_comes_back(old, new, secret, "pg_")
        assert shape(new) == shape(old)
        assert "m2m_idp_server=ar/" in shape(new)


def host_of(cluster: OwnCluster, directory: Path) -> Host:
    (directory / "state").mkdir(parents=True)
    url = f"postgres://m2m-idp@127.0.0.1:{cluster.port}/m2m-idp"
    return Host(directory, database_url=url, port=cluster.port)


def shape(host: Host) -> str:
    return host.run(f"{PSQL} --username=postgres --tuples-only --no-align m2m-idp <<'END'\n{SHAPE};\nEND\n")
