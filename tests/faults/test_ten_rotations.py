"""Keys rotate by the clock under load, and no resource server ever rejects a valid token."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Min

from audit.models import IssuanceEvent
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.server import free_port, server_environment

ROTATIONS = 10
SPEED = int(os.environ.get("ROTATION_TEST_SPEED", "6"))
"""How fast the clock of all of them runs, while the periods are as short as an issuer may set them."""
SECONDS_TO_BE_SEEN = 4
"""In which a key is made, stored, and read by every worker, also on a machine that has more to do."""
STEPPED = Path(__file__).parent / "stepped"


@pytest.mark.slow
@pytest.mark.contract("P5.3")
def test_ten_rotations_reject_no_valid_token(cast: Cast, tmp_path: Path) -> None:
    shorten_periods(cast)
    seen = look_on(cast, tmp_path)
    assert seen["refused"] == []
    assert seen["rejected"] == []
    assert seen["fewest_keys"] >= 1
    assert seen["failed_fetches"] > 0, "no fetch failed: the third API proves nothing"
    assert seen["looked_at_too_late"] < seen["tokens"]
    assert all(
        seen["verified"][name] > seen["tokens"] for name in ("unknown-kid", "strict", "stale-if-error")
    )
    later_keys = [kid for kid in seen["first_signed"] if kid != cast.key.kid]
    assert len(later_keys) >= ROTATIONS
    for kid in later_keys:
        announced_for = seen["first_signed"][kid] - seen["first_published"][kid]
        assert announced_for >= cast.oidc_m2m.announce_period - SECONDS_TO_BE_SEEN * SPEED
    assert no_key_signed_before_its_time(cast)


def shorten_periods(cast: Cast) -> None:
    issuer = cast.oidc_m2m
    issuer.default_access_token_ttl = issuer.max_access_token_ttl = 30
    issuer.jwks_max_age = 5
    issuer.announce_period, issuer.retire_period, issuer.rotation_period = 65, 95, 66
    issuer.checked().save()
    # What jwks_max_age was before is in nobody's copy: nothing was served yet.
    type(issuer).objects.filter(pk=issuer.pk).update(old_copies_until=None)


def look_on(cast: Cast, directory: Path) -> dict[str, Any]:
    own = {
        "MAINTAIN_EVERY": "1",
        "PYTHONPATH": str(STEPPED),
        "NO_FAKE_STAT": "1",
        "AUTHORIZATION": cast.basic("billing"),
        "ROTATIONS": str(ROTATIONS),
    }
    log = directory / "server.log"
    with log.open("wb") as output:
        run = subprocess.run(
            ["faketime", "--exclude-monotonic", "-f", f"+0 x{SPEED}",
             sys.executable, "-m", "tests.faults.resource_servers"],
            cwd=settings.BASE_DIR,
            env=os.environ | server_environment(free_port(), 2) | own,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, check=False,
        )  # fmt: skip
    assert run.returncode == 0, log.read_text()
    (directory / "seen.json").write_bytes(run.stdout)
    seen: dict[str, Any] = json.loads(run.stdout)
    return seen


def no_key_signed_before_its_time(cast: Cast) -> bool:
    first = dict(IssuanceEvent.objects.exclude(kid="").values_list("kid").annotate(Min("at")))
    keys = SigningKey.objects.filter(issuer=cast.oidc_m2m, predecessor__isnull=False)
    periods = [(key.activates_at - key.published_at).total_seconds() for key in keys]
    return min(periods) >= cast.oidc_m2m.announce_period and all(
        first[key.kid] >= key.activates_at for key in keys if key.kid in first
    )
