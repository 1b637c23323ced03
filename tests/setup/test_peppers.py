"""relying_parties/secrets/peppers.py: a pepper that another took the place of, as servers and commands say it."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import Settings

from relying_parties.models import ClientSecret, PepperCheck
from relying_parties.secrets.credentials import add_chosen_secret, add_generated_secret, revoke_secret
from relying_parties.secrets.peppers import pepper_problems
from tests.audit.test_schema import manage
from tests.faults.test_readiness_of_faults import reported_by
from tests.setup.test_start import SERVE, refusal
from tests.support.cast import Cast
from tests.support.server import database_url, serve

ANOTHER = b"a" * 32
NEW = b"n" * 32


def problem(pepper_id: str) -> str:
    return (
        f"SECRET_PEPPERS holds another value under the id '{pepper_id}' than the one that client secrets were made "
        "with: put the former value back under this id, or give the new one an id of its own."
    )


def written(peppers: Mapping[str, bytes]) -> dict[str, str]:
    """As the environment of a process."""
    entries = (f"{name}:{base64.b64encode(value).decode()}" for name, value in peppers.items())
    return {"SECRET_PEPPERS": ",".join(entries)}


def own() -> dict[str, bytes]:
    return dict(django_settings.SECRET_PEPPERS)


def refusals(tmp_path: Path, peppers: Mapping[str, bytes]) -> list[str]:
    """What a server says that does not start."""
    said = refusal(SERVE, tmp_path, DATABASE_URL=database_url(), **written(peppers))
    assert not any(base64.b64encode(value).decode() in said for value in peppers.values())
    return [line for line in said.splitlines() if line.startswith("m2m-idp cannot start: ")]


def digests() -> set[str]:
    return set(ClientSecret.objects.values_list("digest", flat=True))


def revoke_all(found: Iterable[ClientSecret]) -> None:
    for secret in found:
        revoke_secret(secret, now=timezone.now())


@pytest.mark.slow
def test_another_pepper_under_the_same_id_keeps_a_server_from_starting(cast: Cast, tmp_path: Path) -> None:
    assert refusals(tmp_path, {"new": NEW, "tests-1": ANOTHER}) == [
        f"m2m-idp cannot start: {problem('tests-1')}"
    ]


@pytest.mark.slow
@pytest.mark.contract("P12.4")
def test_a_running_server_says_that_others_have_another_pepper(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    with serve(tmp_path, 1, written(own() | {"new": ANOTHER})) as server:
        assert server.get("/readyz").json()["status"] == "ok"
        settings.SECRET_PEPPERS = {"new": NEW, **own()}
        add_generated_secret(relying_party=cast.billing, label="of another host")
        # For a second it says the same again.
        reported_by(server, is_awaited=lambda told: told["status"] != "ok")
        told = server.get("/readyz")
        assert (told.status_code, told.json()["status"]) == (503, "unready")
        assert told.json()["checks"]["peppers"] == [problem("new")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peppers", "entry"),
    [
        ({"tests-1": ANOTHER}, "{label: made, generate: true}"),
        ({"tests-1": ANOTHER}, "{label: before, secret_from: {file: FILE}}"),
        ({"new": NEW, "tests-1": ANOTHER}, "{label: before, secret_from: {file: FILE}}"),
    ],
)
def test_a_command_makes_and_checks_no_secret_under_another_pepper(
    cast: Cast, tmp_path: Path, peppers: dict[str, bytes], entry: str
) -> None:
    add_chosen_secret(relying_party=cast.billing, text="chosen before", label="before")
    before = digests()
    given, file = tmp_path / "secret", tmp_path / "billing.yaml"
    given.write_text("chosen before")
    file.write_text(
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, client_name: Billing, "
        f"secrets: [{entry.replace('FILE', str(given))}]}}]"
    )
    own_environment = {"DATABASE_URL": database_url(), "VAR_DIR": str(tmp_path), **written(peppers)}
    done = manage("apply", "-f", str(file), environment=own_environment)
    assert (done.returncode, problem("tests-1") in done.stderr) == (1, True), done.stdout + done.stderr
    assert digests() == before


@pytest.mark.slow
def test_a_new_pepper_beside_the_former_one_takes_over(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    settings.SECRET_PEPPERS = {"new": NEW, **own()}
    made, text = add_generated_secret(relying_party=cast.reports)
    assert made.digest.startswith("new:")
    with serve(tmp_path, 1, written(settings.SECRET_PEPPERS)) as server:
        assert server.token(("billing", cast.secrets["billing"])).status_code == 200
        form = {"grant_type": "client_credentials", "client_id": "reports", "client_secret": text}
        assert server.post("/oidc_m2m/token", data=form | {"resource": "your_application"}).status_code == 200
        assert server.get("/readyz").json()["status"] == "ok"
    revoke_all(ClientSecret.objects.filter(digest__startswith="tests-1:"))
    with serve(tmp_path, 1, written({"new": NEW})) as server:
        assert server.get("/readyz").json()["status"] == "ok"


@pytest.mark.slow
def test_secrets_from_before_the_check_values_prove_their_pepper(cast: Cast, tmp_path: Path) -> None:
    """A wrong one is never taken for the right one, though it was there first."""
    PepperCheck.objects.all().delete()
    auth = ("billing", cast.secrets["billing"])
    with serve(tmp_path, 1, written({"tests-1": ANOTHER})) as server:
        assert server.token(auth).status_code == 401
    assert not PepperCheck.objects.exists()
    with serve(tmp_path, 1, written(own())) as server:
        assert server.token(auth).status_code == 200
        assert server.get("/readyz").json()["status"] == "ok"
    assert refusals(tmp_path, {"tests-1": ANOTHER}) == [f"m2m-idp cannot start: {problem('tests-1')}"]


def test_an_id_that_no_live_secret_names_may_get_another_value(cast: Cast, settings: Settings) -> None:
    former = own()
    settings.SECRET_PEPPERS = {"tests-1": ANOTHER}
    assert pepper_problems() == [problem("tests-1")]
    with pytest.raises(ValidationError, match="put the former value back"):
        add_generated_secret(relying_party=cast.billing)
    revoke_all(ClientSecret.objects.all())
    assert pepper_problems() == []
    add_generated_secret(relying_party=cast.billing)
    assert pepper_problems() == []
    settings.SECRET_PEPPERS = former
    assert pepper_problems() == [problem("tests-1")]
