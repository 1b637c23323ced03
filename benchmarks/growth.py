"""How many bytes of the database a token request takes, its share of the seals included.

    benchmarks/growth.py [--rows 5000] > /dev/null

Real requests to the demo's issuer, tokens first and refusals of a wrong secret after them; sealed each 300, as a server
with five requests a second does. Bytes of tables and indexes, for each request.
"""

import argparse
import base64
import os
import sys
from collections.abc import Callable

from empty_database import empty_database

EACH = 300
SEALS = ("audit_checkpoint", "audit_hourlycount")
EVERY_REFUSAL = {"AUTH_FAILURES_PER_MINUTE": "0", "REFUSALS_RECORDED_PER_MINUTE": "0"}
"""Each wrong secret is a row of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the growth of the record.")
    parser.add_argument("--rows", type=int, default=5_000)
    rows = parser.parse_args().rows
    os.environ |= EVERY_REFUSAL
    with empty_database():
        _measure(rows)


def _measure(rows: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415 - after the settings are made
    from django.test import Client  # noqa: PLC0415

    from relying_parties.models import RelyingParty  # noqa: PLC0415
    from relying_parties.secrets.credentials import add_generated_secret  # noqa: PLC0415

    call_command("load_demo", verbosity=0)
    billing = RelyingParty.objects.get(client_id="billing")
    _, secret = add_generated_secret(relying_party=billing)
    client = Client(SERVER_NAME="127.0.0.1", HTTP_USER_AGENT="python-requests/2.34.2")
    for name, password, status in (("issued", secret, 200), ("refused", "wrong", 401)):
        basic = base64.b64encode(f"billing:{password}".encode()).decode()

        def ask(basic: str = basic, status: int = status) -> None:
            answer = client.post(
                "/oidc_m2m/token",
                "grant_type=client_credentials",
                content_type="application/x-www-form-urlencoded",
                HTTP_AUTHORIZATION=f"Basic {basic}",
            )
            if answer.status_code != status:
                raise SystemExit(f"{answer.status_code}: no figures.")

        _tell(name, rows, ask)


def _tell(name: str, rows: int, ask: Callable[[], None]) -> None:
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from upkeep.sealing import seal  # noqa: PLC0415

    seal(timezone.now())
    before = _bytes()
    for number in range(rows):
        ask()
        if number % EACH == EACH - 1:
            seal(timezone.now())
    while seal(timezone.now()):
        pass
    after = _bytes()
    grown = {table: (size - before.get(table, 0)) / rows for table, size in after.items()}
    seals = sum(grown.get(table, 0) for table in SEALS)
    summary = f"{sum(grown.values()):.0f} bytes a request, {seals:.0f} of them of seals"
    # Standard output has the server's own line of each request.
    print(f"{connection.vendor}, {name}: {summary}", file=sys.stderr)
    print({table: round(size) for table, size in grown.items() if size >= 1}, file=sys.stderr)


def _bytes() -> dict[str, int]:
    """Of each table, its indexes included."""
    from django.db import connection  # noqa: PLC0415

    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
            )
            return {str(name): int(size) for name, size in cursor.fetchall()}
        cursor.execute("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'")
        return {str(name): int(size) for name, size in cursor.fetchall() if name in tables}


if __name__ == "__main__":
    main()
