"""Rotating, activating and revoking a key by hand: each explains on GET, acts on POST, and leaves names behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from console.signing_keys import act_pages
from console.tokens import unexpired_tokens
from issuers.models import ConfigurationRevision
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.console.conftest import Roles
from tests.console.forms import act as do
from tests.console.pages import body_of, url
from tests.support.cast import Cast
from tests.support.wire import ask, get, last_event

ACTS = ("rotate", "activate", "revoke")
WORD = {"word": "revoke"}


def fresh(key: SigningKey) -> SigningKey:
    return SigningKey.objects.select_related("issuer").get(pk=key.pk)


@pytest.fixture
def key(cast: Cast) -> SigningKey:
    """The active key, of ES256, which is quick to succeed."""
    return cast.other_key


@pytest.fixture
def successor(key: SigningKey) -> SigningKey:
    announced = announce_successor(key, now=timezone.now())
    assert announced is not None
    return announced


def page(key: SigningKey, act: str) -> str:
    return url(SigningKey, act, key.pk)


def told(client: Client, target: str, **form: Any) -> str:
    """The message to the operator after a POST, on whatever page comes."""
    response = do(client, target, form, follow=True)
    return " ".join(str(message) for message in response.context["messages"])


def token_of(cast: Cast) -> str:
    answer = ask(auth=cast.basic("stranger"), target="/other/token")
    return str(answer.header["kid"])


def published() -> set[str]:
    return {jwk["kid"] for jwk in get("/other/jwks").json["keys"]}


def state() -> tuple[Any, ...]:
    keys = SigningKey.objects.order_by("pk").values_list("pk", "activates_at", "retires_at", "revoked_at")
    return ConfigurationRevision.objects.get().number, LogEntry.objects.count(), list(keys)


@pytest.mark.parametrize("act", ACTS)
def test_the_page_of_an_act_changes_nothing(
    key: SigningKey, successor: SigningKey, operator: Client, act: str
) -> None:
    before = state()
    target = successor if act == "activate" else key
    operator.get(page(target, act))
    assert state() == before


@pytest.mark.contract("P10.1")
@pytest.mark.parametrize("role", ["anonymous", "nobody", "auditor"])
@pytest.mark.parametrize("act", ACTS)
def test_a_reader_acts_on_no_key(
    key: SigningKey, successor: SigningKey, roles: Roles, role: str, act: str
) -> None:
    before = state()
    for target in (key, successor):
        response = roles[role].post(page(target, act), WORD)
        assert response.status_code == (302 if role == "anonymous" else 403)
    assert state() == before


def test_rotating_announces_a_successor_for_the_whole_period(
    cast: Cast, key: SigningKey, operator: Client
) -> None:
    message = told(operator, page(key, "rotate"))
    successor = SigningKey.objects.get(predecessor=key)
    assert successor.activates_at - successor.published_at == timedelta(seconds=cast.other.announce_period)
    assert successor.kid in message
    assert f"it signs from {successor.activates_at:%Y-%m-%d %H:%M} UTC." in message
    assert published() == {key.kid, successor.kid}
    assert token_of(cast) == key.kid


def test_the_page_says_from_when_the_successor_would_sign(
    cast: Cast, key: SigningKey, operator: Client
) -> None:
    signs_from = timezone.now() + timedelta(seconds=cast.other.announce_period)
    assert f"{signs_from:%Y-%m-%d %H}" in body_of(operator, page(key, "rotate"))


def test_an_act_names_the_operator_in_history_and_log(key: SigningKey, operator: Client) -> None:
    told(operator, page(key, "rotate"))
    successor = SigningKey.objects.get(predecessor=key)
    assert {row.history_user_id for row in (successor.history.get(), key.history.latest())} == {"olga"}
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("olga", str(key.pk))
    assert successor.kid in entry.get_change_message()


def test_a_key_is_not_rotated_twice(key: SigningKey, operator: Client) -> None:
    told(operator, page(key, "rotate"))
    assert "is announced already: it signs from" in told(operator, page(key, "rotate"))
    assert SigningKey.objects.filter(predecessor=key).count() == 1


def test_of_two_operators_who_rotate_at_once_one_learns_of_the_other(
    key: SigningKey, successor: SigningKey, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the loser of the race sees it.
    monkeypatch.setattr(act_pages, "why_not_rotated", lambda _key, _now: None)
    assert "Someone else announced a successor at this moment" in told(operator, page(key, "rotate"))
    assert SigningKey.objects.filter(predecessor=key).get() == successor


@pytest.mark.parametrize("act", ["rotate", "activate"])
def test_a_retiring_key_is_neither_rotated_nor_activated(
    key: SigningKey, successor: SigningKey, operator: Client, act: str
) -> None:
    activate_without_waiting(successor, now=timezone.now())
    before = state()
    assert f"The key {key.kid} is retiring: only" in told(operator, page(key, act))
    assert state() == before


def test_a_key_can_sign_before_its_time(
    cast: Cast, key: SigningKey, successor: SigningKey, operator: Client
) -> None:
    assert "signs from now on, before its time" in told(operator, page(successor, "activate"))
    assert token_of(cast) == successor.kid
    assert fresh(key).state() == KeyState.RETIRING


def test_activating_says_what_it_risks(cast: Cast, successor: SigningKey, operator: Client) -> None:
    assert f"{cast.other.jwks_max_age} seconds" in body_of(operator, page(successor, "activate"))


def test_activating_names_the_key_that_signs_until_then(
    key: SigningKey, successor: SigningKey, operator: Client
) -> None:
    revoked = do(operator, page(successor, "revoke"), WORD)
    assert revoked.status_code == 302
    in_its_place = SigningKey.objects.get(predecessor=successor)
    assert f"{key.kid}</code> no longer signs" in body_of(operator, page(in_its_place, "activate"))


def test_the_second_operator_to_activate_learns_of_it(
    successor: SigningKey, operator: Client, superuser: Client
) -> None:
    told(operator, page(successor, "activate"))
    assert "is active: only an announced key can be activated" in told(superuser, page(successor, "activate"))


def test_revoking_lets_a_new_key_sign_at_once(cast: Cast, key: SigningKey, operator: Client) -> None:
    message = told(operator, page(key, "revoke"), **WORD)
    replacement = SigningKey.objects.get(predecessor=key)
    assert f"is revoked. The key {replacement.kid} signs from now on." in message
    assert token_of(cast) == replacement.kid
    assert published() == {replacement.kid}


def test_revoking_activates_the_announced_key(
    cast: Cast, key: SigningKey, successor: SigningKey, operator: Client
) -> None:
    assert f"The announced key <code>{successor.kid}</code> signs at once" in body_of(
        operator, page(key, "revoke")
    )
    assert f"The key {successor.kid} signs from now on." in told(operator, page(key, "revoke"), **WORD)
    assert token_of(cast) == successor.kid


def test_revoking_an_announced_key_announces_another(
    key: SigningKey, successor: SigningKey, operator: Client
) -> None:
    message = told(operator, page(successor, "revoke"), **WORD)
    another = SigningKey.objects.get(predecessor=successor)
    assert f"The key {another.kid} is announced in its place" in message
    assert fresh(key).state() == KeyState.ACTIVE


def test_revoking_a_retiring_key_tells_of_no_other(
    key: SigningKey, successor: SigningKey, operator: Client
) -> None:
    activate_without_waiting(successor, now=timezone.now())
    assert told(operator, page(key, "revoke"), **WORD) == f"The key {key.kid} is revoked."


@pytest.mark.parametrize("word", ["", "Revoke", "revoke it", "yes", "x" * 1000])
def test_nothing_is_revoked_without_the_word(key: SigningKey, operator: Client, word: str) -> None:
    before = state()
    response = do(operator, page(key, "revoke"), {"word": word})
    assert (response.status_code, state()) == (200, before)
    assert response.context["form"].errors


def test_the_page_counts_the_unexpired_tokens(cast: Cast, key: SigningKey, operator: Client) -> None:
    assert "No unexpired token carries this key." in body_of(operator, page(key, "revoke"))
    ask(auth=cast.basic("billing"))
    token_of(cast)
    assert "1 unexpired token carries this key." in body_of(operator, page(key, "revoke"))
    token_of(cast)
    assert "2 unexpired tokens carry this key." in body_of(operator, page(key, "revoke"))


@pytest.mark.parametrize("other", [{"kid": "another"}, {"issuer": "https://another.example"}])
def test_tokens_of_another_key_or_issuer_are_not_counted(
    cast: Cast, key: SigningKey, other: dict[str, str]
) -> None:
    token_of(cast)
    event = last_event()
    event.pk = None
    for name, value in other.items():
        setattr(event, name, value)
    event.save()
    assert unexpired_tokens.unexpired_tokens(fresh(key), now=timezone.now()).count == 1


def test_tokens_that_expired_are_not_counted(cast: Cast, key: SigningKey) -> None:
    token_of(cast)
    later = timezone.now() + timedelta(seconds=cast.other.default_access_token_ttl + 1)
    assert unexpired_tokens.unexpired_tokens(fresh(key), now=later).count == 0


def test_a_large_record_is_not_read_whole(
    cast: Cast, key: SigningKey, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        token_of(cast)
    monkeypatch.setattr(unexpired_tokens, "MAX_COUNTED", 2)
    assert "More than 2 unexpired tokens carry this key." in body_of(operator, page(key, "revoke"))
    monkeypatch.setattr(unexpired_tokens, "MAX_READ", 1)
    assert "At least 1 unexpired token carries this key" in body_of(operator, page(key, "revoke"))


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_revoked_key_is_not_revoked_again(
    key: SigningKey, operator: Client, superuser: Client, method: str
) -> None:
    told(operator, page(key, "revoke"), **WORD)
    before = state()
    response = getattr(superuser, method)(page(key, "revoke"), WORD, follow=True)
    assert "is revoked already: it is no longer in the JWKS." in response.content.decode()
    assert state() == before


def test_of_two_operators_who_revoke_at_once_one_learns_of_it(
    key: SigningKey, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(operator, page(key, "revoke"), **WORD)
    # As the loser of the race sees it.
    monkeypatch.setattr(act_pages, "why_not_in_use", lambda _key, _now: None)
    assert f"The key {key.kid} is revoked already." in told(operator, page(key, "revoke"), **WORD)


def test_an_expired_key_is_not_revoked(key: SigningKey, successor: SigningKey, operator: Client) -> None:
    past = timezone.now() - timedelta(days=10)
    SigningKey.objects.filter(pk=key.pk).update(
        published_at=past, activates_at=past, retires_at=past, expires_at=past
    )
    assert "is expired already" in told(operator, page(key, "revoke"), **WORD)
    assert fresh(key).revoked_at is None


def test_a_key_of_the_record_is_not_acted_on(cast: Cast, operator: Client) -> None:
    key = SigningKey.objects.get(purpose="record")
    assert {operator.post(page(key, act), WORD).status_code for act in ACTS} == {404}
    assert operator.get(url(SigningKey, "change", key.pk)).status_code == 200


def test_a_key_that_is_away_is_reported_and_not_an_error(
    key: SigningKey, operator: Client, settings: Any
) -> None:
    settings.KEY_ENCRYPTION_KEYS = {"another": bytes(32)}
    SigningKey.objects.filter(pk=key.pk).update(kid="not-yet-read")
    assert "which KEY_ENCRYPTION_KEYS does not hold. Put it back." in (
        operator.get(page(key, "request"), follow=True).content.decode()
    )
