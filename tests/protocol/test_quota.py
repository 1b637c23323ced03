"""P4.6: so many tokens a minute, counted once a request is granted."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.utils import timezone

from audit.models import IssuanceEvent, Outcome
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.proofs import proof
from tests.support.redis_server import redis_server
from tests.support.server import serve
from tests.support.wire import ask, assert_refused, basic

UNAVAILABLE = {
    "error": "temporarily_unavailable",
    "error_description": "Too many requests. Try again when Retry-After is over.",
}


@pytest.fixture
def billing(cast: Cast) -> tuple[str, str]:
    """Its credentials; it may ask three times a minute."""
    limit(cast, 3)
    return "billing", cast.secrets["billing"]


def limit(cast: Cast, requests_per_minute: int | None) -> None:
    cast.billing.requests_per_minute = requests_per_minute
    cast.billing.checked().save()


@pytest.mark.contract("P4.6", "P1.1", "P1.2", "P1.3")
@pytest.mark.spec("RFC 6585", "4")
def test_over_the_quota_it_learns_when_to_come_back(cast: Cast, billing: tuple[str, str]) -> None:
    assert [ask(auth=basic(*billing)).status for _ in range(3)] == [200, 200, 200]
    answer = ask(auth=basic(*billing))
    event = assert_refused(answer, 429, "temporarily_unavailable")
    assert answer.json == UNAVAILABLE
    assert 55 <= int(answer.headers["Retry-After"]) <= 60
    assert "Over the quota of 3 requests a minute (requests_per_minute" in event.detail
    assert (event.client_id, event.credential) == ("billing", f"secret:{cast.billing.secrets.get().pk}")
    assert (event.jti, event.kid) == ("", "")
    assert IssuanceEvent.objects.count() == 4


@pytest.mark.contract("P4.6")
def test_what_is_refused_for_another_reason_costs_nothing(cast: Cast, billing: tuple[str, str]) -> None:
    for _ in range(4):
        assert_refused(ask(auth=basic("billing", "wrong")), 401, "invalid_client")
        assert_refused(ask({"scope": "unknown"}, auth=basic(*billing)), 400, "invalid_scope")
        assert_refused(ask({"resource": "unknown"}, auth=basic(*billing)), 400, "invalid_target")
    SigningKey.objects.filter(pk=cast.key.pk).update(revoked_at=timezone.now())
    for _ in range(4):
        assert_refused(ask(auth=basic(*billing)), 503, "temporarily_unavailable")
    SigningKey.objects.filter(pk=cast.key.pk).update(revoked_at=None)
    assert [ask(auth=basic(*billing)).status for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.contract("P4.6")
def test_a_quota_is_one_relying_partys_own_from_wherever_it_asks(
    cast: Cast, billing: tuple[str, str]
) -> None:
    sources = ("192.0.2.7", "198.51.100.1", "2001:db8::1", "192.0.2.7")
    assert [ask(auth=basic(*billing), peer=peer).status for peer in sources] == [200, 200, 200, 429]
    cast.reports.requests_per_minute = 1
    cast.reports.save()
    assert [ask(cast.in_body("reports")).status for _ in range(2)] == [200, 429]


@pytest.mark.contract("P4.6")
def test_a_quota_that_is_raised_or_taken_away_holds_at_once(cast: Cast, billing: tuple[str, str]) -> None:
    assert [ask(auth=basic(*billing)).status for _ in range(4)] == [200, 200, 200, 429]
    limit(cast, 4)
    assert [ask(auth=basic(*billing)).status for _ in range(2)] == [200, 429]
    limit(cast, None)
    assert [ask(auth=basic(*billing)).status for _ in range(6)] == 6 * [200]


@pytest.mark.slow
@pytest.mark.contract("P4.6")
def test_of_many_requests_at_once_to_two_workers_so_many_pass(cast: Cast, tmp_path: Path) -> None:
    limit(cast, 25)
    auth = ("billing", cast.secrets["billing"])
    with redis_server(tmp_path) as redis, serve(tmp_path, 2, {"CACHE_URL": redis.url}) as server:
        for worker in server.workers():
            with server.only(worker):
                assert server.token(auth).status_code == 200
        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(lambda _: server.token(auth).status_code, range(60)))
        assert statuses == {200: 23, 429: 37}
        assert 0 < int(server.token(auth).headers["Retry-After"]) <= 60
    assert IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).count() == 25


@pytest.mark.slow
@pytest.mark.contract("P4.6", "P1.1")
def test_it_goes_on_while_redis_is_away(cast: Cast, tmp_path: Path) -> None:
    limit(cast, 1_000_000)
    auth, answers = ("billing", cast.secrets["billing"]), []
    over = threading.Event()

    with redis_server(tmp_path) as redis, serve(tmp_path, 2, {"CACHE_URL": redis.url}) as server:

        def hammer() -> None:
            while not over.is_set():
                started = time.monotonic()
                answers.append((server.token(auth).status_code, time.monotonic() - started))

        def wait_for(more: int) -> None:
            wanted, deadline = len(answers) + more, time.monotonic() + 30
            while len(answers) < wanted:
                assert time.monotonic() < deadline, "the server does not keep up"
                time.sleep(0.01)

        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_for(40)
            redis.hang()
            wait_for(40)
            redis.kill()
            wait_for(40)
            redis.start()
            wait_for(40)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        log = server.settled_log()
    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 5
    assert 1 <= log.count('"cache_away"') <= 2, "each worker says it once"


@pytest.mark.contract("P4.6", "P8.3")
def test_a_proof_that_was_used_before_spends_no_quota(dpop: Cast) -> None:
    limit(dpop, 2)
    used = proof()
    assert ask(auth=dpop.basic("billing"), headers=[("DPoP", used)]).status == 200
    for _ in range(3):
        again = ask(auth=dpop.basic("billing"), headers=[("DPoP", used)])
        assert_refused(again, 400, "invalid_dpop_proof")
    assert ask(auth=dpop.basic("billing")).status == 200
    assert_refused(ask(auth=dpop.basic("billing")), 429, "temporarily_unavailable")
