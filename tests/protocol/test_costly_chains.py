"""P8.4: whoever sends a chain of certificates chooses names and keys, but not what it costs to refuse it."""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.core.exceptions import ValidationError

from issuers.client_authorities import client_authorities
from tests.protocol.certificates import ask_with, assert_proven, new_certified
from tests.support.authority import CLIENT, Authority
from tests.support.cast import Cast
from tests.support.weak_keys import costly_key, roca_key
from tests.support.wire import assert_refused

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
NOW = datetime.now(UTC)
REFUSED = "The client certificate is refused. "
NO_PATH = REFUSED + "The certificate does not lead to a CA of the issuer: "

pytestmark = [pytest.mark.usefixtures("behind_a_proxy"), pytest.mark.contract("P8.4")]


@dataclass(frozen=True, slots=True)
class Forged:
    der: bytes

    @property
    def pem(self) -> str:
        return ssl.DER_cert_to_PEM_cert(self.der)


def forged(
    subject: str,
    issuer: str,
    key: PrivateKey,
    *,
    signer: PrivateKey,
    extensions: Sequence[Any] = (),
    days: int = 300,
) -> Forged:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return Forged(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER))


def authority_of(subject: str, issuer: str, key: PrivateKey, *extensions: Any) -> Forged:
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return forged(subject, issuer, key, signer=key, extensions=[constraints, *extensions])


def leaf_below(issuer: str, key: PrivateKey, *extensions: Any, own: PrivateKey | None = None) -> Forged:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    subject_key = own or ec.generate_private_key(ec.SECP256R1())
    return forged("leaf", issuer, subject_key, signer=key, extensions=[usage, *extensions])


def why_refused(leaf: Any, *chain: Any) -> str:
    return assert_refused(ask_with(leaf, *chain), 401, "invalid_client").detail


def test_an_exponent_of_3000_bits_costs_nothing(cast: Cast, authority: Authority) -> None:
    new_certified(cast, authority)
    key = costly_key()
    leaf = leaf_below("evil", key)
    chain = [authority_of("evil", "evil", key) for _ in range(6)]
    why_refused(leaf)
    before = time.process_time()
    why = why_refused(leaf, *chain)
    spent = time.process_time() - before
    assert why == (
        f"{REFUSED}The key of the certificate CN=evil, which came with it, is not accepted. "
        "An RSA key's exponent must be 65537."
    )
    assert spent < 0.2


CURVE = ec.generate_private_key(ec.SECP521R1())
NAMES = x509.SubjectAlternativeName([x509.DNSName(f"{number:x}.b") for number in range(600)])
CONSTRAINTS = x509.NameConstraints(None, [x509.DNSName(f"{number:x}.a") for number in range(600)])
NO_INTERMEDIATE = "is not among them, and no intermediate was sent with it."
HOSTILE = {
    "one certificate ten times": ([authority_of("evil", "evil", CURVE)] * 10, NO_INTERMEDIATE),
    "ten of one name": ([authority_of("evil", "evil", CURVE) for _ in range(10)], NO_INTERMEDIATE),
    "ten of one link": ([authority_of("evil", "far", CURVE) for _ in range(10)], NO_INTERMEDIATE),
    "a circle": (
        [
            authority_of(one, other, CURVE)
            for one, other in [("evil", "b"), ("b", "c"), ("c", "evil"), ("b", "evil")]
        ],
        "issue each other in a circle: send those of one path alone.",
    ),
    "names and constraints": (
        [authority_of("evil", "far", CURVE, CONSTRAINTS)],
        "too many names and name constraints: 360000 to compare.",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_chain_that_makes_the_search_long_is_cut_or_refused(
    cast: Cast, authority: Authority, kind: str
) -> None:
    new_certified(cast, authority)
    chain, reason = HOSTILE[kind]
    extensions = [NAMES] if kind == "names and constraints" else []
    why = why_refused(leaf_below("evil", CURVE, *extensions), *chain)
    assert why.startswith(REFUSED)
    assert why.endswith(reason)


def test_what_is_repeated_or_not_needed_keeps_no_client_out(
    cast: Cast, authority: Authority, sub_authority: Authority
) -> None:
    certified = new_certified(cast, authority)
    issued = sub_authority.issue("repeated", CLIENT)
    sent: list[Any] = [*[sub_authority.own] * 4, issued, authority.own, authority_of("other", "other", CURVE)]
    assert_proven(ask_with(issued, *sent), certified, issued)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (costly_key, "An RSA key's exponent must be 65537."),
        (roca_key, "The RSA key is weak (ROCA, CVE-2017-15361)"),
        (
            lambda: ec.generate_private_key(ec.SECP224R1()),
            "Accepted are RSA keys, the curves P-256, P-384 and P-521",
        ),
    ],
)
def test_a_weak_key_is_refused_in_a_client_and_in_an_authority(
    cast: Cast, authority: Authority, key: Any, problem: str
) -> None:
    new_certified(cast, authority)
    strong = ec.generate_private_key(ec.SECP256R1())
    own = leaf_below("strong", strong, own=key())
    assert f"{REFUSED}The certificate's key is not accepted. {problem}" in why_refused(own)
    weak = authority_of("weak", "weak", key())
    cast.oidc_m2m.client_ca_certificates = weak.pem
    with pytest.raises(
        ValidationError, match="The certificate CN=weak has a key that is not accepted"
    ) as caught:
        cast.oidc_m2m.full_clean()
    assert problem in str(caught.value)
    assert client_authorities(weak.pem) == ()
