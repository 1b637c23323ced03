"""Whether a certificate is the registered one (RFC 8705 section 2.1.2), by its subject or an alternative name.

A relying party has exactly one of SUBJECT_FIELDS. Values are compared exactly, except where their standards call
different spellings equal.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509

from formats.certificates import read_certificate
from formats.distinguished_names import name_of, parsed_name

DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.I
)
EMAIL = re.compile(r"[\x21-\x3F\x41-\x7E]{1,64}@[A-Za-z0-9.-]{1,253}")
URI = re.compile(r"[\x21-\x7E]{1,2048}")

NAMES_UNREADABLE = (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What cryptography raises for alternative names that it cannot read."""


@dataclass(frozen=True, slots=True)
class SubjectField:
    """How one field is read. `comparable` raises ValueError, whose text is for the operator."""

    label: str
    comparable: Callable[[str], object]
    names: Callable[[x509.Certificate], list[object]]
    """The certificate's own, in comparable form."""


def _comparable_dn(text: str) -> object:
    name = parsed_name(text)
    if not name:
        raise ValueError("The name is empty.")
    return name


def _comparable_dns(text: str) -> object:
    if not DNS_NAME.fullmatch(text):
        raise ValueError("This is not a host name such as billing.example.com; a wildcard is not allowed.")
    return _folded(text)


def _comparable_uri(text: str) -> object:
    if not URI.fullmatch(text) or not _scheme(text):
        raise ValueError("This is not a URI such as spiffe://example.com/billing.")
    return text


def _scheme(text: str) -> str:
    try:
        return urlsplit(text).scheme
    except ValueError:
        return ""


def _comparable_ip(text: str) -> object:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError("This is not an IP address such as 192.0.2.7 or 2001:db8::7.") from error


def _comparable_email(text: str) -> object:
    if not EMAIL.fullmatch(text):
        raise ValueError("This is not an email address such as billing@example.com.")
    return _email(text)


def _email(text: str) -> str:
    """RFC 5280 section 7.5: case does not matter in the host, but it does in the mailbox."""
    mailbox, at, host = text.rpartition("@")
    return f"{mailbox}{at}{_folded(host)}"


def _folded(host: str) -> str:
    """Lower case for ASCII alone: no other letter, such as the Kelvin sign, is another spelling of a host's letter."""
    return host.lower() if host.isascii() else host


def _dns_names(certificate: x509.Certificate) -> list[object]:
    return [_folded(name) for name in _alternative_names(certificate).get_values_for_type(x509.DNSName)]


def _uris(certificate: x509.Certificate) -> list[object]:
    return [*_alternative_names(certificate).get_values_for_type(x509.UniformResourceIdentifier)]


def _ips(certificate: x509.Certificate) -> list[object]:
    return [*_alternative_names(certificate).get_values_for_type(x509.IPAddress)]


def _emails(certificate: x509.Certificate) -> list[object]:
    return [_email(name) for name in _alternative_names(certificate).get_values_for_type(x509.RFC822Name)]


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


SUBJECT_FIELDS: Mapping[str, SubjectField] = {
    "tls_client_auth_subject_dn": SubjectField(
        "subject", _comparable_dn, lambda certificate: [name_of(certificate.subject)]
    ),
    "tls_client_auth_san_dns": SubjectField("DNS name", _comparable_dns, _dns_names),
    "tls_client_auth_san_uri": SubjectField("URI", _comparable_uri, _uris),
    "tls_client_auth_san_ip": SubjectField("IP address", _comparable_ip, _ips),
    "tls_client_auth_san_email": SubjectField("e-mail address", _comparable_email, _emails),
}
"""By the name of the client's metadata, which is the model's field."""


def subject_problem(field: str, text: str) -> str | None:
    """Why this value cannot be registered."""
    try:
        SUBJECT_FIELDS[field].comparable(text)
    except ValueError as error:
        return str(error)
    return None


def why_another_subject(certificate: bytes, *, field: str, registered: str) -> str | None:
    """Why this certificate, in DER, does not have the registered name."""
    kind = SUBJECT_FIELDS[field]
    try:
        parsed = read_certificate(certificate)
        names = kind.names(parsed)
        subject = parsed.subject.rfc4514_string()
    except NAMES_UNREADABLE:
        return "The names in the certificate cannot be read."
    if kind.comparable(registered) in names:
        return None
    return f"The certificate of {subject} has not the registered {kind.label} {registered}."
