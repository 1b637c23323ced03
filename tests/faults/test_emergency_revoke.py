"""A key is revoked in an emergency while the server is under load."""

import time
from pathlib import Path

import pytest
from django.utils import timezone

from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import announce_successor
from keys.models import SigningKey
from tests.faults.load import under_load
from tests.support.cast import Cast
from tests.support.server import Server, serve

WITHIN = 1.0


@pytest.mark.slow
@pytest.mark.contract("P5.5")
@pytest.mark.parametrize("is_only_key", [True, False], ids=["the only key", "a successor is announced"])
def test_the_replacement_signs_within_a_second_in_every_worker(
    cast: Cast, tmp_path: Path, *, is_only_key: bool
) -> None:
    if not is_only_key:
        assert announce_successor(cast.key, now=timezone.now()) is not None
    with serve(tmp_path, 2) as server, under_load(server, cast, connections=8) as load:
        load.wait_for(200)
        revoke(cast.key, now=timezone.now())
        revoked_at = time.monotonic()
        replacement = SigningKey.objects.get(predecessor=cast.key).kid
        time.sleep(WITHIN)
        # Each on a connection of its own: all workers answer some.
        published = [kids_of_jwks(server) for _ in range(50)]
        load.wait_for(200)
    before = [asked.kid for asked in load.asked[:200]]
    after = [asked.kid for asked in load.asked if asked.at > revoked_at + WITHIN]
    assert {asked.answer.status for asked in load.asked} == {200}
    assert set(before) == {cast.key.kid}
    assert set(after) == {replacement}
    assert published == 50 * [[replacement]]


def kids_of_jwks(server: Server) -> list[str]:
    return [key["kid"] for key in server.get("/oidc_m2m/jwks").json()["keys"]]
