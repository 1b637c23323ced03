"""P7.6, P7.12 on real sockets: of many requests with one assertion, at several workers, one gets a token."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import requests

from issuance.models import UsedJti
from relying_parties.models import RelyingParty
from tests.support.assertions import (
    new_cluster,
    new_credential,
    new_robot,
    new_workload,
    of_cluster,
    own,
    pair,
)
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.forging import signer
from tests.support.server import Server, serve
from tests.support.wire import events

AT_ONCE = 50


@pytest.fixture
def robot(cast: Cast) -> RelyingParty:
    return new_robot(cast)


def asked(server: Server, assertion: str, **parameters: str) -> requests.Response:
    data = {"grant_type": "client_credentials", **pair(assertion), **parameters}
    return server.post("/oidc_m2m/token", data=data)


@pytest.mark.slow
@pytest.mark.contract("P7.6", "P1.3")
@pytest.mark.spec("RFC 7523", "3")
def test_of_fifty_at_once_one_gets_a_token_and_after_a_restart_none(
    cast: Cast, robot: RelyingParty, tmp_path: Path
) -> None:
    same_name = {"PUBLIC_URL": cast.oidc_m2m.url.removesuffix("/oidc_m2m")}
    text = own(cast, signer("ES256")).made()
    with serve(tmp_path, 2, same_name) as server:
        answers = all_at_once(*[partial(asked, server, text)] * AT_ONCE)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: AT_ONCE - 1}
    assert len({answer.content for answer in answers if answer.status_code == 401}) == 1
    assert Counter(event.http_status for event in events()) == {200: 1, 401: AT_ONCE - 1}
    assert UsedJti.objects.count() == 1
    with serve(tmp_path, 2, same_name) as restarted:
        assert {asked(restarted, text).status_code for _ in range(4)} == {401}
    assert events()[-1].detail.endswith("used before: make a new one for each request.")


@pytest.mark.slow
@pytest.mark.contract("P7.6", "P7.9")
def test_fifty_different_ones_at_once_all_get_one_and_so_does_a_federated_one_each_time(
    cast: Cast, robot: RelyingParty, tmp_path: Path
) -> None:
    new_credential(new_workload(cast), new_cluster(cast))
    with serve(tmp_path, 2) as server:
        aud = f"{server.url}/oidc_m2m"
        own_ones = [own(cast, signer("EdDSA"), aud=aud).made() for _ in range(AT_ONCE)]
        different = all_at_once(*(partial(asked, server, text) for text in own_ones))
        federated = of_cluster(cast, signer("RS256"), aud=aud).made()
        same = all_at_once(*[partial(asked, server, federated, client_id="workload")] * AT_ONCE)
    assert Counter(answer.status_code for answer in (*different, *same)) == {200: 2 * AT_ONCE}


@pytest.mark.slow
@pytest.mark.contract("P7.12", "P1.3")
@pytest.mark.spec("RFC 7523", "3")
def test_of_fifty_at_once_with_a_single_use_token_one_gets_a_token(cast: Cast, tmp_path: Path) -> None:
    new_credential(new_workload(cast), new_cluster(cast), is_single_use=True)
    same_name = {"PUBLIC_URL": cast.oidc_m2m.url.removesuffix("/oidc_m2m")}
    text = of_cluster(cast, signer("RS256")).made()
    with serve(tmp_path, 2, same_name) as server:
        answers = all_at_once(*[partial(asked, server, text, client_id="workload")] * AT_ONCE)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: AT_ONCE - 1}
    assert UsedJti.objects.count() == 1
    with serve(tmp_path, 2, same_name) as restarted:
        assert {asked(restarted, text, client_id="workload").status_code for _ in range(4)} == {401}
    assert events()[-1].detail.endswith("for single use: get a new token for each request.")
