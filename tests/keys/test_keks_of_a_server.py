"""Key-encryption keys of a running server: another one, a missing one, and one that takes the place of the old."""

import base64
import secrets
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from issuers.models import SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from tests.faults.load import under_load
from tests.support.cast import Cast
from tests.support.server import Server, serve

STEADY = 40
"""Tokens that are waited for before and after each step."""


def written(keys: dict[str, bytes]) -> dict[str, str]:
    """As the environment of a server."""
    entries = (f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())
    return {"KEY_ENCRYPTION_KEYS": ",".join(entries)}


def jwks_of(server: Server) -> list[str]:
    answer = server.get("/oidc_m2m/jwks")
    assert answer.status_code == 200
    return [key["kid"] for key in answer.json()["keys"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tests-1", "another"])
def test_under_another_kek_it_serves_the_jwks_and_signs_nothing(
    cast: Cast, tmp_path: Path, name: str
) -> None:
    before = SigningKey.objects.order_by("pk").values_list("pk", "kid", "kek_id")
    rows = list(before)
    with serve(tmp_path, 1, written({name: secrets.token_bytes(32)})) as server:
        readiness = server.get("/readyz")
        assert (readiness.status_code, readiness.json()["status"]) == (503, "unready")
        assert len(readiness.json()["checks"]["keys"]) == 2
        assert f"Key token/{cast.oidc_m2m.pk}/RS256/{cast.key.kid}" in readiness.text
        assert "KEY_ENCRYPTION_KEYS" in readiness.text
        refused = server.token(("billing", cast.secrets["billing"]))
        assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
        assert server.get("/livez").status_code == 200
        assert jwks_of(server) == [cast.key.kid]
    assert list(before.all()) == rows


@pytest.mark.slow
def test_keys_are_rewrapped_under_load_and_no_request_fails(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES384, now=timezone.now())
    old, new = dict(django_settings.KEY_ENCRYPTION_KEYS), {"new": secrets.token_bytes(32)}
    with serve(tmp_path, 2, written(new | old)) as server, under_load(server, cast, connections=4) as load:
        load.wait_for(STEADY)
        settings.KEY_ENCRYPTION_KEYS = new | old
        call_command("rewrap_keys")
        load.wait_for(STEADY)
    assert {asked.answer.status for asked in load.asked} == {200}
    assert set(SigningKey.objects.values_list("kek_id", flat=True)) == {"new"}
    with serve(tmp_path, 2, written(new)) as server:
        readiness = server.get("/readyz").json()
        assert readiness["status"] == "ok", readiness["checks"]
        assert server.token(("billing", cast.secrets["billing"])).status_code == 200
