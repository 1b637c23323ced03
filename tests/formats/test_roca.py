"""The fingerprint of CVE-2017-15361 finds what it should, and nothing else."""

import secrets

from cryptography.hazmat.primitives.asymmetric import rsa

from formats.roca import is_roca_weak
from tests.support.weak_keys import roca_key


def test_a_key_of_the_faulty_library_is_found() -> None:
    assert is_roca_weak(roca_key().public_key().public_numbers().n)


def test_no_other_key_is_found() -> None:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
    assert not any(is_roca_weak(key.public_key().public_numbers().n) for key in keys)
    assert not any(is_roca_weak(secrets.randbits(2048) | 1) for _ in range(20_000))
