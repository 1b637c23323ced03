"""RSA keys that nobody may use: ROCA (CVE-2017-15361), and an exponent of thousands of bits."""

import math
import secrets
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

PRIMORIAL = math.prod(
    number
    for number in range(2, 168)
    if all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
)
"""Of the first 39 primes, as the faulty library took it for keys of 512 bits; longer ones have a multiple of it."""


@cache
def roca_key() -> rsa.RSAPrivateKey:
    """Of 2048 bits, with both primes as that library made them: a power of 65537 modulo the primorial."""
    p, q = _prime(), _prime()
    return _key(p, q, e=65537)


@cache
def costly_key() -> rsa.RSAPrivateKey:
    """Of 3072 bits: OpenSSL bounds the exponent of longer keys alone."""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=3072).private_numbers()
    order = math.lcm(numbers.p - 1, numbers.q - 1)
    e = (1 << 2999) | secrets.randbits(2999) | 1
    while math.gcd(e, order) != 1:
        e += 2
    return _key(numbers.p, numbers.q, e=e)


def _prime() -> int:
    while True:
        power = pow(65537, secrets.randbelow(2**64), PRIMORIAL)
        # The two highest bits are set, so that the product has all its bits.
        factor = ((3 << 1022) | secrets.randbits(1022)) // PRIMORIAL
        candidate = factor * PRIMORIAL + power
        if candidate % 65537 != 1 and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5)):
            return candidate


def _key(p: int, q: int, *, e: int) -> rsa.RSAPrivateKey:
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
