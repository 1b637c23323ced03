"""P7.8: what is read of a key set that another party publishes, whatever else stands in it."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from formats.thumbprints import thumbprint
from relying_parties.jwks.client_keys import KeyRefusedError, registered_keys, usable_keys, verification_key
from relying_parties.jwks.published_keys import published_keys
from tests.support.certificates import der_certificate, in_x5c
from tests.support.forging import decoded, encoded, signer

pytestmark = pytest.mark.contract("P7.8")

RSA, EC, OKP = signer("RS256"), signer("ES256"), signer("EdDSA")


def zeros_before(jwk: Mapping[str, Any], name: str, count: int = 1) -> dict[str, Any]:
    return {**jwk, name: encoded(bytes(count) + decoded(jwk[name]))}


@pytest.mark.spec("RFC 7518", "6.3.1.1")
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", ["n", "e"])
def test_a_published_number_may_have_zeros_before_it(name: str, count: int) -> None:
    """A registered one may not: its operator can write it again."""
    jwk = zeros_before(RSA.jwk, name, count)
    (key,) = published_keys([jwk])
    assert (key.key, key.thumbprint) == (RSA.key.public_key(), thumbprint(RSA.jwk))
    assert registered_keys({"keys": [jwk]}) == ()
    with pytest.raises(
        KeyRefusedError, match=f"Its member {name} is not written as RFC 7518 section 6 has it"
    ):
        verification_key(jwk)


@pytest.mark.parametrize(
    "jwk",
    [
        zeros_before(EC.jwk, "x"),
        {**RSA.jwk, "n": ""},
        {**RSA.jwk, "n": "A"},
        {**RSA.jwk, "n": "AAAA"},
        {**RSA.jwk, "n": "AAAA="},
        {**RSA.jwk, "n": "A+/A"},
        {**RSA.jwk, "n": 7},
        {**RSA.jwk, "n": None},
        {"kty": "RSA"},
        {**RSA.jwk, "kty": ["RSA"]},
        {**RSA.jwk, "e": encoded(b"\0\3")},
        zeros_before(RSA.jwk, "n") | {"use": "enc"},
        [],
        "x",
        None,
    ],
)
def test_what_cannot_be_read_is_passed_over(jwk: Any) -> None:
    assert [key.kid for key in published_keys([jwk, OKP.jwk])] == [OKP.kid]


def test_a_certificate_that_ends_in_the_year_0_is_passed_over() -> None:
    der = der_certificate(OKP.key, ends=datetime(2051, 1, 1, tzinfo=UTC))
    ended = der.replace(b"20510101000000Z", b"00000101000000Z")
    assert ended != der
    jwk = in_x5c(OKP.jwk, ended)
    assert [key.kid for key in usable_keys([jwk, EC.jwk])] == [EC.kid]
    assert [key.kid for key in published_keys([EC.jwk, jwk])] == [EC.kid]


class Unforeseen(dict[str, Any]):
    """A key at which its reader fails."""

    def get(self, name: str, default: Any = None) -> Any:
        raise ZeroDivisionError


def test_a_key_at_which_its_reader_fails_is_passed_over_and_logged(log_lines: io.StringIO) -> None:
    assert [key.kid for key in usable_keys([Unforeseen(OKP.jwk), EC.jwk])] == [EC.kid]
    line = json.loads(log_lines.getvalue())
    assert (line["event.action"], line["log.level"]) == ("key_not_read", "warning")
    assert line["error.type"] == "ZeroDivisionError"
