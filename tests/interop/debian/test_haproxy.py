"""HAProxy lets requests with a token for its API through, and knows a key before it signs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from jwcrypto.jwk import JWK

from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from tests.interop.conftest import Provider
from tests.interop.debian.configuration import configured
from tests.interop.debian.packages import assert_installed, debian
from tests.interop.debian.service import Service, service
from tests.interop.debian.verdicts import VERDICTS, answers, awaited, status_after_its_end, status_of
from tests.interop.table import Role, Row, interoperates
from tests.interop.tokens import AUDIENCE, part_of, token_for, tokens_from
from tests.support.cast import YOUR_APPLICATION, Cast
from tests.support.processes import running
from tests.support.server import free_port

pytestmark = pytest.mark.nightly


@contextmanager
def haproxy(keys: list[dict[str, Any]], issuer: str, directory: Path, behind: Service) -> Iterator[int]:
    """Its port."""
    port = free_port()
    configuration = configured(
        "haproxy.cfg",
        directory,
        port=port,
        service=behind.port,
        issuer=issuer,
        audience=AUDIENCE,
        keys="".join(_lines(number, jwk, directory) for number, jwk in enumerate(keys)).rstrip("\n"),
    )
    binary = shutil.which("haproxy", path="/usr/sbin") or "haproxy"
    with running([binary, "-db", "-f", str(configuration)], port, log=directory / "haproxy.log"):
        yield port


def _lines(number: int, jwk: dict[str, Any], directory: Path) -> str:
    pem = directory / f"{jwk['kid']}.pem"
    pem.write_bytes(JWK(**jwk).export_to_pem())
    lines = configured("haproxy_key.cfg", directory, number=number, kid=jwk["kid"], alg=jwk["alg"], pem=pem)
    return lines.read_text()


def _keys(provider: Provider) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = provider.server.get("/oidc_m2m/jwks").json()["keys"]
    return keys


@interoperates(
    Row(
        "HAProxy",
        "`haproxy` of Debian 12",
        debian("haproxy"),
        Role.VERIFIER,
        told="[haproxy.cfg](../tests/interop/debian/haproxy.cfg). It fetches no key set: each key is a PEM file of the "
        "public key (`export_to_pem()` of jwcrypto makes it from the JWK) and two lines "
        "([haproxy_key.cfg](../tests/interop/debian/haproxy_key.cfg)), added while the key is announced. It checks "
        "`exp`, `iss` and `aud` only where it is configured to, and `aud` as text: a token for several resource "
        "servers is refused. By its manual it verifies neither PS256 nor EdDSA",
        seen="a token is verified, and one of the next key; a changed one, an expired one and one of another audience "
        "are refused; it takes either `typ`",
    )
)
def test_haproxy(provider: Provider, cast: Cast, tmp_path: Path) -> None:
    assert_installed("haproxy")
    successor = announce_successor(cast.key, now=timezone.now())
    assert successor is not None
    keys = awaited(lambda: _keys(provider), lambda keys: len(keys) == 2)
    tokens = tokens_from(provider, cast)
    with service() as behind, haproxy(keys, provider.issuer, tmp_path, behind) as port:
        assert answers(port, tokens) == VERDICTS
        assert behind.arrived.get_nowait()["X-Client-Id"] == "billing"
        assert status_after_its_end(port, provider, cast) == 401
        several = token_for(provider, cast, [AUDIENCE, YOUR_APPLICATION])
        assert status_of(port, several) == 401
        activate_without_waiting(successor, now=timezone.now())
        of_the_next_key = awaited(
            lambda: token_for(provider, cast, AUDIENCE),
            lambda token: part_of(token, 0)["kid"] == successor.kid,
        )
        assert [status_of(port, token) for token in (of_the_next_key, tokens.good)] == [200, 200]
