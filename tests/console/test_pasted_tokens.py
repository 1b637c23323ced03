"""Paste a token: which client has it, whether it is good, what the record says of it. The token itself goes nowhere."""

import io
import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from issuance.signed_jwt import MAX_JWT_LENGTH
from issuers.versioning import revision
from keys.keyring import KeySnapshot
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from keys.signing import sign
from tests.support.cast import Cast
from tests.support.wire import ask, last_event

PAGE = "/admin/audit/issuanceevent/token/"


def pasted(browser: Client, token: str) -> str:
    response = browser.post(PAGE, {"token": token})
    assert response.status_code == 200
    assert not token.strip() or token.strip() not in response.text
    return " ".join(response.text.split())


def issued(cast: Cast) -> str:
    token: str = ask(auth=cast.basic("billing")).json["access_token"]
    return token


def test_a_fresh_token_is_ours_and_good(cast: Cast, auditor: Client) -> None:
    page = pasted(auditor, f"  {issued(cast)}\r\n")
    event = last_event()
    assert "Ours, and good now" in page
    assert f'href="/admin/audit/issuanceevent/{event.pk}/change/"' in page
    assert f'href="/admin/relying_parties/relyingparty/{cast.billing.pk}/change/"' in page
    assert f'href="/admin/keys/signingkey/{cast.key.pk}/change/"' in page
    assert "Alarm" not in page


def test_a_changed_token_is_known_by_its_signature_and_by_its_row(cast: Cast, auditor: Client) -> None:
    token = issued(cast)
    head, _, signature = token.split(".")
    ask(auth=cast.basic("billing"), parameters={})
    claims = issued(cast).split(".")[1]
    page = pasted(auditor, f"{head}.{claims}.{signature}")
    assert "Not a token of this server" in page
    assert "Its signature is not by the key of its kid" in page
    assert "this is not that token" in page


def test_a_token_of_which_there_is_no_row_is_an_alarm(cast: Cast, auditor: Client) -> None:
    page = pasted(auditor, made(cast, jti="never-recorded"))
    assert "Ours, and good now" in page
    assert "The record holds no row of this token" in page


def test_claims_that_the_record_does_not_hold_are_named(cast: Cast, auditor: Client) -> None:
    issued(cast)
    page = pasted(auditor, made(cast, jti=last_event().jti, scope="everything"))
    assert "The token does not say what the record says of it" in page
    assert '<th scope="row">scope</th> <td><code>everything</code></td>' in page


def test_an_expired_token_says_since_when(cast: Cast, auditor: Client) -> None:
    page = pasted(auditor, made(cast, exp=1_700_000_000))
    assert "Ours, but not good any more" in page
    assert "It expired at 2023-11-14 22:13:20 UTC." in page


def test_a_token_of_a_revoked_key_is_ours_and_not_good(cast: Cast, auditor: Client) -> None:
    token = issued(cast)
    revoke(SigningKey.objects.get(pk=cast.key.pk), now=timezone.now())
    revision.forget()
    page = pasted(auditor, token)
    assert "Ours, but not good any more" in page
    assert "The key that signed it was revoked at" in page


def test_a_token_whose_key_left_the_key_set_is_ours_and_not_good(cast: Cast, auditor: Client) -> None:
    token = issued(cast)
    past, day = timezone.now() - timedelta(seconds=1), timedelta(days=1)
    SigningKey.objects.filter(pk=cast.key.pk).update(
        published_at=past - 3 * day, activates_at=past - 2 * day, retires_at=past - day, expires_at=past
    )
    revision.forget()
    page = pasted(auditor, token)
    assert "Ours, but not good any more" in page
    assert f"The key that signed it left the JWKS at {past:%Y-%m-%d %H:%M:%S} UTC." in page


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"kid": "never-ours"}, "its kid was never that of a key of the issuer"),
        ({"alg": "PS256"}, "its alg is PS256, and the key of its kid signs with RS256 alone"),
    ],
)
def test_a_token_that_no_key_of_the_issuer_signed_is_not_ours(
    cast: Cast, auditor: Client, header: dict[str, str], why: str
) -> None:
    _, claims, signature = issued(cast).split(".")
    said = json.dumps({"alg": "RS256", "kid": cast.key.kid, "typ": "at+jwt"} | header)
    head = urlsafe_b64encode(said.encode()).decode().rstrip("=")
    page = pasted(auditor, f"{head}.{claims}.{signature}")
    assert "Not a token of this server" in page
    assert f"It is not ours: {why}." in page


def test_a_relying_party_that_is_disabled_since_is_reported(cast: Cast, auditor: Client) -> None:
    token = issued(cast)
    cast.billing.is_active = False
    cast.billing.save()
    page = pasted(auditor, token)
    assert "Ours, and good now" in page
    assert "Its client is disabled now" in page


def test_a_token_of_a_deleted_relying_party_is_reported(cast: Cast, auditor: Client) -> None:
    token = issued(cast)
    cast.billing.delete()
    assert "Its client was deleted since." in pasted(auditor, token)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://elsewhere.example"}, "its iss is not an issuer of this server"),
        ({"client_id": "\x00", "jti": "\ud800"}, "The record holds no row"),
        ({"client_id": ["billing"], "jti": {}, "aud": None}, "The record holds no row"),
        ({"iat": 32_503_680_000}, "Its iat is ahead of this server"),
        ({"exp": None}, "Its exp is not a number of seconds"),
    ],
)
def test_odd_claims_are_described_in_words(
    cast: Cast, auditor: Client, claims: dict[str, object], why: str
) -> None:
    assert why in pasted(auditor, made(cast, **claims)).replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "This field is required."),
        ("garbage", "This is not a token."),
        ("a.b.c", "This is not a token."),
        ("e30.e30.", "This is not a token."),
        ("x" * (MAX_JWT_LENGTH + 1), f"No token has more than {MAX_JWT_LENGTH} characters."),
        ("\x00", "Null characters are not allowed."),
    ],
)
def test_what_is_no_token_is_refused_in_words(cast: Cast, auditor: Client, text: str, why: str) -> None:
    assert why in pasted(auditor, text)


@pytest.mark.parametrize("levels", [101, 700])
def test_claims_that_are_nested_too_deep_are_refused_in_words(
    cast: Cast, auditor: Client, levels: int
) -> None:
    claims = f'{{"a": {"[" * levels}{"]" * levels}}}'
    parts = ('{"alg":"RS256"}', claims, "no signature")
    text = ".".join(urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    assert "This is not a token. Its claims are nested too deep." in pasted(auditor, text)


def test_a_pasted_token_is_neither_kept_nor_logged(
    cast: Cast, auditor: Client, log_lines: io.StringIO
) -> None:
    token = issued(cast)
    rows, entries = IssuanceEvent.objects.count(), LogEntry.objects.count()
    pasted(auditor, token)
    pasted(auditor, token + "x")
    assert (IssuanceEvent.objects.count(), LogEntry.objects.count()) == (rows, entries)
    assert token[-40:] not in log_lines.getvalue()


def test_a_token_is_never_taken_from_a_url(cast: Cast, auditor: Client) -> None:
    page = auditor.get(PAGE, {"token": issued(cast)}).text
    assert "Ours" not in page


def test_a_paste_without_its_csrf_token_is_refused(cast: Cast, auditor: Client) -> None:
    forger = Client(enforce_csrf_checks=True)
    forger.cookies = auditor.cookies
    assert forger.post(PAGE, {"token": "x"}).status_code == 403


def made(cast: Cast, **claims: object) -> str:
    """Signed with the key of oidc_m2m, past the server."""
    now = timezone.now()
    members = {
        "iss": cast.oidc_m2m.url,
        "sub": "billing",
        "client_id": "billing",
        "aud": "a",
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "jti": "made",
    }
    return sign(members | claims, header={"typ": "at+jwt"}, key=KeySnapshot.of(cast.key))
