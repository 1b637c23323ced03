"""Ed25519 has points by which anybody can sign: no such key proves anybody."""

import base64

import pytest

from formats.foreign_keys import ED25519_FIELD, ED25519_LOW_ORDER
from relying_parties.jwks.client_keys import client_jwks_problem

WRITTEN = [
    (y + shift) | sign << 255
    for y in sorted(ED25519_LOW_ORDER)
    for shift in (0, ED25519_FIELD)
    if y + shift < 1 << 255
    for sign in (0, 1)
]
"""Each point in every encoding, those beyond the field too."""

Point = tuple[int, int]


def order_of(y: int) -> int:
    """By adding the point to itself until nothing is left: RFC 8032 section 5.1.4, in affine coordinates."""
    p = ED25519_FIELD
    d = -121665 * pow(121666, -1, p) % p
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    x = pow(square, (p + 3) // 8, p)
    x = x if x * x % p == square else x * pow(2, (p - 1) // 4, p) % p
    assert x * x % p == square

    def added(one: Point, other: Point) -> Point:
        (x1, y1), (x2, y2) = one, other
        both = d * x1 * x2 * y1 * y2 % p
        return (
            (x1 * y2 + x2 * y1) * pow(1 + both, -1, p) % p,
            (y1 * y2 + x1 * x2) * pow(1 - both, -1, p) % p,
        )

    point, order = (x, y), 1
    while point != (0, 1):
        point, order = added(point, (x, y)), order + 1
        assert order <= 8
    return order


def test_these_are_the_points_of_low_order() -> None:
    assert sorted(map(order_of, ED25519_LOW_ORDER)) == [1, 2, 4, 8, 8]


@pytest.mark.contract("P7.7")
@pytest.mark.parametrize("encoded", WRITTEN)
def test_a_key_of_low_order_is_refused(encoded: int) -> None:
    x = base64.urlsafe_b64encode(encoded.to_bytes(32, "little")).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    assert str(client_jwks_problem({"keys": [jwk]})).startswith("Key 1: Its ")
