"""manage.py create_key."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from issuers.models import Issuer
from issuers.versioning.history import Source
from keys.models import Purpose, SigningKey
from keys.record_key import record_key
from tests.support.cast import Cast
from tests.support.wire import get


def test_it_makes_a_key_and_prints_its_kid(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_key", "oidc_m2m", "ES384")

    kid = capsys.readouterr().out.strip()
    key = SigningKey.objects.get(issuer=cast.oidc_m2m, alg="ES384")
    assert key.kid == kid
    assert key.history.get().source == Source.COMMAND
    assert kid in [published["kid"] for published in get("/oidc_m2m/jwks").json["keys"]]


@pytest.mark.django_db
def test_a_slash_is_the_root_issuer(capsys: pytest.CaptureFixture[str]) -> None:
    Issuer(path="", name="Root").checked().save()

    call_command("create_key", "/", "ES256")

    assert SigningKey.objects.get(issuer__path="").kid == capsys.readouterr().out.strip()


@pytest.mark.django_db
def test_it_makes_the_key_of_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    SigningKey.objects.filter(purpose=Purpose.RECORD).delete()

    call_command("create_key", "--record")

    key = SigningKey.objects.get(purpose=Purpose.RECORD)
    assert (key.kid, key.alg, key.issuer) == (capsys.readouterr().out.strip(), "EdDSA", None)


@pytest.mark.django_db
def test_the_next_key_of_the_record_signs_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    first = SigningKey.objects.get(purpose=Purpose.RECORD)

    call_command("create_key", "--record")

    successor = SigningKey.objects.get(predecessor=first)
    assert successor.kid == capsys.readouterr().out.strip()
    assert record_key(timezone.now()).kid == successor.kid
    first.refresh_from_db()
    assert (first.retires_at, first.expires_at) == (successor.activates_at, successor.activates_at)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["oidc_m2m", "RS256"], "The issuer has a key of this algorithm; a new one is its successor."),
        (["nowhere", "RS256"], "There is no issuer nowhere. There are: oidc_m2m, other."),
        (["oidc_m2m"], "Name an issuer path and an algorithm, or --record alone."),
        ([], "Name an issuer path and an algorithm, or --record alone."),
        (["oidc_m2m", "ES256", "--record"], "Name an issuer path and an algorithm, or --record alone."),
        (["oidc_m2m", "HS256"], "invalid choice: 'HS256'"),
    ],
)
@pytest.mark.django_db
def test_it_refuses_what_it_cannot_do(arguments: list[str], message: str) -> None:
    before = SigningKey.objects.count()

    with pytest.raises(CommandError, match=message):
        call_command("create_key", *arguments)

    assert SigningKey.objects.count() == before
