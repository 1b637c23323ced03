"""What a process remembers of the key sets of others: when it looks again, and what it does when nobody answers."""

import io
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from relying_parties.jwks import remote_keys
from relying_parties.jwks.remote_keys import KeySource, RemoteKeys, fetch_keys
from runtime.outbound.fetching import FetchError
from tests.fetching.site import Answer, Site, head, sends, serves, waits

pytestmark = pytest.mark.contract("P7.8")

MINUTE, HOUR = 60, 3_600


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def __iadd__(self, seconds: float) -> "Clock":
        self.now += seconds
        return self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> RemoteKeys[str]:
    return RemoteKeys(lambda jwks: tuple(jwk.get("kid", "?") for jwk in jwks), clock=clock)


@pytest.fixture
def source(server: Site) -> KeySource:
    server.answer = key_set("a")
    return KeySource("uri", server.url())


def key_set(*kids: str) -> Answer:
    return serves({"keys": [{"kty": "OKP", "kid": kid} for kid in kids]})


def is_kid(kid: str) -> Callable[[str], bool]:
    return lambda key: key == kid


def failure(keys: RemoteKeys[str], source: KeySource, wanted: str = "a") -> str:
    with pytest.raises(FetchError) as caught:
        keys.keys_of(source, wanted=is_kid(wanted))
    return str(caught.value)


# One fetch


def test_a_key_set_is_fetched_as_it_stands(server: Site, source: KeySource) -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "a", "other": [1]}
    server.answer = serves({"keys": [jwk, "no key", None, {}], "more": 1})
    assert fetch_keys(source) == (jwk, {})


@pytest.mark.parametrize("answer", [{}, {"keys": None}, {"keys": {}}, {"keys": "a"}, {"Keys": []}])
def test_what_is_no_key_set_is_refused(server: Site, source: KeySource, answer: dict[str, Any]) -> None:
    server.answer = serves(answer)
    with pytest.raises(FetchError, match="is not a key set: it must have a member keys, which is a list"):
        fetch_keys(source)


def test_a_set_of_too_many_keys_is_refused(server: Site, source: KeySource) -> None:
    server.answer = serves({"keys": 100 * [{}]})
    assert len(fetch_keys(source)) == 100
    server.answer = serves({"keys": 101 * [{}]})
    with pytest.raises(FetchError, match="has 101 keys: it may have 100"):
        fetch_keys(source)


@pytest.mark.spec("OpenID Connect Discovery 1.0", "4")
@pytest.mark.parametrize("path", ["", "/", "/tenant", "/tenant/"])
def test_an_issuers_keys_are_found_by_discovery(server: Site, path: str) -> None:
    issuer = server.url(path)
    server.answer = by_path(server, {
        f"{path.rstrip('/')}/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": server.url("/k")},
        "/k": {"keys": [{"kid": "a"}]},
    })  # fmt: skip
    assert fetch_keys(KeySource("discovery", issuer)) == ({"kid": "a"},)
    assert len(server.requests) == 2


@pytest.mark.spec("OpenID Connect Discovery 1.0", "4.3")
@pytest.mark.parametrize("change", ["/", "?", " ", None])
def test_metadata_of_another_issuer_is_refused(server: Site, change: str | None) -> None:
    stated = None if change is None else server.url("") + change
    server.answer = serves({"issuer": stated, "jwks_uri": server.url("/k")})
    with pytest.raises(FetchError, match="the two must be the same, byte for byte"):
        fetch_keys(KeySource("discovery", server.url("")))
    assert len(server.requests) == 1


@pytest.mark.parametrize("jwks_uri", [None, 1, ["https://127.0.0.1/"]])
def test_metadata_without_a_key_set_is_refused(server: Site, jwks_uri: object) -> None:
    server.answer = serves({"issuer": server.url(""), "jwks_uri": jwks_uri})
    with pytest.raises(FetchError, match="has no jwks_uri"):
        fetch_keys(KeySource("discovery", server.url("")))


def test_an_issuer_has_no_query(server: Site) -> None:
    with pytest.raises(FetchError, match="An issuer has no query"):
        fetch_keys(KeySource("discovery", server.url("?tenant=a")))
    assert server.requests == []


def test_discovery_and_key_set_have_one_deadline(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_keys, "MAX_FETCH", 0.6)
    metadata = serves({"issuer": server.url(""), "jwks_uri": server.url("/k")})

    def answer(connection: socket.socket) -> None:
        """The metadata late, the key set never."""
        if server.requests[-1].startswith("GET /k "):
            return waits(connection)
        threading.Event().wait(0.4)
        return metadata(connection)

    server.answer = answer
    began = time.monotonic()
    with pytest.raises(FetchError, match="did not answer"):
        fetch_keys(KeySource("discovery", server.url("")))
    assert 0.6 <= time.monotonic() - began < 0.9


def by_path(server: Site, answers: dict[str, Any]) -> Answer:
    def answer(connection: socket.socket) -> None:
        serves(answers[server.requests[-1].split()[1]])(connection)

    return answer


# What is remembered


def test_a_set_is_used_for_ten_minutes(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    assert keys.keys_of(source) == ("a",)
    server.answer = key_set("b")
    clock += 10 * MINUTE - 1
    assert keys.keys_of(source, wanted=is_kid("a")) == ("a",)
    assert len(server.requests) == 1
    clock += 1
    assert keys.keys_of(source, wanted=is_kid("a")) == ("b",)
    assert len(server.requests) == 2


def test_what_was_fetched_replaces_the_set_though_it_is_empty(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    assert keys.keys_of(source) == ("a",)
    server.answer = key_set()
    clock += 10 * MINUTE
    assert keys.keys_of(source) == ()


def test_sources_are_apart(server: Site, source: KeySource, keys: RemoteKeys[str]) -> None:
    assert keys.keys_of(source) == ("a",)
    server.answer = key_set("b")
    assert keys.keys_of(KeySource("uri", server.url("/other"))) == ("b",)
    assert keys.keys_of(source) == ("a",)


def test_the_least_used_source_is_forgotten(
    server: Site, keys: RemoteKeys[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_keys, "MAX_SOURCES", 2)
    server.answer = key_set("a")
    one, two, three = (KeySource("uri", server.url(f"/{number}")) for number in range(3))
    for source in (one, two, one, three, one, two):
        keys.keys_of(source)
    assert [request.split()[1] for request in server.requests] == ["/0", "/1", "/2", "/1"]


# Keys that a set lacks


def test_a_new_kid_is_fetched_at_once(server: Site, source: KeySource, keys: RemoteKeys[str]) -> None:
    assert keys.keys_of(source, wanted=is_kid("a")) == ("a",)
    server.answer = key_set("a", "b")
    assert keys.keys_of(source, wanted=is_kid("b")) == ("a", "b")


def test_unknown_kids_cause_one_fetch_a_minute(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    keys.keys_of(source, wanted=is_kid("a"))
    for second in range(3 * MINUTE):
        assert keys.keys_of(source, wanted=is_kid(f"nonsense-{second}")) == ("a",)
        clock += 1
    assert len(server.requests) == 1 + 3


def test_a_set_that_was_fetched_for_a_kid_in_vain_is_not_fetched_twice(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    for _ in range(50):
        assert keys.keys_of(source, wanted=is_kid("nonsense")) == ("a",)
    assert len(server.requests) == 1
    clock += MINUTE
    keys.keys_of(source, wanted=is_kid("nonsense"))
    assert len(server.requests) == 2


def test_a_kid_that_was_found_uses_the_minute_up_too(
    server: Site, source: KeySource, keys: RemoteKeys[str]
) -> None:
    keys.keys_of(source)
    server.answer = key_set("b")
    assert keys.keys_of(source, wanted=is_kid("b")) == ("b",)
    assert keys.keys_of(source, wanted=is_kid("nonsense")) == ("b",)
    assert len(server.requests) == 2


def test_a_key_that_cannot_be_used_is_lacking(server: Site, source: KeySource, clock: Clock) -> None:
    keys = RemoteKeys(lambda jwks: tuple(jwk["kid"] for jwk in jwks if "n" in jwk), clock=clock)
    assert keys.keys_of(source, wanted=is_kid("a")) == ()
    server.answer = serves({"keys": [{"kid": "a", "n": "mended"}]})
    clock += MINUTE
    assert keys.keys_of(source, wanted=is_kid("a")) == ("a",)


# When nobody answers


def test_a_failed_fetch_leaves_the_set_in_use_for_a_day(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    keys.keys_of(source)
    server.answer = serves({}, 500)
    clock += 24 * HOUR - 1
    assert keys.keys_of(source) == ("a",)
    assert len(server.requests) == 2
    clock += 1
    assert "answered 500" in failure(keys, source)


@pytest.mark.parametrize(
    "answer",
    [
        serves({}),
        serves(b"<html>"),
        serves({"keys": []}, 404),
        sends(head(Content_Length=99), b'{"keys": []}'),
    ],
)
def test_no_failure_empties_the_set(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock, answer: Answer
) -> None:
    keys.keys_of(source)
    server.answer = answer
    for _ in range(3):
        clock += HOUR
        assert keys.keys_of(source, wanted=is_kid("new")) == ("a",)
    server.answer = key_set("new")
    clock += MINUTE
    assert keys.keys_of(source, wanted=is_kid("new")) == ("new",)


def test_a_failed_fetch_is_tried_again_after_a_minute(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    keys.keys_of(source)
    server.answer = serves({}, 500)
    clock += 10 * MINUTE
    for second in range(3 * MINUTE):
        assert keys.keys_of(source, wanted=is_kid(f"nonsense-{second}")) == ("a",)
        clock += 1
    assert len(server.requests) == 1 + 3


def test_while_nothing_is_known_it_is_tried_again_after_ten_seconds(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    server.answer = serves({}, 500)
    for second in range(30):
        assert "answered 500" in failure(keys, source, f"nonsense-{second}")
        clock += 1
    assert len(server.requests) == 3
    server.answer = key_set("a")
    assert keys.keys_of(source) == ("a",)


def test_a_failure_is_logged_without_the_query(
    server: Site, keys: RemoteKeys[str], log_lines: io.StringIO
) -> None:
    server.answer = serves({}, 500)
    failure(keys, KeySource("uri", server.url("/jwks?token=secret")))
    line = json.loads(log_lines.getvalue())
    assert (line["event.action"], line["log.level"]) == ("keys_not_fetched", "warning")
    assert (line["m2m_idp.source"], "answered 500" in line["event.reason"]) == (server.url("/jwks"), True)
    assert "secret" not in log_lines.getvalue()


# Many threads


class Gate:
    """An answer that is held back until the test lets it go."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.opened = threading.Event()

    def __call__(self, connection: Any) -> None:
        self.opened.wait(10)
        self._answer(connection)


def test_while_one_fetches_the_others_use_what_is_known(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    keys.keys_of(source)
    server.wait_until_asked()
    server.answer = gate = Gate(key_set("b"))
    clock += 10 * MINUTE
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.keys_of, source)
        server.wait_until_asked()
        assert [keys.keys_of(source) for _ in range(5)] == 5 * [("a",)]
        gate.opened.set()
        assert first.result() == ("b",)
    assert len(server.requests) == 2


def test_of_those_who_lack_a_key_one_waits_for_the_one_that_fetches(
    server: Site, source: KeySource, keys: RemoteKeys[str]
) -> None:
    keys.keys_of(source)
    server.wait_until_asked()
    server.answer = gate = Gate(key_set("new"))
    with ThreadPoolExecutor(8) as pool:
        asked = at_once(pool, lambda: keys.keys_of(source, wanted=is_kid("new")), 8)
        at_the_gate, told = two_of(asked)
        assert [future.result() for future in told] == 6 * [("a",)]
        assert keys.keys_of(source, wanted=is_kid("a")) == ("a",)
        gate.opened.set()
        assert [future.result() for future in at_the_gate] == 2 * [("new",)]
    assert len(server.requests) == 2


def test_junk_holds_two_threads_during_one_fetch_a_minute(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    keys.keys_of(source)
    kids = itertools.count()
    for minute in range(2):
        server.answer = gate = Gate(key_set("a"))
        with ThreadPoolExecutor(8) as pool:
            asked = at_once(pool, lambda: keys.keys_of(source, wanted=is_kid(f"junk-{next(kids)}")), 8)
            at_the_gate, _ = two_of(asked)
            gate.opened.set()
            assert [future.result() for future in at_the_gate] == 2 * [("a",)]
        assert len(server.requests) == 2 + minute
        clock += MINUTE


def test_of_a_source_of_which_nothing_is_known_one_waits_and_the_others_try_again(
    server: Site, source: KeySource, keys: RemoteKeys[str]
) -> None:
    server.answer = gate = Gate(key_set("a"))
    with ThreadPoolExecutor(8) as pool:
        asked = at_once(pool, lambda: keys.keys_of(source), 8)
        at_the_gate, told = two_of(asked)
        for future in told:
            with pytest.raises(FetchError, match="are being fetched: try again"):
                future.result()
        gate.opened.set()
        assert [future.result() for future in at_the_gate] == 2 * [("a",)]
    assert len(server.requests) == 1


def test_nobody_waits_for_a_source_that_failed(
    server: Site, source: KeySource, keys: RemoteKeys[str], clock: Clock
) -> None:
    server.answer = serves({}, 500)
    failure(keys, source)
    server.wait_until_asked()
    server.answer = gate = Gate(key_set("a"))
    clock += 10
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.keys_of, source)
        server.wait_until_asked()
        assert "answered 500" in failure(keys, source)
        gate.opened.set()
        assert first.result() == ("a",)


def test_who_waits_in_vain_learns_why(server: Site, source: KeySource, keys: RemoteKeys[str]) -> None:
    server.answer = gate = Gate(serves({}, 500))
    with ThreadPoolExecutor(3) as pool:
        at_the_gate, _ = two_of(at_once(pool, lambda: failure(keys, source), 3))
        gate.opened.set()
        assert all("answered 500" in future.result() for future in at_the_gate)
    assert len(server.requests) == 1


def test_waiting_has_an_end(
    server: Site, source: KeySource, keys: RemoteKeys[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = gate = Gate(key_set("a"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.keys_of, source)
        server.wait_until_asked()
        monkeypatch.setattr(remote_keys, "MAX_FETCH", 0.1)
        for _ in range(2):
            assert "are being fetched: try again" in failure(keys, source)
        gate.opened.set()
        assert first.result() == ("a",)


def at_once(pool: ThreadPoolExecutor, act: Callable[[], Any], count: int) -> list[Future[Any]]:
    start = threading.Barrier(count)
    return [pool.submit(lambda: (start.wait(), act())[1]) for _ in range(count)]


def two_of(asked: list[Future[Any]]) -> tuple[set[Future[Any]], set[Future[Any]]]:
    """Those two that stand still, and the others once they are answered."""
    answered: set[Future[Any]] = set()
    for future in as_completed(asked, timeout=10):
        answered.add(future)
        if len(answered) == len(asked) - 2:
            break
    at_the_gate = set(asked) - answered
    assert not any(future.done() for future in at_the_gate)
    return at_the_gate, answered
