"""RSA keys whose private key can be computed from the public key: Infineon's library made them (CVE-2017-15361).

Each of their primes is a power of 65537 modulo the product of the first small primes, so the modulus is one too. The
modulus of another key is such a power with a probability below 2**-100.
"""

import math

GENERATOR = 65537
SMALL_PRIMES = tuple(
    number
    for number in range(3, 168)
    if all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
)
PRODUCT = math.prod(SMALL_PRIMES)
POWERS = {
    prime: frozenset(pow(GENERATOR, exponent, prime) for exponent in range(prime - 1))
    for prime in SMALL_PRIMES
}


def is_roca_weak(modulus: int) -> bool:
    remainder = modulus % PRODUCT
    return all(remainder % prime in powers for prime, powers in POWERS.items())
