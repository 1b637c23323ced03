"""relying_parties/certificates: which certificates lead to an authority of the issuer, and which do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from issuers.client_authorities import ca_certificates_problem, read_ca_certificates
from relying_parties.certificates.client_certificates import (
    why_not_issued_by,
    why_not_registered,
)
from tests.support.authority import CA, CLIENT, Authority, Issued, self_signed

NOW = datetime.now(UTC) + timedelta(days=1)
"""Certificates are made when a test asks for them, valid from that second on for 20 days."""
SIGNS = "keyUsage=critical,keyCertSign"


def anchors(*authorities: Authority) -> tuple[x509.Certificate, ...]:
    return read_ca_certificates("".join(authority.own.pem for authority in authorities))


def refusal(
    issued: Issued, *authorities: Authority, chain: tuple[Authority, ...] = (), now: datetime = NOW
) -> str:
    sent = [each.own.der for each in chain]
    return why_not_issued_by(issued.der, sent, anchors(*authorities), now) or ""


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.1")
@pytest.mark.parametrize("key", ["ec:P-256", "ec:P-384", "rsa:2048", "ed25519"])
def test_a_certificate_of_an_authority_is_accepted(authority: Authority, key: str) -> None:
    issued = authority.issue(f"key-{key.replace(':', '-')}", CLIENT, key=key)
    assert refusal(issued, authority) == ""


@pytest.mark.contract("P8.1")
def test_it_needs_neither_a_san_nor_anything_else_but_client_auth(authority: Authority) -> None:
    bare = authority.issue("bare", CLIENT, "subjectKeyIdentifier=none", "authorityKeyIdentifier=none")
    assert refusal(bare, authority) == ""


@pytest.mark.contract("P8.1")
def test_the_authority_is_looked_for_among_several(
    authority: Authority, stranger_authority: Authority, client: Issued
) -> None:
    assert refusal(client, stranger_authority, authority) == ""
    assert "does not lead to a CA" in refusal(client, stranger_authority)
    assert "no client CA certificates" in (why_not_issued_by(client.der, [], (), NOW) or "")


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 5280", "6.1")
def test_intermediates_come_with_the_certificate_or_are_anchors_themselves(
    authority: Authority, sub_authority: Authority, indirect_client: Issued
) -> None:
    assert refusal(indirect_client, authority, chain=(sub_authority,)) == ""
    assert refusal(indirect_client, sub_authority) == ""
    assert "does not lead to a CA" in refusal(indirect_client, authority)


@pytest.mark.contract("P8.1")
def test_what_comes_with_a_certificate_is_no_authority(
    authority: Authority, stranger_authority: Authority, stranger: Issued
) -> None:
    assert "does not lead to a CA" in refusal(stranger, authority, chain=(stranger_authority,))


@pytest.mark.contract("P8.1")
def test_an_authority_of_the_same_name_is_another(authority: Authority, tmp_path: Path) -> None:
    twin = Authority.new(tmp_path)
    assert twin.own.der != authority.own.der
    assert "signature" in refusal(twin.issue("billing", CLIENT), authority)


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize("usage", ["serverAuth", "anyExtendedKeyUsage", "codeSigning,emailProtection"])
def test_it_must_be_for_clients(authority: Authority, usage: str) -> None:
    issued = authority.issue(f"for-{usage[:6]}", f"extendedKeyUsage={usage}")
    assert "not clientAuth" in refusal(issued, authority)


@pytest.mark.contract("P8.1")
def test_it_must_say_what_it_is_for(authority: Authority) -> None:
    issued = authority.issue("says-nothing", "subjectAltName=DNS:billing.example")
    assert "no extended key usage, which must be clientAuth" in refusal(issued, authority)


@pytest.mark.contract("P8.1")
def test_one_for_servers_and_clients_will_do(authority: Authority) -> None:
    both = authority.issue("both", "extendedKeyUsage=serverAuth,clientAuth", "keyUsage=digitalSignature")
    assert refusal(both, authority) == ""


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize(
    ("name", "extensions", "why"),
    [
        ("key-usage", (CLIENT, "keyUsage=critical,keyCertSign"), "not digitalSignature"),
        ("is-ca", (CLIENT, CA), "of a CA, not of a client"),
        ("critical", (CLIENT, "1.2.3.4.5=critical,ASN1:NULL"), "critical"),
    ],
)
def test_its_extensions_must_fit(
    authority: Authority, name: str, extensions: tuple[str, ...], why: str
) -> None:
    assert why in refusal(authority.issue(name, *extensions), authority)


@pytest.mark.contract("P8.1")
def test_a_certificate_of_version_1_is_refused(authority: Authority) -> None:
    assert "v3" in refusal(authority.issue("version-1"), authority)


@pytest.mark.contract("P8.1")
def test_a_short_key_is_refused(authority: Authority) -> None:
    assert "this one has 1024." in refusal(authority.issue("short", CLIENT, key="rsa:1024"), authority)


@pytest.mark.contract("P8.1")
def test_its_dates_count_and_those_above_it(
    authority: Authority, sub_authority: Authority, client: Issued, indirect_client: Issued
) -> None:
    assert "valid from" in refusal(client, authority, now=NOW - timedelta(days=2))
    assert refusal(client, authority, now=NOW + timedelta(days=18)) == ""
    assert "expired at" in refusal(client, authority, now=NOW + timedelta(days=20))
    fresh = sub_authority.issue("fresh", CLIENT, at="2030-01-01")
    later = datetime(2030, 1, 2, tzinfo=UTC)
    assert "not valid" in refusal(fresh, authority, chain=(sub_authority,), now=later)
    coming = Authority(authority.directory, authority.issue("coming", CA, SIGNS, at="2030-01-01"))
    assert refusal(coming.issue("of-coming", CLIENT, at="2030-01-01"), coming, now=later) == ""


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize(
    ("name", "extensions"),
    [
        ("no-ca", ("basicConstraints=critical,CA:FALSE", SIGNS)),
        ("nothing", ("subjectKeyIdentifier=hash",)),
        ("no-signing", (CA, "keyUsage=critical,cRLSign")),
        ("servers-only", (CA, SIGNS, "extendedKeyUsage=serverAuth")),
    ],
)
def test_what_is_no_authority_for_clients_issues_nothing(
    authority: Authority, name: str, extensions: tuple[str, ...]
) -> None:
    pretender = authority.sub_authority(name, *extensions)
    issued = pretender.issue(f"of-{name}", CLIENT)
    assert "does not lead to a CA" in refusal(issued, authority, chain=(pretender,))


@pytest.mark.contract("P8.1")
def test_an_authority_without_key_usage_may_issue(authority: Authority) -> None:
    plain = authority.sub_authority("plain", CA)
    assert refusal(plain.issue("of-plain", CLIENT), authority, chain=(plain,)) == ""


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 5280", "4.2.1.9")
def test_a_path_length_is_kept(authority: Authority) -> None:
    last = authority.sub_authority("last", "basicConstraints=critical,CA:TRUE,pathlen:0", SIGNS)
    below = last.sub_authority("below")
    assert refusal(last.issue("of-last", CLIENT), authority, chain=(last,)) == ""
    assert refusal(below.issue("of-below", CLIENT), authority, chain=(below, last)) != ""


@pytest.mark.contract("P8.1")
@pytest.mark.parametrize("junk", [b"", b"x", b"\x30\x00", b"\x30\x82\xff\xff"])
def test_junk_is_refused(authority: Authority, client: Issued, junk: bytes) -> None:
    assert "cannot be read as an X.509 certificate" in (
        why_not_issued_by(junk, [], anchors(authority), NOW) or ""
    )
    assert "cannot be read as an X.509 certificate" in (
        why_not_issued_by(client.der, [junk], anchors(authority), NOW) or ""
    )


@pytest.mark.contract("P8.1")
@pytest.mark.spec("RFC 8705", "2.2")
def test_a_self_signed_certificate_is_known_byte_by_byte(pki: Path, loner: Issued, client: Issued) -> None:
    twin = self_signed(pki, "loner-twin")
    assert why_not_registered(loner.der, [client.der, loner.der], NOW) is None
    assert "is not registered" in (why_not_registered(loner.der, [twin.der], NOW) or "")
    assert "is not registered" in (why_not_registered(loner.der, [], NOW) or "")


@pytest.mark.contract("P8.1")
def test_its_dates_count_though_it_is_registered(loner: Issued) -> None:
    assert "expired at" in (why_not_registered(loner.der, [loner.der], NOW + timedelta(days=20)) or "")
    assert "valid from" in (why_not_registered(loner.der, [loner.der], NOW - timedelta(days=2)) or "")


def test_an_issuer_has_one_to_fifty_authorities(authority: Authority, sub_authority: Authority) -> None:
    assert ca_certificates_problem(authority.own.pem) is None
    assert len(anchors(authority, sub_authority)) == 2
    assert "is given twice" in (ca_certificates_problem(50 * authority.own.pem) or "")
    assert "At most 50" in (ca_certificates_problem(51 * authority.own.pem) or "")
    assert "cannot be read as certificates in PEM" in (ca_certificates_problem("") or "")


def test_its_authorities_are_authorities(
    authority: Authority, client: Issued, server_pair: Issued, pki: Path
) -> None:
    assert "says nothing of a CA" in (ca_certificates_problem(authority.own.pem + client.pem) or "")
    assert "private key" in (ca_certificates_problem(server_pair.pem) or "")
    assert "cannot be read as certificates in PEM" in (ca_certificates_problem(client.pem[:200]) or "")
    no_ca = authority.sub_authority("no-ca-saved", "basicConstraints=CA:FALSE")
    assert "CN=no-ca-saved" in (ca_certificates_problem(no_ca.own.pem) or "")
    crl_only = authority.sub_authority("crl-only", CA, "keyUsage=cRLSign")
    assert "may not sign others" in (ca_certificates_problem(crl_only.own.pem) or "")
