"""P8.1, P8.2 for real: curl gets a token by a certificate, where gunicorn, nginx and HAProxy end TLS."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mtls.proxies import FORM_OF, Door, in_front_of, served_behind
from tests.protocol.certificates import REFUSAL, new_certified, new_loner, thumbprint
from tests.support.authority import CLIENT, SUBJECT, Authority, Issued, chain_file, self_signed
from tests.support.cast import Cast
from tests.support.forging import decoded
from tests.support.server import Tls, serve
from tests.support.wire import TOKEN, last_event

REFUSED_IN_THE_HANDSHAKE = {35, 55, 56}
"""curl's own numbers: with TLS 1.3 a client learns it from what it reads or writes next."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Told:
    """What curl made of it; without an answer, `status` is 0."""

    returncode: int
    status: int
    answer: Any

    @property
    def claims(self) -> Any:
        return json.loads(decoded(self.answer["access_token"].split(".")[1]))


@pytest.fixture
def door(
    ends_tls: str, cast: Cast, authority: Authority, server_pair: Issued, loner: Issued, tmp_path: Path
) -> Iterator[Door]:
    """With the clients `certified` and `loner`."""
    new_certified(cast, authority)
    new_loner(cast, loner)
    with (
        served_behind(ends_tls, tmp_path, pair=server_pair, authority=authority) as server,
        in_front_of(server, ends_tls, tmp_path, pair=server_pair, authority=authority) as opened,
    ):
        yield opened


def curl(door: Door, client_id: str, issued: Issued | None) -> Told:
    sent = [*map(str, ("--cert", issued.certificate, "--key", issued.key))] if issued else []
    done = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--max-time", "10", "--cacert", door.authority, *sent,
            "--write-out", "\n%{http_code}", "--data-urlencode", "grant_type=client_credentials",
            "--data-urlencode", f"client_id={client_id}", f"https://127.0.0.1:{door.port}{TOKEN}",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    body, _, status = done.stdout.rpartition("\n")
    return Told(done.returncode, int(status), json.loads(body or "null"))


@pytest.mark.contract("P8.1", "P8.2")
@pytest.mark.spec("RFC 8705", "2.1")
@pytest.mark.parametrize("ends_tls", ["gunicorn", *FORM_OF])
def test_a_certificate_of_an_authority_gets_a_token_and_a_forged_one_does_not(
    door: Door, ends_tls: str, client: Issued, stranger: Issued, pki: Path
) -> None:
    told = curl(door, "certified", client)
    assert (told.returncode, told.status) == (0, 200)
    assert told.claims["cnf"] == {"x5t#S256": thumbprint(client)}
    assert last_event().confirmation == f"x5t#S256:{thumbprint(client)}"
    forged = self_signed(pki, "forged-at-the-door", subject=SUBJECT)
    for issued in (stranger, forged):
        told = curl(door, "certified", issued)
        if ends_tls == "gunicorn":
            assert told.status == 0
            assert told.returncode in REFUSED_IN_THE_HANDSHAKE
        else:
            assert (told.returncode, told.status, told.answer) == (0, 401, REFUSAL)
            assert "does not lead to a CA of the issuer" in last_event().detail
    told = curl(door, "certified", None)
    assert (told.returncode, told.status, told.answer) == (0, 401, REFUSAL)


@pytest.mark.contract("P8.1", "P8.2")
@pytest.mark.spec("RFC 8705", "2.2")
@pytest.mark.parametrize("ends_tls", [*FORM_OF])
def test_a_registered_certificate_gets_a_token_through_a_proxy(
    door: Door, loner: Issued, pki: Path, client: Issued
) -> None:
    told = curl(door, "loner", loner)
    assert (told.returncode, told.status) == (0, 200)
    assert told.claims["cnf"] == {"x5t#S256": thumbprint(loner)}
    twin = self_signed(pki, "twin-at-the-door", subject="/CN=loner")
    for issued in (twin, client):
        assert curl(door, "loner", issued).answer == REFUSAL
        assert last_event().detail.endswith("is not registered.")


@pytest.mark.contract("P8.1", "P8.2")
def test_gunicorn_lets_a_registered_certificate_in_that_its_authorities_issued_or_that_is_among_them(
    cast: Cast, authority: Authority, server_pair: Issued, loner: Issued, pki: Path, tmp_path: Path
) -> None:
    issued = authority.issue("registered-itself", CLIENT)
    new_loner(cast, loner, issued)
    ca = authority.own.certificate
    known = chain_file(pki, authority.own, loner)
    tls = Tls(server_pair.certificate, server_pair.key, ca=ca, client_ca=known)
    with serve(tmp_path, 1, tls=tls) as server:
        for each in (loner, issued):
            told = curl(Door(server.port, ca), "loner", each)
            assert (told.returncode, told.status) == (0, 200)
            assert told.claims["cnf"] == {"x5t#S256": thumbprint(each)}
