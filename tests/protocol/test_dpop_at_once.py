"""P8.3 on real sockets: of one proof at many workers one token, and none after a restart."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from audit.models import IssuanceEvent, Outcome
from issuance.models import UsedJti
from tests.support.cast import Cast
from tests.support.proofs import key_for, proof, thumbprint
from tests.support.server import Server, serve
from tests.support.wire import TOKEN

PUBLIC = {"PUBLIC_URL": "http://127.0.0.1:8000"}
"""The same at every start: the proofs are for it, whatever the port."""


def sent(cast: Cast, server: Server, *proofs: str) -> requests.Response:
    return server.post(
        TOKEN,
        data={"grant_type": "client_credentials"},
        auth=("billing", cast.secrets["billing"]),
        headers={"DPoP": ", ".join(proofs), "Host": "evil.example"},
    )


@pytest.mark.slow
@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "11.1")
def test_of_fifty_at_once_one_gets_a_token_and_none_after_a_restart(dpop: Cast, tmp_path: Path) -> None:
    one = proof()
    with serve(tmp_path, 2, PUBLIC) as server, ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: sent(dpop, server, one), range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 49}
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 400]
    assert refused == ["invalid_dpop_proof"] * 49
    assert Counter(event.outcome for event in IssuanceEvent.objects.all()) == {
        Outcome.ISSUED: 1,
        Outcome.REFUSED: 49,
    }
    with serve(tmp_path, 2, PUBLIC) as server:
        assert sent(dpop, server, one).json()["error"] == "invalid_dpop_proof"
        assert sent(dpop, server, proof()).json()["token_type"] == "DPoP"
    assert {row.holder for row in UsedJti.objects.all()} == {f"dpop:{thumbprint(key_for('ES256'))}"}


@pytest.mark.slow
@pytest.mark.contract("P8.3")
def test_each_worker_knows_what_another_took(dpop: Cast, tmp_path: Path) -> None:
    one = proof()
    with serve(tmp_path, 2, PUBLIC) as server:
        first, second = server.workers()
        with server.only(first):
            assert sent(dpop, server, one).status_code == 200
        with server.only(second):
            assert sent(dpop, server, one).status_code == 400
            assert sent(dpop, server, proof(), proof()).status_code == 400
            assert sent(dpop, server, proof()).status_code == 200
