"""What verifiers are shown: a real token, and what they have to refuse."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from relying_parties.token_types import TokenType
from tests.cast import INVOICES, YOUR_APPLICATION, Cast
from tests.interop.conftest import Provider

AUDIENCE = INVOICES
SECONDS_TO_SEE_A_CHANGE = 10


@dataclass(frozen=True, slots=True)
class Tokens:
    good: str
    """For AUDIENCE, with the header `typ` at+jwt."""
    elsewhere: str
    """For another audience; all else is as in the good one."""
    changed: str
    """The good one with one more scope, under the signature of the good one."""
    plain: str
    """For AUDIENCE, from a resource server with `token_typ` JWT."""


def tokens_from(provider: Provider, cast: Cast) -> Tokens:
    good = _token(provider, cast, INVOICES)
    assert _part(good, 0)["typ"] == "at+jwt"
    return Tokens(
        good=good,
        elsewhere=_token(provider, cast, YOUR_APPLICATION),
        changed=_changed(good),
        plain=_plain(provider, cast),
    )


def _plain(provider: Provider, cast: Cast) -> str:
    cast.invoices.token_typ = TokenType.JWT
    cast.invoices.checked().save()
    deadline = time.monotonic() + SECONDS_TO_SEE_A_CHANGE
    while time.monotonic() < deadline:
        token = _token(provider, cast, INVOICES)
        if _part(token, 0)["typ"] == "JWT":
            return token
    raise AssertionError(f"The tokens still have another typ after {SECONDS_TO_SEE_A_CHANGE} s.")


def _token(provider: Provider, cast: Cast, resource: str) -> str:
    asked = {"grant_type": "client_credentials", "resource": resource, "scope": "invoices.read"}
    answer = provider.server.post(
        "/oidc_m2m/token", data=asked, headers={"Authorization": cast.basic("billing")}
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def _changed(token: str) -> str:
    header, _, signature = token.split(".")
    claims = _part(token, 1)
    claims["scope"] += " invoices.write"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def _part(token: str, index: int) -> dict[str, Any]:
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[index] + "=="))
    return part
