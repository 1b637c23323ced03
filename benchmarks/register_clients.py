"""Register many clients at once, for a benchmark, and write the Authorization header of each on a line of its own.

    benchmarks/register_clients.py NUMBER FILE

At the issuer `rs256` of bench.yaml, each with a grant and with the secret of BENCH_SECRET, its history and its topics:
as `apply` would leave them, without its checks.
"""

import os
import sys
from pathlib import Path

from load import basic
from server import ROOT

AT_ONCE = 5_000


def main() -> None:
    number, file, secret = int(sys.argv[1]), Path(sys.argv[2]), os.environ["BENCH_SECRET"]
    client_ids = [f"client-{place}" for place in range(number)]
    _set_up()
    for first in range(0, number, AT_ONCE):
        _register(client_ids[first : first + AT_ONCE], secret)
    file.write_text("".join(f"{basic(client_id, secret)}\n" for client_id in client_ids))


def _set_up() -> None:
    import django  # noqa: PLC0415 - the settings look at the environment

    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "m2m_idp.settings"
    django.setup()


def _register(client_ids: list[str], secret: str) -> None:
    from issuers.versioning.revision import one_revision  # noqa: PLC0415 - after the settings are made
    from relying_parties.client_secrets import digest_of  # noqa: PLC0415
    from relying_parties.models import (  # noqa: PLC0415
        AccessGrant,
        ClientSecret,
        RelyingParty,
        ResourceServer,
    )

    api = ResourceServer.objects.get(issuer__path="rs256")
    with one_revision():
        made = RelyingParty.objects.bulk_create(
            RelyingParty(issuer_id=api.issuer_id, client_id=client_id, name=client_id)
            for client_id in client_ids
        )
        ClientSecret.objects.bulk_create(
            ClientSecret(
                relying_party=one,
                label="first",
                digest=digest_of(secret, issuer_id=one.issuer_id, client_id=one.client_id),
            )
            for one in made
        )
        AccessGrant.objects.bulk_create(
            AccessGrant(relying_party=one, resource_server=api, scopes=["read"], is_default=True)
            for one in made
        )


if __name__ == "__main__":
    main()
