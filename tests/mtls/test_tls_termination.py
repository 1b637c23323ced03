"""Where TLS ends, for real: at gunicorn itself, at nginx, and at HAProxy in two header forms."""

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django.plugin import DjangoDbBlocker

from tests.mtls.proxies import FORM_OF, Door, in_front_of, served_behind
from tests.support.authority import Authority, Issued, chain_file
from tests.support.cast import Cast
from tests.support.certificate_headers import FORMS, header
from tests.support.database import Baseline
from tests.support.server import Server

PROBE = "tests.mtls.probe:application"
pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module", params=["gunicorn", *FORM_OF])
def ends_tls(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def behind(
    ends_tls: str,
    baseline: tuple[Cast, Baseline],
    django_db_blocker: DjangoDbBlocker,
    server_pair: Issued,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("behind")
    with (
        django_db_blocker.unblock(),
        served_behind(
            ends_tls, directory, pair=server_pair, authority=authority, application=PROBE
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def door(
    ends_tls: str,
    behind: Server,
    server_pair: Issued,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Door]:
    with in_front_of(
        behind, ends_tls, tmp_path_factory.mktemp("proxy"), pair=server_pair, authority=authority
    ) as opened:
        yield opened


def thumbprint(issued: Issued) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(issued.der).digest()).rstrip(b"=").decode()


def certificate(answer: requests.Response) -> Any:
    """What the server took for the client's certificate."""
    assert answer.status_code == 200
    return answer.json()["certificate"]


@pytest.mark.contract("P8.2")
def test_the_clients_certificate_arrives(door: Door, client: Issued) -> None:
    assert certificate(door.get("/probe", client))["x5t#S256"] == thumbprint(client)


@pytest.mark.contract("P8.2")
def test_a_client_without_a_certificate_is_served(door: Door) -> None:
    assert certificate(door.get("/probe")) is None
    assert door.get("/oidc_m2m/jwks").status_code == 200


@pytest.mark.contract("P8.2")
def test_a_strangers_certificate_is_refused_by_gunicorn_and_passed_on_by_proxies(
    ends_tls: str, door: Door, stranger: Issued, loner: Issued
) -> None:
    for issued in (stranger, loner):
        if ends_tls == "gunicorn":
            with pytest.raises(requests.exceptions.ConnectionError):
                door.get("/probe", issued)
        else:
            assert certificate(door.get("/probe", issued))["x5t#S256"] == thumbprint(issued)
    assert certificate(door.get("/probe")) is None


@pytest.mark.contract("P8.2")
def test_what_came_with_a_certificate_arrives_where_it_can(
    ends_tls: str, door: Door, indirect_client: Issued, sub_authority: Authority, pki: Path
) -> None:
    both = Issued(chain_file(pki, indirect_client, sub_authority.own), indirect_client.key)
    found = certificate(door.get("/probe", both))
    assert found["x5t#S256"] == thumbprint(indirect_client)
    assert (thumbprint(sub_authority.own) in found["chain"]) is (ends_tls == "gunicorn")


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.parametrize("form", FORMS)
def test_a_client_cannot_put_a_certificate_into_a_header(
    door: Door, client: Issued, stranger: Issued, form: str
) -> None:
    name, value = header(form, stranger)
    forged = {name: value, name.replace("-", "_"): value, name.lower(): value}
    assert certificate(door.get("/probe", headers=forged)) is None
    assert certificate(door.get("/probe", client, headers=forged))["x5t#S256"] == thumbprint(client)


@pytest.mark.contract("P8.2", "P9.1")
def test_past_the_proxy_a_header_counts_from_the_proxys_address_only(
    ends_tls: str, behind: Server, client: Issued
) -> None:
    if ends_tls == "gunicorn":
        assert behind.tls
        return
    name, value = header(FORM_OF[ends_tls], client)
    found = {"x5t#S256": thumbprint(client), "chain": []}
    assert told(behind, "127.0.0.1", {name: value}) == {"certificate": found, "ip": "127.0.0.1"}
    assert told(behind, "127.0.0.9", {name: value}) == {"certificate": None, "ip": "127.0.0.9"}
    # gunicorn drops a name with an underscore, which WSGI would not tell from the hyphen.
    underscored = {name.replace("-", "_"): value}
    assert told(behind, "127.0.0.1", underscored) == {"certificate": None, "ip": "127.0.0.1"}


@pytest.mark.contract("P8.2")
def test_a_malformed_header_from_the_proxy_is_reported(ends_tls: str, behind: Server, client: Issued) -> None:
    if ends_tls == "gunicorn":
        assert behind.tls
        return
    name, value = header(FORM_OF[ends_tls], client)
    twice = told(behind, "127.0.0.1", {name: value, name.lower(): value})
    assert "twice" in twice["refused"]
    assert name in told(behind, "127.0.0.1", {name: "junk"})["refused"]


def told(server: Server, source: str, headers: dict[str, str]) -> Any:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10, source_address=(source, 0))
    try:
        link.request("GET", "/probe", headers=headers)
        return json.loads(link.getresponse().read())
    finally:
        link.close()
