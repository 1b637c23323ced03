"""A day of a whole installation whose server may not change its record, in one table and in partitions."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.faults.own_database import own_cluster
from tests.postgresql.browsing import PASSWORD, PERSON, Browser
from tests.postgresql.installation import OWNER, PRUNER, SERVER, Installation
from tests.postgresql.test_roles import MAINTENANCE, SEALED, forbidden
from tests.postgresql.test_roles import SERVER as GROUP
from tests.support.cast import Cast
from tests.support.server import Server, serve
from tests.upkeep.test_worker_thread import wait_until

BUDGET, FLOOD = 3, 10
OWN = {"MAINTAIN_EVERY": "1", "REFUSALS_RECORDED_PER_MINUTE": str(BUDGET), "AUTH_FAILURES_PER_MINUTE": "0"}
KEY_IS_DUE = """
    UPDATE keys_signingkey SET published_at = published_at - '80 days'::interval,
        activates_at = activates_at - '80 days'::interval WHERE purpose = 'token'
"""
"""Of the 90 days that it signs: its successor is to be published."""
COMMANDS = ("rewrap_keys", "create_key --record", "create_key main ES256", "maintain")
PAGES = (
    "/admin/", "/admin/audit/issuanceevent/", "/admin/audit/issuanceevent/?outcome=refused&client=first",
    "/admin/audit/checkpoint/", "/admin/audit/refusalcount/", "/admin/audit/inspection/",
    "/admin/audit/operationalevent/", "/admin/audit/tombstone/",
    "/admin/keys/signingkey/", "/admin/relying_parties/relyingparty/",
)  # fmt: skip

pytestmark = pytest.mark.slow


@contextmanager
def installation(directory: Path, *, partitioned: bool) -> Iterator[tuple[Installation, str]]:
    """With its first client's secret."""
    with own_cluster() as cluster:
        made = Installation.of(cluster, directory, partitioned=partitioned)
        made.manage(SERVER, "create_key", "--record")
        printed = made.manage(SERVER, "apply", "-f", "deploy/first.yaml")
        made.manage(
            SERVER, "createsuperuser", "--no-input", "--username", PERSON, "--email", "",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )  # fmt: skip
        made.manage(SERVER, "collectstatic", "--no-input")
        made.run(SERVER, KEY_IS_DUE)
        (secret,) = re.findall(r"m2m_[\w-]+", printed)
        yield made, secret


def count(made: Installation, what: str) -> int:
    ((found,),) = made.run(SERVER, f"SELECT {what}")
    assert isinstance(found, int)
    return found


def ask(server: Server, secret: str) -> int:
    answer = server.post("/main/token", data={"grant_type": "client_credentials"}, auth=("first", secret))
    return answer.status_code


def the_day(made: Installation, server: Server, secret: str) -> None:
    """Tokens, a flood and a change in the console, while the workers do the maintenance."""
    assert [ask(server, secret) for _ in range(3)] == [200] * 3
    assert [ask(server, "wrong") for _ in range(FLOOD)] == [401] * FLOOD
    browser = Browser(server.url)
    changed = "/admin/relying_parties/relyingparty/1/change/"
    browser.send(changed, description="changed in the console")
    for page in (*PAGES, changed, "/admin/relying_parties/relyingparty/1/history/"):
        browser.get(page)
    assert '"end"' in browser.get("/admin/audit/issuanceevent/export.ndjson")
    wait_until(lambda: count(made, "count(*) FROM keys_signingkey WHERE predecessor_id IS NOT NULL") == 1)
    wait_until(lambda: count(made, "coalesce(sum(requests), 0)::int FROM audit_hourlycount") >= 3 + BUDGET)
    assert server.get("/readyz").json()["status"] == "ok"
    assert "chore_failed" not in server.settled_log()


@pytest.mark.parametrize("partitioned", [False, True], ids=["one table", "partitions"])
def test_a_day(cast: Cast, tmp_path: Path, partitioned: bool) -> None:  # noqa: FBT001
    with installation(tmp_path, partitioned=partitioned) as (made, secret):
        with serve(tmp_path, 1, made.environment(SERVER) | OWN) as server:
            the_day(made, server, secret)
        for command in COMMANDS:
            made.manage(SERVER, *command.split())

        changes = "relying_parties_historicalrelyingparty WHERE source = 'admin'"
        assert count(made, f"count(*) FROM {changes}") == 1
        assert count(made, "sum(refused)::int FROM audit_refusalcount") == FLOOD - BUDGET
        assert made.manage(SERVER, "audit", "verify").endswith(": verified, no differences.\n")
        exported = tmp_path / "export.ndjson"
        made.manage(SERVER, "audit", "export", "--output", str(exported))
        assert f'"sealed":{3 + BUDGET}' in exported.read_text().splitlines()[-1]
        nobody_changes_the_record(made)

        before = datetime.now(UTC).isoformat()
        assert f"{3 + BUDGET} rows deleted" in made.manage(PRUNER, "audit", "prune", "--before", before)
        if partitioned:
            made.run(OWNER, "SELECT audit_make_partitions()")
        assert f"({3 + BUDGET}) were pruned by" in made.manage(SERVER, "audit", "verify")


def nobody_changes_the_record(made: Installation) -> None:
    for role, group in ((SERVER, GROUP), (PRUNER, MAINTENANCE)):
        for statement in [statement for table in SEALED for statement in forbidden(group, table)]:
            with pytest.raises(psycopg.Error, match=r"permission denied|must be owner"):
                made.run(role, statement)
    with pytest.raises(psycopg.Error, match="append-only"):
        made.run(PRUNER, "DELETE FROM audit_issuanceevent")
