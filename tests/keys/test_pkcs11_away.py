"""A token that is away, shut or empty: what is answered, what is reported, and how it comes back."""

import pkcs11
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import Settings

from audit.models import Outcome
from issuers.models import SigningAlg
from keys import readiness
from keys.encryption import KeyUnreadableError
from keys.jwk import public_key
from keys.keyring import KeySnapshot
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from keys.pkcs11 import token as pkcs11_token
from keys.pkcs11.objects import destroy_in_token
from keys.pkcs11.uri import Pkcs11Uri
from keys.signing import check
from tests.keys.issuer_in_token import IssuerInToken, issuer_in_token
from tests.keys.softhsm import MODULE, SoftHsm
from tests.support.cast import new_issuer
from tests.support.wire import Answer, assert_well_formed_refusal, call, events, last_event

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ASKED_AGAIN_AFTER", 0)


@pytest.fixture
def vault(softhsm: SoftHsm) -> IssuerInToken:
    return issuer_in_token()


def ready() -> Answer:
    return call("GET", "/readyz", peer="127.0.0.1")


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert_well_formed_refusal(answer)


def unreadable(vault: IssuerInToken) -> str:
    with pytest.raises(KeyUnreadableError) as caught:
        check(KeySnapshot.of(vault.key))
    return str(caught.value)


def test_no_token_is_issued_while_the_token_is_away(vault: IssuerInToken, softhsm: SoftHsm) -> None:
    published = vault.jwks().body
    pkcs11_token.close()
    with softhsm.away():
        assert_unavailable(vault.ask())
        event = last_event()
        assert (event.outcome, event.http_status) == (Outcome.REFUSED, 503)
        assert event.detail.startswith("The token idp does not work (GeneralError): look at the HSM")
        assert (vault.jwks().status, vault.jwks().body) == (200, published)
        assert ready().status == 503
        assert ready().json["checks"]["keys"] == [event.detail]
    assert vault.ask().status == 200
    assert ready().json["status"] == "ok"


def test_a_token_that_goes_between_the_commit_and_the_signature_is_recorded_as_failed(
    vault: IssuerInToken, softhsm: SoftHsm
) -> None:
    assert vault.ask().status == 200
    with softhsm.away():
        assert_unavailable(vault.ask())
        issued, failed = events()[-2:]
        assert (issued.outcome, failed.outcome) == (Outcome.ISSUED, Outcome.FAILED)
        assert issued.jti == failed.jti
        assert failed.detail.startswith("Signing failed: The token idp does not work")
        assert_unavailable(vault.ask())
        assert last_event().outcome == Outcome.REFUSED
    assert vault.ask().status == 200


def test_readiness_asks_a_token_that_was_open(vault: IssuerInToken, softhsm: SoftHsm) -> None:
    assert ready().status == 200
    with softhsm.away():
        assert ready().status == 503
    assert ready().status == 200


def test_readiness_asks_a_token_once_in_a_few_seconds(
    vault: IssuerInToken, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ASKED_AGAIN_AFTER", 3600)
    with softhsm.away():
        assert ready().status == 503
    assert ready().status == 503
    assert vault.ask().status == 200
    monkeypatch.setattr(readiness, "ASKED_AGAIN_AFTER", 0)
    assert ready().status == 200


def test_a_session_that_died_is_opened_again_by_the_next_request(vault: IssuerInToken) -> None:
    assert vault.ask().status == 200
    pkcs11.lib(str(MODULE)).finalize()
    assert vault.ask().status == 200
    assert last_event().outcome == Outcome.ISSUED


def test_a_token_that_is_not_there_is_named(vault: IssuerInToken) -> None:
    vault.key.pkcs11_uri = "pkcs11:token=another;object=a"
    assert unreadable(vault) == (
        "PKCS11_MODULE knows no token another: attach it, or correct the library's configuration."
    )


def test_an_object_that_is_not_there_is_named(vault: IssuerInToken) -> None:
    destroy_in_token(Pkcs11Uri.parse(vault.key.pkcs11_uri), public_key(vault.key.public_jwk))
    assert unreadable(vault) == (
        f"The token idp has no private key {vault.key.pkcs11_uri}, or shows none without PKCS11_PIN: put it back."
    )
    assert_unavailable(vault.ask())


def test_a_key_that_several_objects_fit_is_not_guessed(vault: IssuerInToken) -> None:
    for alg in (SigningAlg.ES384, SigningAlg.EDDSA):
        create_first_key(issuer=vault.issuer, alg=alg, now=vault.key.published_at, token=Pkcs11Uri("idp"))
    vault.key.pkcs11_uri = "pkcs11:token=idp"
    assert "has several private keys pkcs11:token=idp: name one by its id" in unreadable(vault)


@pytest.mark.parametrize("alg", [SigningAlg.ES256, SigningAlg.ES384])
def test_another_key_in_its_place_is_found_out(vault: IssuerInToken, alg: SigningAlg) -> None:
    SigningKey.objects.filter(pk=vault.key.pk).update(pkcs11_uri="")
    issuer, now = new_issuer("elsewhere", "Elsewhere", alg), timezone.now()
    other = create_first_key(issuer=issuer, alg=alg, now=now, token=Pkcs11Uri("idp"))
    vault.key.pkcs11_uri = other.pkcs11_uri
    why = (
        f"does not fit the key {vault.key.kid}"
        if alg == SigningAlg.ES256
        else "is not of the curve secp256r1"
    )
    assert unreadable(vault) == f"What {other.pkcs11_uri} signs {why}: mend the token."


def test_a_wrong_pin_is_tried_once_so_that_the_token_does_not_lock(
    vault: IssuerInToken, softhsm: SoftHsm, settings: Settings
) -> None:
    pkcs11_token.close()
    settings.PKCS11_PIN = "4321"
    told = unreadable(vault)
    assert told.startswith("PKCS11_PIN is not the PIN of the token idp: correct it and restart.")
    with softhsm.away():
        assert unreadable(vault) == told
    settings.PKCS11_PIN = "1234"
    check(KeySnapshot.of(vault.key))


def test_a_missing_pin_is_reported(vault: IssuerInToken, settings: Settings) -> None:
    pkcs11_token.close()
    settings.PKCS11_PIN = ""
    assert "shows none without PKCS11_PIN" in unreadable(vault)


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("", "PKCS11_MODULE must be the path of its library"),
        ("/nowhere/library.so", "The token idp does not work .*: look at the HSM, PKCS11_MODULE"),
    ],
)
def test_a_missing_library_is_reported(
    vault: IssuerInToken, settings: Settings, module: str, why: str
) -> None:
    pkcs11_token.close()
    settings.PKCS11_MODULE = module
    with pytest.raises(KeyUnreadableError, match=why):
        check(KeySnapshot.of(vault.key))


def test_without_python_pkcs11_it_says_how_to_install_it(
    vault: IssuerInToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pkcs11_token, "pkcs11", None)
    assert unreadable(vault).endswith("pip install --require-hashes --requirement requirements-pkcs11.txt")


def test_a_call_gives_up_behind_one_that_is_not_answered(
    vault: IssuerInToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pkcs11_token, "MAX_WAIT", 0.01)
    with pkcs11_token._process.lock:
        assert unreadable(vault).startswith("The token idp did not answer for 0.01 seconds")
    check(KeySnapshot.of(vault.key))


def test_a_key_that_could_not_be_made_leaves_no_row(vault: IssuerInToken, softhsm: SoftHsm) -> None:
    pkcs11_token.close()
    with softhsm.away(), pytest.raises(KeyUnreadableError):
        create_first_key(
            issuer=vault.issuer, alg=SigningAlg.ES384, now=timezone.now(), token=Pkcs11Uri("idp")
        )
    assert not SigningKey.objects.filter(alg=SigningAlg.ES384).exists()
    with pytest.raises(ValidationError, match="has a key of this algorithm"):
        create_first_key(
            issuer=vault.issuer, alg=SigningAlg.ES256, now=timezone.now(), token=Pkcs11Uri("idp")
        )
