"""The page of one token request: its story in words, and the configuration as it is now and as it was then."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from console.requests.event_story import story_of, where_it_ended
from issuers.models import Issuer
from relying_parties.models import ClientSecret
from tests.console.pages import federate, url
from tests.support.cast import Cast
from tests.support.wire import ask, last_event


def event(**columns: Any) -> IssuanceEvent:
    row = {"at": timezone.now(), "issuer": "http://127.0.0.1:8000/oidc_m2m", "outcome": "refused"}
    return IssuanceEvent(**row | {"http_status": 400, "error": "invalid_request"} | columns)


def page_of(browser: Client, row: IssuanceEvent) -> str:
    return " ".join(browser.get(url(IssuanceEvent, "change", row.pk)).text.split())


def then(row: IssuanceEvent, kind: str, number: int) -> str:
    return url(IssuanceEvent, "then", row.pk, kind, number)


def titles(row: IssuanceEvent) -> list[str]:
    return [chapter.title for chapter in story_of(row)]


def test_the_narrative_of_a_token_runs_top_down(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row = last_event()
    assert titles(row) == [
        "Who asked", "How it proved itself", "What it asked for", "What was granted", "What was signed",
    ]  # fmt: skip
    page = page_of(auditor, row)
    assert "Somebody who claimed to be billing asked for a token" in page
    assert f"It proved itself by a secret in the Authorization header: {row.credential}." in page
    assert f"was signed by RS256 with the key {row.kid}." in page


def test_the_story_links_what_made_the_token_now_and_then(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row, page = last_event(), page_of(auditor, last_event())
    named = {
        "issuer": cast.oidc_m2m.pk,
        "relying_party": cast.billing.pk,
        "secret": int(row.credential.partition(":")[2]),
        "signing_key": cast.key.pk,
    }
    for kind, number in named.items():
        assert f'href="{then(row, kind, number)}"' in page
        assert auditor.get(then(row, kind, number)).status_code == 200


def test_a_refusal_says_where_the_road_ended_and_what_to_do(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"), parameters={"scope": "unheard-of"})
    row, page = last_event(), page_of(auditor, last_event())
    assert titles(row)[-1] == "Why there is no token"
    assert "The request ended when it had proved itself, and what it asked for was checked" in page
    assert row.detail in page
    assert "The caller has to ask for less, or the client gets this scope." in page


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({}, "on arrival, before it was read to its end"),
        ({"client_id": "a"}, "when it was read, before anything proved who asked"),
        ({"client_id": "a", "auth_method": "private_key_jwt"}, "when it had to prove itself"),
        ({"credential": "secret:1"}, "when it had proved itself, and what it asked for was checked"),
        (
            {"credential": "secret:1", "audience": "a"},
            "when everything was granted and the token was about to be made",
        ),
        ({"outcome": "failed", "subject": "a", "kid": "k"}, "when the token was to be signed"),
    ],
)
def test_the_row_tells_where_the_request_ended(columns: dict[str, str], where: str) -> None:
    assert where_it_ended(event(**columns)) == where


def test_a_row_of_nothing_but_its_instant_has_a_story() -> None:
    assert titles(event()) == ["Who asked", "Why there is no token"]


def test_a_binding_is_described_in_words() -> None:
    chapters = story_of(event(audience="a", confirmation="x5t#S256:abc jkt:def"))
    told = " ".join(sentence for chapter in chapters for sentence in chapter.sentences)
    assert "It is bound to the TLS client certificate with the thumbprint abc." in told
    assert "It is bound to the DPoP key with the thumbprint def." in told


def test_an_object_is_shown_as_it_was_and_what_changed_since(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row = last_event()
    cast.billing.name = "Renamed later"
    cast.billing.save()
    page = " ".join(auditor.get(then(row, "relying_party", cast.billing.pk)).text.split())
    before, _, since = page.partition("What changed since")
    assert "Renamed later" not in before
    assert "Renamed later" in since


def test_what_was_deleted_since_is_still_shown_as_it_was(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row, number = last_event(), cast.billing.pk
    cast.billing.delete()
    assert "deleted since" in page_of(auditor, row)
    response = auditor.get(then(row, "relying_party", number))
    assert response.status_code == 200
    assert "Deleted:" in response.text


def test_a_secret_of_then_shows_no_digest(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    row = last_event()
    secret = ClientSecret.objects.get(pk=row.credential.partition(":")[2])
    assert secret.digest not in auditor.get(then(row, "secret", secret.pk)).text


def test_a_federated_credential_is_shown_as_it_was(cast: Cast, auditor: Client) -> None:
    credential = federate(cast.billing)
    row = event(credential=f"federated:{credential.pk}", client_id="billing")
    row.save()
    assert auditor.get(then(row, "federated", credential.pk)).status_code == 200


@pytest.mark.parametrize("kind", ["issuer", "secret", "nonsense", "signing_key"])
def test_what_the_event_does_not_name_is_not_there(cast: Cast, auditor: Client, kind: str) -> None:
    row = event(issuer="https://elsewhere.example", credential="secret:x", kid="k")
    row.save()
    assert Issuer.objects.exists()
    assert auditor.get(then(row, kind, 1)).status_code == 404
    assert page_of(auditor, row)
