"""P10.27, P10.28: one box finds anything, keeps nothing of what is pasted, and shows each user what he may see."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import OperationalEvent
from console.find.pasted import Kind, pasted_of
from console.find.secret_lookup import LOOKUPS, MAX_PER_MINUTE
from relying_parties.client_secrets import digest_of
from relying_parties.models import ClientSecret, RelyingParty, ResourceServer
from relying_parties.secrets.credentials import add_chosen_secret, revoke_secret
from relying_parties.secrets.lookup import secrets_with_text
from tests.console.pages import federate
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask, basic, last_event

PAGE = "/admin/find/"


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    yield
    for name in ("aud", "olga", "root"):
        LOOKUPS.forget(name)


def find(browser: Client, text: str, **asked: Any) -> Any:
    return browser.post(PAGE, {"text": text, **asked})


def hits(answer: Any, *, of: str = "exact") -> dict[str, list[str]]:
    return {group.words: [hit.text for hit in group.hits] for group in answer.context.get(of, ())}


def reader(*codenames: str) -> Client:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.mark.contract("P10.27")
@pytest.mark.parametrize("around", ["{}", "  {}\r\n", "“{}”", "'{}'"])
def test_a_single_exact_hit_is_gone_to(cast: Cast, auditor: Client, around: str) -> None:
    pod = federate(cast.billing)
    ask(auth=cast.basic("billing"))
    event = last_event()
    for text, page in {
        "billing": f"/admin/relying_parties/relyingparty/{cast.billing.pk}/change/",
        "rabbitmq": f"/admin/relying_parties/resourceserver/{cast.rabbitmq.pk}/change/",
        "oidc_m2m": f"/admin/issuers/issuer/{cast.oidc_m2m.pk}/change/",
        cast.oidc_m2m.url: f"/admin/issuers/issuer/{cast.oidc_m2m.pk}/change/",
        "https://cluster.example": f"/admin/relying_parties/trustedissuer/{pod.trusted_issuer_id}/change/",
        "seed": f"/admin/relying_parties/claimtemplate/{cast.seed_template.pk}/change/",
        cast.key.kid: f"/admin/keys/signingkey/{cast.key.pk}/change/",
        event.jti: f"/admin/audit/issuanceevent/{event.pk}/change/",
        event.request_id: f"/admin/audit/issuanceevent/{event.pk}/change/",
        "192.0.2.7": "/admin/audit/issuanceevent/?address=192.0.2.7",
        "pod": f"/admin/audit/credential/federated:{pod.pk}/",
        event.credential: f"/admin/audit/credential/{event.credential}/",
    }.items():
        answer = find(auditor, around.format(text))
        assert (answer.status_code, answer.headers.get("Location")) == (302, page), text


@pytest.mark.contract("P10.27")
def test_several_hits_are_listed_by_kind_and_each_list_ends(cast: Cast, auditor: Client) -> None:
    for number in range(12):
        ResourceServer(issuer=cast.oidc_m2m, identifier=f"billing-{number}", name="billing").save()
    answer = find(auditor, "billing")
    exact, like = hits(answer), hits(answer, of="like")
    assert exact["Clients"] == ["Billing"]
    assert len(exact["APIs"]) == 10
    assert "APIs" not in like
    assert "And more" in answer.text
    assert "billing" not in hits(find(auditor, INVOICES)).get("Clients", [])
    assert hits(find(auditor, "first"))["Client secrets"] == ["first"] * 4


@pytest.mark.contract("P10.27")
def test_a_part_of_a_name_is_listed_even_where_it_is_one_hit(cast: Cast, auditor: Client) -> None:
    answer = find(auditor, "RABBIT")
    assert answer.status_code == 200
    assert hits(answer, of="like") == {"APIs": ["rabbitmq"]}
    assert hits(answer) == {}


@pytest.mark.contract("P10.27")
def test_what_is_not_there_is_not_shown_again(cast: Cast, auditor: Client) -> None:
    for text in ("no-such-thing", "<script>alert(1)</script>", "%", "_", "a\u202eb", "x" * 400, "'; --"):
        answer = find(auditor, text)
        assert answer.status_code == 200
        assert "Nothing that you may see" in answer.text, text
        assert text not in answer.text or len(text) == 1
    assert "400 characters" in find(auditor, "x" * 401).text
    assert "at most" in find(auditor, "x" * 30_000).text


@pytest.mark.contract("P10.27")
@pytest.mark.parametrize(
    ("codename", "finds"),
    [
        ("view_issuanceevent", {"192.0.2.7"}),
        ("view_relyingparty", {"billing"}),
        ("view_resourceserver", {"rabbitmq"}),
        ("view_issuer", {"oidc_m2m"}),
        ("view_claimtemplate", {"seed"}),
        ("view_signingkey", {"kid"}),
        ("view_clientsecret", None),
    ],
)
def test_each_kind_is_found_by_who_may_see_it(cast: Cast, codename: str, finds: set[str] | None) -> None:
    ask(auth=cast.basic("billing"))
    browser = reader(codename)
    texts = {name: name for name in ("192.0.2.7", "billing", "rabbitmq", "oidc_m2m", "seed")}
    answers = {name: find(browser, text) for name, text in (texts | {"kid": cast.key.kid}).items()}
    if finds is None:
        assert {answer.status_code for answer in answers.values()} == {403}
        return
    assert {name for name, answer in answers.items() if answer.status_code == 302} == finds
    like = {words for answer in answers.values() if answer.context for words in hits(answer, of="like")}
    assert like == set()


@pytest.mark.contract("P10.28")
def test_a_pasted_token_is_judged_whatever_stands_around_it(cast: Cast, auditor: Client) -> None:
    token = ask(auth=cast.basic("billing")).json["access_token"]
    broken = "\r\n  ".join((token[:40], token[40:200], token[200:]))
    for text in (
        token,
        f"Authorization: Bearer {token}",
        f'"{token}"',
        json.dumps({"access_token": token, "token_type": "Bearer"}, indent=2),
        broken,
        f"curl -H 'Authorization: Bearer {token}' https://api.example",
    ):
        answer = find(auditor, text)
        assert "Ours, and good now" in answer.text, text[:40]
        assert token not in answer.text
        assert "exact" not in answer.context
    assert "This is not a token" in find(auditor, token[:60]).text


@pytest.mark.contract("P10.28")
def test_a_pasted_secret_is_named_with_its_client_and_state(cast: Cast, auditor: Client) -> None:
    secret, text = cast.billing.secrets.get(), cast.secrets["billing"]
    encoded = basic("billing", text)
    for around in (
        text,
        f'"client_secret": "{text}"',
        f"-d client_secret={text}&x=1",
        encoded,
        f"x {text} y",
    ):
        answer = find(auditor, around)
        assert f"Secret first …{secret.hint} of billing, live" in answer.text
        assert f'href="/admin/audit/credential/secret:{secret.pk}/"' in answer.text
        assert text not in answer.text
    revoke_secret(secret, now=secret.created_at)
    assert "of billing, revoked" in find(auditor, text).text


@pytest.mark.contract("P10.28")
def test_a_secret_that_a_person_chose_is_found_where_the_user_says_that_it_is_one(
    cast: Cast, auditor: Client
) -> None:
    add_chosen_secret(relying_party=cast.billing, text="correct horse", label="old")
    add_chosen_secret(relying_party=cast.stranger, text="correct horse", label="same")
    assert "Nothing that you may see" in find(auditor, "correct horse").text
    found = find(auditor, " correct horse ", is_secret="on").text
    assert "Secret old of billing, live" in found
    assert "Secret same of stranger, live" in found
    answer = find(auditor, "billing", is_secret="on")
    assert (answer.status_code, "It is no secret of a client" in answer.text) == (200, True)


@pytest.mark.contract("P10.28")
def test_a_secret_is_found_under_each_pepper_that_is_here(cast: Cast, settings: Any) -> None:
    text, secret = cast.secrets["billing"], cast.billing.secrets.get()
    settings.SECRET_PEPPERS = {"new": b"n" * 32, **settings.SECRET_PEPPERS}
    add_chosen_secret(relying_party=cast.reports, text=text)
    assert [found.relying_party.client_id for found in secrets_with_text(text)] == ["billing", "reports"]
    settings.SECRET_PEPPERS = {"new": b"n" * 32}
    assert [found.relying_party.client_id for found in secrets_with_text(text)] == ["reports"]
    assert secret.hint == text[-4:]


@pytest.mark.contract("P10.28")
def test_a_look_up_is_recorded_without_the_secret(cast: Cast, auditor: Client) -> None:
    secret, text = cast.billing.secrets.get(), cast.secrets["billing"]
    find(auditor, text)
    find(auditor, "guessed", is_secret="on")
    rows = OperationalEvent.objects.filter(kind="secret_looked_up").order_by("id")
    assert [(row.actor, row.source, row.address, row.target) for row in rows] == [
        ("aud", "admin", "127.0.0.1", f"secret:{secret.pk}"),
        ("aud", "admin", "127.0.0.1", ""),
    ]
    assert rows[0].detail.startswith(f"secret first …{secret.hint} of billing at {cast.oidc_m2m.url}, live")
    assert rows[1].detail == "It is no secret of a client."


@pytest.mark.contract("P10.28")
def test_nothing_that_was_pasted_is_kept(cast: Cast, auditor: Client, log_lines: io.StringIO) -> None:
    token = ask(auth=cast.basic("billing")).json["access_token"]
    texts = (token, cast.secrets["billing"], "guessed by a person")
    with CaptureQueriesContext(connection) as queries:
        answers = [find(auditor, text, is_secret="on" if " " in text else "") for text in texts]
    asked = " ".join(query["sql"] for query in queries)
    kept = [
        *(str(list(model.objects.values())) for model in (OperationalEvent, LogEntry)),
        str([session.get_decoded() for session in Session.objects.all()]),
        log_lines.getvalue(),
        asked,
        *(answer.text + str(answer.headers) for answer in answers),
    ]
    assert not [(text, place) for text in texts for place in kept if text in place]
    assert not [model for model in ("relyingparty", "resourceserver") if f'{model}"."name" LIKE' in asked]


@pytest.mark.contract("P10.28")
@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----",
        '{"kty":"OKP","crv":"Ed25519","x":"a","d":"b"}',
    ],
)
def test_a_private_key_is_searched_nowhere(cast: Cast, auditor: Client, text: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = find(auditor, text)
    assert "It looks like a private key" in answer.text
    assert not [query for query in queries if "MC4CAQ" in query["sql"] or "Ed25519" in query["sql"]]
    assert "MC4CAQ" not in answer.text


@pytest.mark.contract("P10.28")
def test_a_user_looks_up_so_many_secrets_a_minute(cast: Cast, auditor: Client, operator: Client) -> None:
    for number in range(MAX_PER_MINUTE):
        assert find(auditor, f"guess {number}", is_secret="on").status_code == 200
    answer = find(auditor, cast.secrets["billing"])
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "of billing" not in answer.text
    assert OperationalEvent.objects.filter(kind="secret_looked_up").count() == MAX_PER_MINUTE
    assert find(auditor, "rabbitmq").status_code == 302
    assert "of billing, live" in find(operator, cast.secrets["billing"]).text


@pytest.mark.contract("P10.28")
@pytest.mark.parametrize("text", ["secret", "token"])
def test_who_may_not_see_credentials_or_the_record_looks_up_none(cast: Cast, text: str) -> None:
    token = ask(auth=cast.basic("billing")).json["access_token"]
    browser = reader("view_relyingparty")
    answer = find(browser, {"secret": cast.secrets["billing"], "token": token}[text])
    assert f"It looks like a {text}, and you may not look those up" in answer.text
    assert "billing" not in answer.text
    assert not OperationalEvent.objects.filter(kind="secret_looked_up").exists()


@pytest.mark.contract("P10.28")
def test_it_is_taken_from_a_body_alone(cast: Cast, auditor: Client) -> None:
    answer = auditor.get(PAGE, {"text": "billing"})
    assert (answer.status_code, "exact" in answer.context) == (200, False)
    assert auditor.put(PAGE, {"text": "billing"}).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("root"))
    assert find(strict, "billing").status_code == 403


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("m2m_app", Kind.NAME),
        ("m2m_" + "x" * 43, Kind.SECRET),
        ("eyJhbGciOiJSUzI1NiJ9.e30.x", Kind.TOKEN),
        ("eyeglasses-service.internal-domain.example", Kind.NAME),
        ("surveyJournal-0123456789abcdef", Kind.NAME),
        ("ewoJImFsZyI6IlJTMjU2In0.eyJhIjoxfQxx.sig", Kind.TOKEN),
        ("Basic Zm9vOmJhcg==", Kind.SECRET),
        ("Basic services", Kind.NAME),
        ("https://api.example", Kind.NAME),
    ],
)
def test_what_is_pasted_is_recognised_by_its_form(text: str, kind: Kind) -> None:
    assert pasted_of(text, is_secret=False).kind == kind
    assert pasted_of(text, is_secret=True).kind == Kind.SECRET
    assert text not in repr(pasted_of(text, is_secret=False))


@pytest.mark.slow
def test_a_secret_among_ten_thousand_is_found_at_once(cast: Cast, auditor: Client) -> None:
    """All of them chosen by people, which is the slowest case: none has a hint."""
    clients = [
        RelyingParty(issuer=cast.oidc_m2m, client_id=f"c{number}", name=f"C {number}")
        for number in range(10_000)
    ]
    RelyingParty.objects.bulk_create(clients)
    ClientSecret.objects.bulk_create(
        ClientSecret(
            relying_party=client,
            chosen=True,
            digest=digest_of(f"s-{client.client_id}", issuer_id=cast.oidc_m2m.pk, client_id=client.client_id),
        )
        for client in RelyingParty.objects.filter(client_id__startswith="c").only("client_id")
    )
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        answer = find(auditor, "s-c9999", is_secret="on")
        taken.append(time.perf_counter() - started)
    assert "of c9999, live" in answer.text
    assert min(taken) < 0.6, "twice the goal: other tests run beside this one"
