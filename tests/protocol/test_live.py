"""The contract on real sockets: gunicorn with two workers, and clients that share no code with it."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import jwt
import pytest
import requests
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from audit.models import IssuanceEvent
from issuers.versioning.revision import REREAD_AFTER
from tests.support.cast import INVOICES, YOUR_APPLICATION, Cast
from tests.support.outage import losable_database
from tests.support.server import Server, serve, with_static_files
from tests.support.wire import FORM

DISCOVERY = "/oidc_m2m/.well-known/openid-configuration"


@pytest.fixture
def own_server(cast: Cast, tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path, 2) as running:
        yield running


def billing(cast: Cast) -> tuple[str, str]:
    return "billing", cast.secrets["billing"]


@pytest.mark.contract("P5.1", "P5.2", "P6.3")
@pytest.mark.spec("RFC 7517", "5")
def test_a_resource_server_verifies_a_token_from_the_metadata_alone(cast: Cast, server: Server) -> None:
    metadata = server.get(DISCOVERY).json()
    answer = requests.post(
        metadata["token_endpoint"], data={"grant_type": "client_credentials"}, auth=billing(cast), timeout=10
    )
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 3600)
    token = answer.json()["access_token"]
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=INVOICES, issuer=metadata["issuer"])
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    assert joserfc_jwt.decode(token, keys, algorithms=["RS256"]).claims == claims
    assert IssuanceEvent.objects.get().jti == claims["jti"]


@pytest.mark.contract("P2.8", "P2.12")
def test_the_seeds_own_request_works(cast: Cast, tmp_path: Path) -> None:
    cast.oidc_m2m.allow_missing_grant_type = True
    cast.oidc_m2m.save()
    with serve(tmp_path, 2) as server:
        answer = server.post("/api/oidc_m2m", data=cast.in_body("reports"))
        token = answer.json().pop("access_token")
        key = jwt.PyJWKClient(server.url + "/oidc_m2m/jwks").get_signing_key_from_jwt(token)
    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "YourScope",
    }
    assert jwt.decode(token, key, algorithms=["RS256"], audience=YOUR_APPLICATION)["sub"] == "reports"


@pytest.mark.contract("P10.4")
@pytest.mark.slow
def test_what_is_no_http_is_not_quoted_in_the_log(cast: Cast, own_server: Server) -> None:
    secret = cast.secrets["billing"]
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=5) as connection:
        connection.sendall(f"client_secret={secret}&grant_type=client_credentials\r\n\r\n".encode())
        while connection.recv(4096):
            pass
    log = own_server.settled_log()
    assert "Invalid request from ip=127.0.0.1" in log
    assert secret not in log


@pytest.mark.slow
@pytest.mark.contract("P10.4")
def test_what_a_stranger_writes_in_the_host_or_origin_fills_no_log(cast: Cast, tmp_path: Path) -> None:
    hostile = b"https://" + cast.secrets["billing"].encode() + b"." + b"\xff" * 7_000
    with serve(tmp_path, 1, with_static_files(tmp_path)) as server:
        for name in ("Host", "Origin") * 5:
            server.post("/admin/login/", headers={name: hostile})
        told = server.settled_log()
    assert cast.secrets["billing"] not in told
    lines = [line for line in told.splitlines() if json.loads(line)["log.logger"].startswith("django")]
    assert len(lines) == 10
    assert all(len(line) < 1_024 for line in lines)


@pytest.mark.contract("P2.4", "P10.4")
@pytest.mark.slow
def test_no_log_holds_a_secret_and_every_line_is_json(cast: Cast, own_server: Server) -> None:
    secret, token_url = cast.secrets["reports"], "/oidc_m2m/token"
    query = urlencode({"grant_type": "client_credentials", **cast.in_body("reports")})
    statuses = [
        own_server.post(f"{token_url}?{query}", headers={"Content-Type": FORM}).status_code,
        own_server.get(f"{token_url}?{query}").status_code,
        own_server.get(f"/nowhere?{query}").status_code,
        own_server.get(token_url, headers={"Referer": secret, "Cookie": f"a={secret}"}).status_code,
        own_server.post(token_url, data=cast.in_body("reports"), headers={"User-Agent": secret}).status_code,
    ]
    assert statuses == [400, 405, 404, 405, 400]

    def hammer() -> None:
        form = {"grant_type": "x" * 400, "scope": "y" * 3000, "client_id": '"\n'}
        for _ in range(25):
            own_server.post(token_url, data=form)

    threads = [threading.Thread(target=hammer) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = own_server.settled_log()
    assert secret not in written
    told = [json.loads(line).get("event.action") for line in written.splitlines()]
    assert told.count("token_request") == 4 + 6 * 25 == IssuanceEvent.objects.count()


@pytest.mark.contract("P3.11")
@pytest.mark.parametrize("change", ["client disabled", "secret revoked"])
@pytest.mark.slow
def test_a_change_is_known_to_every_worker_within_a_second(
    cast: Cast, own_server: Server, change: str
) -> None:
    workers = own_server.workers()
    assert len(workers) == 2
    for worker in workers:
        with own_server.only(worker):
            assert own_server.token(billing(cast)).status_code == 200
    if change == "client disabled":
        cast.billing.is_active = False
        cast.billing.save()
    else:
        cast.billing.secrets.all().delete()
    changed_at = time.monotonic()
    for worker in workers:
        with own_server.only(worker):
            asked_at = time.monotonic()
            while own_server.token(billing(cast)).status_code == 200:
                assert asked_at - changed_at < 1
                asked_at = time.monotonic()


@pytest.mark.slow
@pytest.mark.contract("P5.4", "P1.1", "P1.2")
def test_the_documents_outlive_the_database(cast: Cast, tmp_path: Path) -> None:
    with losable_database(tmp_path) as database, serve(tmp_path, 2, {"DATABASE_URL": database.url}) as server:
        database.lose()
        for worker in server.workers():
            with server.only(worker):
                refused = server.token(billing(cast))
                assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
                assert int(refused.headers["Retry-After"]) > 0
                serves_documents(server, cast)


def serves_documents(server: Server, cast: Cast) -> None:
    """It does, and goes on when what it read of the configuration is too old to be believed unasked."""
    believed_until = time.monotonic() + 2 * REREAD_AFTER
    while time.monotonic() < believed_until:
        answers = [
            server.get(document) for document in ("/oidc_m2m/jwks", DISCOVERY, "/other/jwks", "/livez")
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200]
        assert [key["kid"] for key in answers[0].json()["keys"]] == [cast.key.kid]
        assert answers[1].json()["issuer"] == f"{server.url}/oidc_m2m"


@pytest.mark.contract("P2.1", "P6.1")
@pytest.mark.spec("RFC 9110", "9.3.2")
def test_an_answer_to_head_has_no_body_and_the_connection_goes_on(cast: Cast, server: Server) -> None:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for target, status in (
        ("/oidc_m2m/jwks", 200),
        (DISCOVERY, 200),
        ("/oidc_m2m/token", 405),
        ("/nowhere", 404),
    ):
        link.request("HEAD", target)
        answer = link.getresponse()
        assert (answer.status, answer.read()) == (status, b"")
    link.close()


@pytest.mark.contract("P2.3", "P2.11")
@pytest.mark.spec("RFC 9112", "7.1")
def test_a_body_in_chunks_is_read_and_bounded(cast: Cast, server: Server) -> None:
    def in_chunks(*chunks: bytes) -> int:
        url, headers = server.url + "/oidc_m2m/token", {"Content-Type": FORM}
        answer = requests.post(url, data=iter(chunks), auth=billing(cast), headers=headers, timeout=10)
        return answer.status_code

    assert in_chunks(b"grant_type=client", b"_credentials") == 200
    assert in_chunks(b"grant_type=client_credentials&x=", *(1000 * b"a" for _ in range(100))) == 413


@pytest.mark.slow
@pytest.mark.contract("P2.11")
@pytest.mark.slow
def test_clients_that_stop_in_the_middle_do_not_stop_the_server(cast: Cast, own_server: Server) -> None:
    half = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\na"
    links = [socket.create_connection(("127.0.0.1", own_server.port), timeout=30) for _ in range(40)]
    for link in links:
        link.sendall(half.encode())
    try:
        assert links[0].recv(65_536).startswith(b"HTTP/1.1 400 ")
    finally:
        for link in links:
            link.close()
    assert own_server.token(billing(cast)).status_code == 200


@pytest.mark.contract("P2.11", "P1.1")
@pytest.mark.spec("RFC 9112", "9.6")
def test_what_follows_a_refused_body_is_no_next_request(cast: Cast, server: Server) -> None:
    smuggled = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(head + b"Content-Length: 10000000\r\n\r\n" + smuggled)
        link.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: link.recv(65_536), b""))
    assert received.startswith(b"HTTP/1.1 413 ")
    assert received.count(b"HTTP/1.1") == 1
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"] == "invalid_request"


@pytest.mark.contract("P9.1", "P6.1")
def test_gunicorn_believes_no_forwarded_header(cast: Cast, server: Server) -> None:
    headers = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    headers |= {"Script-Name": "/x", "Path-Info": "/other/jwks", "Remote-User": "x", "X-Forwarded-Ssl": "on"}
    assert server.get(DISCOVERY, headers=headers).json()["issuer"] == f"{server.url}/oidc_m2m"
    server.get("/oidc_m2m/token", headers=headers)
    assert IssuanceEvent.objects.get().ip == "127.0.0.1"
