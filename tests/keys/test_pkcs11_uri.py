"""Where a key lies, as RFC 7512 writes it."""

import pytest
from django.core.exceptions import ValidationError

from keys.pkcs11.uri import Pkcs11Uri

pytestmark = pytest.mark.spec("RFC 7512", "2.3")


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("pkcs11:token=idp", Pkcs11Uri("idp")),
        ("pkcs11:token=idp;object=signing", Pkcs11Uri("idp", "signing")),
        ("pkcs11:object=a%20key;type=private;token=The%20Token", Pkcs11Uri("The Token", "a key")),
        ("pkcs11:token=idp;id=%00%ff%3B;type=private", Pkcs11Uri("idp", id=b"\x00\xff;")),
        ("pkcs11:token=%C3%BC;id=a1", Pkcs11Uri("ü", id=b"a1")),
    ],
)
def test_it_is_read(text: str, uri: Pkcs11Uri) -> None:
    assert Pkcs11Uri.parse(text) == uri


@pytest.mark.parametrize(
    "uri",
    [
        Pkcs11Uri("idp"),
        Pkcs11Uri("The;Token?", "m2m-idp / ES256 2026-01-01T00:00:00Z", b"\x00;?%/a"),
        Pkcs11Uri("ü%", id=bytes(range(256))),
    ],
)
def test_it_is_read_as_it_was_written(uri: Pkcs11Uri) -> None:
    assert Pkcs11Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("idp", "is not a PKCS#11 URI"),
        ("pkcs11:token=idp;object=%zz", "is not a PKCS#11 URI"),
        ("pkcs11:token=idp;object=a%2", "is not a PKCS#11 URI"),
        ("pkcs11:", "names no token"),
        ("pkcs11:object=signing", "names no token"),
        ("pkcs11:token=;object=signing", "names no token"),
        ("pkcs11:token=idp;slot-id=3", "may have token, object, id and type, not slot-id"),
        ("pkcs11:token=idp;type=public", "must name the private key"),
        ("pkcs11:token=idp;object=a?pin-value=1234", "come from PKCS11_PIN and PKCS11_MODULE"),
        ("pkcs11:token=idp;token=other", "is repeated"),
    ],
)
def test_it_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        Pkcs11Uri.parse(text)
    assert "1234" not in str(caught.value)
