"""P7.6 on real sockets: of many requests with one assertion at several workers one gets a token, and none after that."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import requests

from issuance.models import UsedJti
from relying_parties.models import RelyingParty
from tests.assertions import new_cluster, new_credential, new_robot, new_workload, of_cluster, own, pair
from tests.at_once import all_at_once
from tests.cast import Cast
from tests.forging import Draft, signer
from tests.server import Server, serve
from tests.wire import events

AT_ONCE = 50


@pytest.fixture
def robot(cast: Cast) -> RelyingParty:
    return new_robot(cast)


def drafted(cast: Cast, server: Server, alg: str) -> Draft:
    return own(cast, signer(alg), aud=f"{server.url}/oidc_m2m")


def asked(server: Server, assertion: str, **parameters: str) -> requests.Response:
    data = {"grant_type": "client_credentials", **pair(assertion), **parameters}
    return server.post("/oidc_m2m/token", data=data)


@pytest.mark.contract("P7.6", "P1.3")
@pytest.mark.spec("RFC 7523", "3")
def test_of_fifty_at_once_one_gets_a_token_and_after_a_restart_none(
    cast: Cast, robot: RelyingParty, tmp_path: Path
) -> None:
    with serve(tmp_path, 2) as server:
        text = drafted(cast, server, "ES256").made()
        answers = all_at_once(*[partial(asked, server, text)] * AT_ONCE)
        port = server.port
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: AT_ONCE - 1}
    refusals = {answer.content for answer in answers if answer.status_code == 401}
    assert len(refusals) == 1
    assert Counter(event.http_status for event in events()) == {200: 1, 401: AT_ONCE - 1}
    assert UsedJti.objects.count() == 1
    with serve(tmp_path, 2, {"PORT": str(port)}) as restarted:
        for _ in range(4):
            assert requests.post(
                f"http://127.0.0.1:{port}/oidc_m2m/token",
                data={"grant_type": "client_credentials", **pair(text)},
                timeout=10,
            ).status_code == 401  # fmt: skip
        assert restarted.pid
    assert events()[-1].detail.endswith("used before: make a new one for each request.")


@pytest.mark.contract("P7.6")
def test_fifty_different_ones_at_once_all_get_one(cast: Cast, robot: RelyingParty, server: Server) -> None:
    texts = [drafted(cast, server, "EdDSA").made() for _ in range(AT_ONCE)]
    answers = all_at_once(*(partial(asked, server, text) for text in texts))
    assert Counter(answer.status_code for answer in answers) == {200: AT_ONCE}


@pytest.mark.contract("P7.9")
def test_a_federated_token_is_taken_fifty_times_at_once(cast: Cast, server: Server) -> None:
    new_credential(new_workload(cast), new_cluster(cast))
    text = of_cluster(cast, signer("RS256"), aud=f"{server.url}/oidc_m2m").made()
    answers = all_at_once(*[partial(asked, server, text, client_id="workload")] * AT_ONCE)
    assert Counter(answer.status_code for answer in answers) == {200: AT_ONCE}
