"""The clock of a running server is stepped, and set back (libfaketime)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.utils import timezone
from jwt.types import Options

from keys.models import SigningKey
from tests.support.cast import INVOICES, Cast
from tests.support.server import Server, serve

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
SECONDS_OF_A_TIME = 2.5
"""Longer than a round of upkeep, and than a process believes what it read of the configuration."""
CLOCKLESS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
"""This process's clock is not the server's."""
STEPS = {"10 minutes back": "-10m", "2 hours ahead": "+2h", "30 days ahead": "+30d"}


@dataclass(frozen=True, slots=True)
class Clock:
    """The server's wall clock; its monotonic clock goes on, as the machine's does when its time is set."""

    file: Path

    def step(self, offset: str) -> None:
        draft = self.file.with_suffix(".new")
        draft.write_text(offset)
        draft.rename(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(Path(__file__).parent / "stepped"),
            "MAINTAIN_EVERY": "1",
        }


def library() -> str:
    for pattern in LIBRARIES:
        for path in Path("/").glob(pattern.removeprefix("/")):
            return str(path)
    raise FileNotFoundError("libfaketime is not installed (Debian: libfaketime).")


@contextmanager
def serve_with_a_clock(directory: Path) -> Iterator[tuple[Server, Clock]]:
    clock = Clock(directory / "offset")
    clock.step("+0")
    with serve(directory, 2, clock.environment) as server:
        yield server, clock


@pytest.mark.slow
@pytest.mark.contract("P5.6")
@pytest.mark.parametrize("offset", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("age", [0, 80], ids=["a new key", "a key whose successor is due"])
def test_every_token_verifies_by_the_jwks_of_its_moment(
    cast: Cast, tmp_path: Path, offset: str, age: int
) -> None:
    make_older(cast.key, timedelta(days=age))
    with serve_with_a_clock(tmp_path) as (server, clock):
        before = verified_tokens(server, cast)
        clock.step(offset)
        during = verified_tokens(server, cast)
        clock.step("+0")
        after = verified_tokens(server, cast)
    shift = {"-10m": -600, "+2h": 7200, "+30d": 30 * 86_400}[offset]
    assert all(abs(token["iat"] - before[0]["iat"] - shift) < 30 for token in during)
    successors = {key.kid for key in SigningKey.objects.filter(predecessor=cast.key)}
    assert len(successors) == (1 if age else 0)
    later = successors if age and offset == "+30d" else {cast.key.kid}
    assert {token["kid"] for token in during} == later
    assert {token["kid"] for token in before} == {token["kid"] for token in after} == {cast.key.kid}
    assert not SigningKey.objects.filter(encrypted_private_key__isnull=True).exists()


def make_older(key: SigningKey, age: timedelta) -> None:
    key.published_at, key.activates_at = timezone.now() - age, timezone.now() - age
    key.save()


def verified_tokens(server: Server, cast: Cast) -> list[dict[str, Any]]:
    """The claims and the kids of many tokens, from all workers, while upkeep does its rounds."""
    until = time.monotonic() + SECONDS_OF_A_TIME
    return [verified(server, cast) for _ in takewhile(lambda _: time.monotonic() < until, count())]


def verified(server: Server, cast: Cast) -> dict[str, Any]:
    """A token that verifies by the JWKS of its moment."""
    token = server.token(("billing", cast.secrets["billing"])).json()["access_token"]
    jwks = jwt.PyJWKSet.from_dict(server.get("/oidc_m2m/jwks").json())
    kid = jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(token, jwks[kid], algorithms=["RS256"], audience=INVOICES, options=CLOCKLESS)
    return claims | {"kid": kid}
