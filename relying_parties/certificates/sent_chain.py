"""The certificates sent with a client's, bounded before the search for a path checks a signature (RFC 5280 section 6).

The search tries every order, and the sender of the certificates chooses their names and keys. So certificates that no
path needs are left out, and those that would make the search long are refused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats.foreign_keys import certificate_key_problem

MAX_INTERMEDIATES = 10
"""Certificates that may come with a client's."""
MAX_NAME_CHECKS = 10_000
"""Alternative names times name constraints, each of which the search compares with each."""


def intermediates_of(sent: Iterable[x509.Certificate], now: datetime) -> tuple[x509.Certificate, ...]:
    """Those that can be part of a path: not self-issued ones, and of equal ones the one that expires last."""
    alike: dict[object, x509.Certificate] = {}
    for certificate in sorted(
        sent, key=lambda each: (each.not_valid_before_utc <= now, each.not_valid_after_utc)
    ):
        if certificate.subject != certificate.issuer:
            alike[_link(certificate)] = certificate
    return tuple(alike.values())


def why_too_costly(leaf: x509.Certificate, intermediates: Sequence[x509.Certificate]) -> str | None:
    """Raises what cryptography raises for extensions that cannot be read."""
    if _has_circle({(each.subject, each.issuer) for each in intermediates}):
        return (
            "The certificates that came with it issue each other in a circle: send those of one path alone."
        )
    every = (leaf, *intermediates)
    checks = sum(map(_alternative_names, every)) * sum(map(_name_constraints, every))
    if checks > MAX_NAME_CHECKS:
        return f"The certificates hold too many names and name constraints: {checks} to compare."
    return None


def why_weak(leaf: x509.Certificate, intermediates: Iterable[x509.Certificate]) -> str | None:
    """The search would verify signatures with any key that was sent."""
    if problem := certificate_key_problem(leaf):
        return f"The certificate's key is not accepted. {problem}"
    for certificate in intermediates:
        if problem := certificate_key_problem(certificate):
            name = certificate.subject.rfc4514_string()
            return f"The key of the certificate {name}, which came with it, is not accepted. {problem}"
    return None


def _link(certificate: x509.Certificate) -> tuple[x509.Name, x509.Name, bytes]:
    """The values by which a path is joined; called for certificates whose key can be read."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.subject, certificate.issuer, key


def _has_circle(links: set[tuple[x509.Name, x509.Name]]) -> bool:
    """Whether the links from subject to issuer form a circle: links that lead no further are removed step by step."""
    while links:
        subjects = {subject for subject, _ in links}
        leading_on = {link for link in links if link[1] in subjects}
        if leading_on == links:
            return True
        links = leading_on
    return False


def _alternative_names(certificate: x509.Certificate) -> int:
    try:
        return len(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return 0


def _name_constraints(certificate: x509.Certificate) -> int:
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return 0
    return len(found.permitted_subtrees or ()) + len(found.excluded_subtrees or ())
