"""relying_parties/certificates/subjects.py and distinguished_names.py: whose certificate it is."""

import time

import pytest

from formats.distinguished_names import parsed_name
from relying_parties.certificates.subjects import (
    SUBJECT_FIELDS,
    subject_problem,
    why_another_subject,
)
from tests.support.authority import CLIENT, SUBJECT, Authority, Issued

SAN = (
    "subjectAltName=DNS:Billing.example.com,DNS:*.wild.example,URI:spiffe://example.com/billing,IP:192.0.2.7,"
    "IP:2001:db8::7,email:Billing@Example.com"
)


@pytest.fixture(scope="module")
def named(authority: Authority) -> Issued:
    return authority.issue("named", CLIENT, SAN)


def difference(issued: Issued, field: str, registered: str) -> str:
    assert subject_problem(f"tls_client_auth_{field}", registered) is None
    return why_another_subject(issued.der, field=f"tls_client_auth_{field}", registered=registered) or ""


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 4514", "3")
@pytest.mark.parametrize(
    "registered",
    [
        "CN=billing,OU=Money,O=Acme\\, Inc.,C=SE",
        "cn=billing,ou=Money,o=Acme\\, Inc.,c=SE",
        "CN=billing,OU=Money,O=Acme\\2C Inc.,C=SE",
        "CN=\\62illin\\67,OU=Money,O=Acme\\2c\\ Inc.,C=SE",
        "2.5.4.3=billing,2.5.4.11=Money,O=Acme\\, Inc.,C=SE",
        "OID.2.5.4.3=billing,oid.2.5.4.11=Money,O=Acme\\, Inc.,C=SE",
        "2.5.4.3=#0c0762696c6c696e67,OU=#0C054D6F6E6579,O=Acme\\, Inc.,C=#13025345",
        "CN = billing, OU = Money, O = Acme\\, Inc., C = SE",
    ],
)
def test_a_subject_is_compared_by_what_it_says(client: Issued, registered: str) -> None:
    assert difference(client, "subject_dn", registered) == ""


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize(
    "registered",
    [
        "CN=Billing,OU=Money,O=Acme\\, Inc.,C=SE",
        "CN=billing,OU=Money,O=Acme\\, Inc.",
        "CN=billing",
        "CN=billing,CN=billing,OU=Money,O=Acme\\, Inc.,C=SE",
        "C=SE,O=Acme\\, Inc.,OU=Money,CN=billing",
        "CN=billing+OU=Money,O=Acme\\, Inc.,C=SE",
        "CN=billing,OU=Money,O=Acme\\, Inc.,ST=SE",
        "CN=billing\\ ,OU=Money,O=Acme\\, Inc.,C=SE",
        "CN=billing,OU=Money,O=Acme\\,  Inc.,C=SE",
        "CN=b\\C3\\AElling,OU=Money,O=Acme\\, Inc.,C=SE",
    ],
)
def test_another_subject_is_another(client: Issued, registered: str) -> None:
    why = difference(client, "subject_dn", registered)
    assert "has not the registered subject" in why
    assert f"subject {registered}." in why


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 4514", "2.2")
def test_attributes_of_one_relative_name_have_no_order(authority: Authority) -> None:
    joined = authority.issue(
        "joined", CLIENT, subject="/O=Acme/CN=billing+UID=b-1+emailAddress=b@acme.example"
    )
    assert difference(joined, "subject_dn", "UID=b-1+EMAILADDRESS=b@acme.example+CN=billing,O=Acme") == ""
    assert difference(joined, "subject_dn", "UID=b-1,1.2.840.113549.1.9.1=b@acme.example,CN=billing,O=Acme")


@pytest.mark.contract("P8.1")
def test_every_special_character_can_be_written(authority: Authority) -> None:
    odd = authority.issue("odd", CLIENT, subject='/CN= #a"b\\+c;d<e>f\\\\g=hé ')
    assert difference(odd, "subject_dn", 'CN=\\ #a\\"b\\+c\\;d\\<e\\>f\\\\g=hé\\ ') == ""
    assert difference(odd, "subject_dn", "CN=\\20\\23a\\22b\\2bc\\3Bd\\3ce\\3ef\\5cg\\3dh\\c3\\a9\\20") == ""


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(
    ("field", "registered", "fits"),
    [
        ("san_dns", "billing.example.com", True),
        ("san_dns", "BILLING.example.COM", True),
        ("san_dns", "example.com", False),
        ("san_dns", "a.wild.example", False),
        ("san_uri", "spiffe://example.com/billing", True),
        ("san_uri", "spiffe://example.com/Billing", False),
        ("san_uri", "spiffe://example.com/billing/", False),
        ("san_ip", "192.0.2.7", True),
        ("san_ip", "192.0.2.8", False),
        ("san_ip", "2001:db8::7", True),
        ("san_ip", "2001:0DB8:0:0:0:0:0:0007", True),
        ("san_ip", "::ffff:192.0.2.7", False),
        ("san_email", "Billing@Example.com", True),
        ("san_email", "Billing@example.COM", True),
        ("san_email", "billing@example.com", False),
    ],
)
def test_an_alternative_name_is_compared_by_its_kind(
    named: Issued, field: str, registered: str, *, fits: bool
) -> None:
    assert (difference(named, field, registered) == "") is fits


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize(
    ("field", "registered"),
    [("san_dns", "billing"), ("san_uri", "urn:billing"), ("san_ip", "::1"), ("san_email", "b@example.com")],
)
def test_a_certificate_without_alternative_names_has_none(
    client: Issued, field: str, registered: str
) -> None:
    assert "/CN=billing" in SUBJECT
    assert "has not the registered" in difference(client, field, registered)


@pytest.mark.contract("P8.1")
def test_a_subject_alone_does_not_stand_for_an_alternative_name(named: Issued) -> None:
    assert "has not" in difference(named, "san_dns", "billing")


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize("name", ["DNS:bacxxxend.example", "email:a@bacxxxend.example"])
def test_a_letter_that_folds_to_another_is_another(authority: Authority, name: str) -> None:
    kind = name.partition(":")[0]
    sent = authority.issue(f"kelvin-{kind}", CLIENT, f"subjectAltName={name}").der
    # U+212A, the sign of Kelvin, is a k in small letters.
    kelvin = sent.replace(b"bacxxxend", "bac\u212aend".encode())
    field = {"DNS": "tls_client_auth_san_dns", "email": "tls_client_auth_san_email"}[kind]
    registered = {"DNS": "backend.example", "email": "a@backend.example"}[kind]
    assert why_another_subject(kelvin, field=field, registered=registered) is not None


def test_a_certificate_that_cannot_be_read_is_nobodys() -> None:
    for field in SUBJECT_FIELDS:
        assert why_another_subject(b"junk", field=field, registered="x") is not None


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("subject_dn", "", "empty"),
        ("subject_dn", "billing", "not a name"),
        ("subject_dn", "CN=", "no value"),
        ("subject_dn", "CN=a,", "not a name"),
        ("subject_dn", "CN=a,,O=b", "not a name"),
        ("subject_dn", "CN=a;O=b", "not a name"),
        ("subject_dn", "/CN=a/O=b", "not a name"),
        ("subject_dn", 'CN="a,b"', "not a name"),
        ("subject_dn", "CN=a\\", "not a name"),
        ("subject_dn", "CN=a\\zz", "not a name"),
        ("subject_dn", "CN=a\0", "not a name"),
        ("subject_dn", "CN=\\ff", "encoding"),
        ("subject_dn", "CN=#0c05ab", "short string"),
        ("subject_dn", "CN=#020101", "short string"),
        ("subject_dn", "CN=#0c", "short string"),
        ("subject_dn", "CN=#zz", "not a name"),
        ("subject_dn", "foo=a", "foo is not known"),
        ("subject_dn", "3.4=a", "not a name"),
        ("subject_dn", "CN=" + 3000 * "a", "at most"),
        ("san_dns", "*.example.com", "wildcard"),
        ("san_dns", "a b", "not a host name"),
        ("san_dns", "a..b", "not a host name"),
        ("san_dns", "a.example.\n", "not a host name"),
        ("san_uri", "billing", "not a URI"),
        ("san_uri", "https://[a", "not a URI"),
        ("san_uri", "urn:å", "not a URI"),
        ("san_ip", "192.0.2.0/24", "not an IP address"),
        ("san_ip", "192.0.2.256", "not an IP address"),
        ("san_email", "billing", "not an email address"),
        ("san_email", "a@b@c.example", "not an email address"),
    ],
)
def test_what_cannot_be_registered_is_named(field: str, text: str, why: str) -> None:
    assert why in (subject_problem(f"tls_client_auth_{field}", text) or "")


def test_a_hostile_name_takes_no_time() -> None:
    began = time.monotonic()
    for text in ("CN=" + 1000 * " a" + "\0", "CN=" + 2000 * "\\" + "\0", "CN=" + 2000 * " " + "\0"):
        with pytest.raises(ValueError, match="not a name"):
            parsed_name(text)
    assert time.monotonic() - began < 0.5
