"""A client's keys as people have them: PEM of keys and certificates, a JWK. What is made of them is shown first."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client

from relying_parties.models import RelyingParty
from tests.configuration.files import applied, problems_of
from tests.console.forms import form_of
from tests.console.pages import url
from tests.support.assertions import new_robot, own, send
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, pem_of, x5c_of
from tests.support.forging import Signer, signer

pytestmark = pytest.mark.contract("P10.18")

KEY = new_key()
END = datetime.now(tz=UTC).replace(microsecond=0) + timedelta(days=90)
CERTIFICATE = certificate_until(KEY, END, name="robot")
ASKS = "Nothing is saved yet. Compare the keys that will be registered, then save again:"


def pem_of_key(by: Signer) -> str:
    return by.der(Encoding.PEM).decode()


def saved(operator: Client, page: str, jwks: str) -> Any:
    return operator.post(page, form_of(operator, page) | {"client_jwks": jwks})


def shown(answer: Any) -> tuple[list[str], str]:
    """What the page says of the field, and what the field holds."""
    form = answer.context["adminform"].form
    return form.errors["client_jwks"], str(form["client_jwks"].value())


@pytest.mark.parametrize("alg", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_public_key_in_pem_is_shown_and_then_registered(cast: Cast, operator: Client, alg: str) -> None:
    by = signer(alg)
    robot = new_robot(cast, signer("PS256"))
    page = url(RelyingParty, "credentials", robot.pk)
    before = RelyingParty.objects.get(pk=robot.pk).client_jwks
    told, held = shown(saved(operator, page, f"some notes\n{pem_of_key(by)}"))
    (jwk,) = json.loads(held)["keys"]
    assert told[0] == ASKS
    assert told[1].startswith(f"Key ID {jwk['kid']}, thumbprint {jwk['kid']}, signs with {by.alg}")
    assert "notes" not in held
    assert RelyingParty.objects.get(pk=robot.pk).client_jwks == before
    assert saved(operator, page, held).status_code == 302
    assert send(own(cast, replace(by, kid=jwk["kid"])).made()).status == 200


def test_certificates_in_pem_bring_their_keys_and_stand_in_x5c(cast: Cast, operator: Client) -> None:
    second = new_key()
    pem = pem_of(CERTIFICATE, certificate_until(second, END, name="next"))
    page = url(RelyingParty, "credentials", new_robot(cast).pk)
    told, held = shown(saved(operator, page, pem))
    first, _next = json.loads(held)["keys"]
    assert first["x5c"] == x5c_of(CERTIFICATE)
    assert {name: first[name] for name in jwk_of(KEY)} == jwk_of(KEY)
    assert f"certificate of CN=robot, which ends on {END:%Y-%m-%d %H:%M} UTC." in told[1]
    assert "certificate of CN=next" in told[2]
    assert saved(operator, page, held).status_code == 302


def test_a_single_jwk_is_made_a_jwk_set_and_keeps_its_kid(cast: Cast, operator: Client) -> None:
    page = url(RelyingParty, "credentials", new_robot(cast).pk)
    told, held = shown(saved(operator, page, json.dumps(jwk_of(KEY, kid="mine"))))
    assert told[0] == ASKS
    assert told[1].startswith("Key ID mine, thumbprint ")
    assert json.loads(held) == {"keys": [jwk_of(KEY, kid="mine")]}
    assert saved(operator, page, held).status_code == 302


def test_a_private_key_is_refused_and_not_shown_again(cast: Cast, operator: Client) -> None:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    page = url(RelyingParty, "credentials", new_robot(cast).pk)
    for sent in (private, pem_of(CERTIFICATE) + private):
        answer = saved(operator, page, sent)
        told, held = shown(answer)
        assert told[0].startswith("This holds a private key, which was not kept")
        assert held == ""
        assert private.splitlines()[1] not in answer.content.decode()


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "A certificate in the PEM is damaged."),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "A public key in the PEM is damaged."),
        (pem_of(CERTIFICATE)[:-40], "The PEM is cut off: give it whole"),
        ("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----", "The PEM holds a DH PARAMETERS;"),
        ("-----BEGIN A-----\n" * 200, "The PEM holds 200 parts"),
    ],
)  # fmt: skip
def test_pem_that_cannot_be_used_is_refused_in_words(
    cast: Cast, operator: Client, sent: str, problem: str
) -> None:
    page = url(RelyingParty, "credentials", new_robot(cast).pk)
    told, held = shown(saved(operator, page, sent))
    assert told[0].startswith(problem)
    assert held == ""


FILE = """
relying_parties:
  - {issuer: oidc_m2m, client_id: robot, client_name: Robot, jwks_from: {file: keys.pem}}
"""


def test_a_file_takes_pem_as_well(cast: Cast, tmp_path: Path) -> None:
    by = signer("ES256")
    new_robot(cast, signer("RS256"))
    (tmp_path / "keys.pem").write_text(pem_of_key(by) + pem_of(CERTIFICATE))
    applied(FILE, folder=tmp_path)
    jwks: Any = RelyingParty.objects.get(client_id="robot").client_jwks
    keys = jwks["keys"]
    assert [("x5c" in key, len(key["kid"])) for key in keys] == [(False, 43), (True, 43)]
    assert send(own(cast, replace(by, kid=keys[0]["kid"])).made()).status == 200
    assert applied(FILE, folder=tmp_path).changes == ()
    (tmp_path / "keys.pem").write_text("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----")
    (problem,) = problems_of(FILE, folder=tmp_path)
    assert "A public key in the PEM is damaged." in problem
