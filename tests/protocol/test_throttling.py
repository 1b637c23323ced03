"""P3.10: after so many wrong secrets a minute, a guess is answered no more."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pytest_django import Settings

from issuers.models import TokenEndpointAuthMethod
from relying_parties.secrets.credentials import add_chosen_secret
from tests.support.assertions import new_robot, own, pair
from tests.support.cast import Cast, new_grant, new_relying_party
from tests.support.forging import signer
from tests.support.redis_server import redis_server
from tests.support.server import serve
from tests.support.wire import Answer, ask, assert_refused, basic

CHOSEN, WRONG = "correct horse battery staple", "wrong"
UNAVAILABLE = {
    "error": "temporarily_unavailable",
    "error_description": "Too many requests. Try again when Retry-After is over.",
}


def fail(client_id: str = "billing", *, times: int = 20, peer: str = "192.0.2.7") -> None:
    for _ in range(times):
        assert_refused(ask(auth=basic(client_id, WRONG), peer=peer), 401, "invalid_client")


def guess(secret: str = WRONG, *, client_id: str = "billing", peer: str = "192.0.2.7") -> Answer:
    return ask(auth=basic(client_id, secret), peer=peer)


@pytest.mark.contract("P3.10", "P1.1", "P1.2", "P1.3")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.spec("RFC 6585", "4")
def test_after_twenty_wrong_secrets_the_sender_of_a_further_one_learns_when_to_come_back(cast: Cast) -> None:
    fail()
    answer = guess()
    event = assert_refused(answer, 429, "temporarily_unavailable")
    assert answer.json == UNAVAILABLE
    assert 50 <= int(answer.headers["Retry-After"]) <= 60
    assert "WWW-Authenticate" not in answer.headers
    assert event.detail == (
        "The secret is none of those registered. "
        "20 authentications from 192.0.2.7/32 failed within a minute (AUTH_FAILURES_PER_MINUTE)."
    )


@pytest.mark.contract("P3.10")
def test_a_right_generated_secret_passes_even_then(cast: Cast) -> None:
    fail()
    assert guess().status == 429
    assert guess(cast.secrets["billing"]).status == 200
    assert guess().status == 429


@pytest.mark.contract("P3.10")
def test_a_right_chosen_secret_is_answered_as_a_wrong_one(cast: Cast) -> None:
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    assert guess(CHOSEN).status == 200
    fail()
    right, wrong = guess(CHOSEN), guess()
    assert "a person chose it" in assert_refused(guess(CHOSEN), 429, "temporarily_unavailable").detail
    assert (right.status, right.body) == (wrong.status, wrong.body) == (429, wrong.body)
    assert right.headers.keys() == wrong.headers.keys()
    assert abs(int(right.headers["Retry-After"]) - int(wrong.headers["Retry-After"])) <= 1


@pytest.mark.contract("P3.10")
def test_a_right_secret_neither_counts_nor_forgives(cast: Cast) -> None:
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    fail(times=19)
    assert {guess(CHOSEN).status for _ in range(25)} == {200}
    fail(times=1)
    assert guess().status == 429


@pytest.mark.contract("P3.10")
@pytest.mark.parametrize(
    ("attacker", "neighbour", "elsewhere"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", "2001:db8:0:1::1"),
        ("", "", "192.0.2.7"),
        ("unix:a", "unix:a", "unix:b"),
    ],
)
def test_failures_count_by_their_source(cast: Cast, attacker: str, neighbour: str, elsewhere: str) -> None:
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    fail(peer=attacker)
    assert guess(CHOSEN, peer=neighbour).status == 429
    assert guess(CHOSEN, peer=elsewhere).status == 200
    assert_refused(guess(peer=elsewhere), 401, "invalid_client")


@pytest.mark.contract("P3.10")
def test_failures_count_by_the_client_that_is_claimed(cast: Cast) -> None:
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    for client_id in ("reports", "nobody", "BILLING", "billing "):
        fail(client_id)
    assert guess(CHOSEN).status == 200


@pytest.mark.contract("P3.10")
def test_failures_at_one_issuer_are_not_anothers(cast: Cast) -> None:
    fail("stranger")
    wrong = ask(auth=basic("stranger", WRONG), target="/other/token")
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")


@pytest.mark.contract("P3.10", "P3.8")
@pytest.mark.parametrize(
    "who", ["wrong secret", "unknown", "another issuer's", "disabled", "wrong method", "bare"]
)
def test_every_failure_counts_alike(cast: Cast, who: str) -> None:
    """Else the moment of the first 429 would tell which clients there are."""
    new_relying_party(cast.oidc_m2m, "bare")
    attempts: dict[str, Callable[[], Answer]] = {
        "wrong secret": guess,
        "unknown": lambda: guess(client_id="nobody"),
        "another issuer's": lambda: guess(cast.secrets["stranger"], client_id="stranger"),
        "disabled": lambda: guess(client_id="retired"),
        "wrong method": lambda: ask({"client_id": "billing", "client_secret": WRONG}),
        "bare": lambda: guess(client_id="bare"),
    }
    answers = [attempts[who]() for _ in range(22)]
    assert [answer.status for answer in answers] == 20 * [401] + 2 * [429]
    assert [answer.json for answer in answers[20:]] == 2 * [UNAVAILABLE]


@pytest.mark.contract("P3.10", "P3.7")
def test_a_right_secret_by_another_method_is_a_refusal_and_no_guess(cast: Cast) -> None:
    """Some client libraries try the other method first, at each start."""
    for _ in range(30):
        event = assert_refused(ask(cast.in_body("billing")), 401, "invalid_client")
        assert event.detail == (
            "Registered for client_secret_basic, came by client_secret_post. The secret is right (secret:1)."
        )
        assert guess(cast.secrets["billing"]).status == 200
    fail()


@pytest.mark.contract("P3.10")
def test_a_right_secret_of_a_disabled_client_is_no_guess(cast: Cast) -> None:
    for _ in range(25):
        event = assert_refused(guess(cast.secrets["retired"], client_id="retired"), 401, "invalid_client")
        assert event.detail == "The client is not active. The secret is right (secret:3)."
    fail("retired")


@pytest.mark.contract("P3.10", "P3.7")
def test_a_chosen_secret_by_another_method_is_answered_as_a_wrong_one(cast: Cast) -> None:
    """Else the other method would tell which guess is right, however many were wrong."""
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    right = {"client_id": "billing", "client_secret": CHOSEN}
    wrong = right | {"client_secret": WRONG}
    assert (ask(right).status, ask(wrong).status) == (401, 401)
    fail(times=19)
    assert (ask(right).status, ask(wrong).status) == (429, 429)
    assert ask(right).body == ask(wrong).body


@pytest.mark.contract("P3.10", "P3.1")
def test_who_sends_no_secret_guesses_none(cast: Cast) -> None:
    for _ in range(25):
        assert_refused(ask({"client_id": "billing"}), 401, "invalid_client")
        assert_refused(guess(""), 401, "invalid_client")
        assert ask({"client_id": "billing"}, auth=basic("reports", "x")).status == 400
    fail()


@pytest.mark.contract("P3.10")
def test_the_limit_is_a_setting_and_nought_is_none(cast: Cast, settings: Settings) -> None:
    add_chosen_secret(relying_party=cast.billing, text=CHOSEN)
    settings.AUTH_FAILURES_PER_MINUTE = 3
    fail(times=3)
    assert (guess().status, guess(CHOSEN).status) == (429, 429)
    settings.AUTH_FAILURES_PER_MINUTE = 0
    fail(times=25)
    assert guess(CHOSEN).status == 200


@pytest.mark.slow
@pytest.mark.contract("P3.10")
def test_two_workers_count_together(cast: Cast, tmp_path: Path) -> None:
    chosen = new_relying_party(cast.oidc_m2m, "chosen", method=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC)
    new_grant(chosen, cast.invoices, ["invoices.read"], is_default=True)
    add_chosen_secret(relying_party=chosen, text=CHOSEN)
    with redis_server(tmp_path) as redis, serve(tmp_path, 2, {"CACHE_URL": redis.url}) as server:
        with ThreadPoolExecutor(8) as pool:
            wrong = Counter(pool.map(lambda _: server.token(("chosen", WRONG)).status_code, range(30)))
        assert wrong == {401: 20, 429: 10}
        for worker in server.workers():
            with server.only(worker):
                assert server.token(("chosen", CHOSEN)).status_code == 429
        assert server.token(("billing", cast.secrets["billing"])).status_code == 200


@pytest.mark.contract("P3.10")
def test_an_assertion_that_is_refused_is_no_guess(cast: Cast, settings: Settings) -> None:
    settings.AUTH_FAILURES_PER_MINUTE = 2
    new_robot(cast, signer("ES256"))
    for _ in range(4):
        assert_refused(ask(pair(own(cast, signer("ES256", "other")).made())), 401, "invalid_client")
    assert ask(pair(own(cast, signer("ES256")).made())).status == 200
