"""Behind PgBouncer in transaction mode: tokens all the time, and everything else beside them."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from tests.postgresql.browsing import Browser
from tests.postgresql.installation import PRUNER, SERVER
from tests.postgresql.pooler import pooled
from tests.postgresql.test_a_day import PAGES, ask, installation
from tests.support.cast import Cast
from tests.support.server import Server, serve

pytestmark = pytest.mark.slow

MORE_ROWS = 2_500
"""So that whatever reads the record reads it in several pieces."""
FILL = f"""
    INSERT INTO audit_issuanceevent
    SELECT (jsonb_populate_record(NULL::audit_issuanceevent, to_jsonb(event) || jsonb_build_object(
        'id', event.id + number, 'request_id', md5(number::text), 'jti', md5(number::text)))).*
    FROM (SELECT * FROM audit_issuanceevent ORDER BY id DESC LIMIT 1) event, generate_series(1, {MORE_ROWS}) number;
    SELECT setval(pg_get_serial_sequence('audit_issuanceevent', 'id'), (SELECT max(id) FROM audit_issuanceevent));
"""  # noqa: S608
CHANGED = "/admin/relying_parties/relyingparty/1/change/"


@contextmanager
def asked_all_the_time(server: Server, secret: str) -> Iterator[Counter[int]]:
    """Three clients that ask one token after the other for the length of the block; how often each status came."""
    found: Counter[int] = Counter()
    done = Event()

    def go_on() -> None:
        while not done.is_set():
            found[ask(server, secret)] += 1

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(go_on) for _ in range(3)]
        try:
            yield found
        finally:
            done.set()
        for each in asking:
            each.result()


def test_everything_works_while_tokens_are_asked_for(cast: Cast, tmp_path: Path) -> None:
    with (
        installation(tmp_path, partitioned=False) as (direct, secret),
        pooled(direct.cluster) as cluster,
        serve(tmp_path, 1, (made := replace(direct, cluster=cluster)).environment(SERVER)) as server,
    ):
        assert ask(server, secret) == 200
        direct.run("postgres", FILL)
        with asked_all_the_time(server, secret) as statuses:
            made.manage(SERVER, "maintain")
            exported = tmp_path / "export.ndjson"
            made.manage(SERVER, "audit", "export", "--output", str(exported))
            assert len(exported.read_text().splitlines()) > MORE_ROWS
            assert "verified, no differences" in made.manage(SERVER, "audit", "verify")
            browser = Browser(server.url)
            browser.send(CHANGED, description="changed behind the pooler")
            for page in (*PAGES, CHANGED, "/admin/relying_parties/relyingparty/add/", "/admin/audit/access/"):
                browser.get(page)
            assert '"end"' in browser.get("/admin/audit/issuanceevent/export.ndjson")
            before = datetime.now(UTC).isoformat()
            made.manage(SERVER, "maintain")
            assert "rows deleted" in made.manage(PRUNER, "audit", "prune", "--before", before)
            assert "were pruned by" in made.manage(SERVER, "audit", "verify")
            made.manage(SERVER, "apply", "-f", "deploy/first.yaml")
            made.manage(SERVER, "rewrap_keys")
        assert server.get("/readyz").json()["status"] == "ok"
        assert statuses.keys() == {200}
