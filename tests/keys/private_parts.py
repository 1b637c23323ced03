"""What nobody may find anywhere: the numbers that make a key private, in every way that they might be written."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from keys.generation import PrivateKey

PIECE = 15
"""Bytes of a number that are looked for: no other data has them by chance."""
LINE_ENDS = (b"\\r", b"\\n", b"\r", b"\n")


@dataclass(frozen=True, slots=True)
class Part:
    """A secret number, big-endian as DER and JWK have it."""

    name: str
    number: bytes

    def written(self) -> Iterator[bytes]:
        """Raw as in DER, in hexadecimal, decimal, and base64 at whatever place of a longer text it begins."""
        yield self.number[:PIECE]
        yield self.number[:PIECE].hex().encode()
        yield self.number[:PIECE].hex().upper().encode()
        yield str(int.from_bytes(self.number))[:30].encode()
        for shift in range(3):
            piece = self.number[shift : shift + PIECE]
            yield base64.b64encode(piece)
            yield base64.urlsafe_b64encode(piece)


def parts_of(key: PrivateKey, *, kid: str) -> list[Part]:
    return [Part(f"{name} of {kid}", number) for name, number in _numbers(key)]


def found(parts: list[Part], *, places: Mapping[str, bytes]) -> list[str]:
    """Where a part stands that should not; base64 is found over the ends of lines as well."""
    return [
        f"{place}: {part.name}"
        for place, content in places.items()
        for whole in (content, _in_one_line(content))
        for part in parts
        if any(piece in whole for piece in part.written())
    ]


def _numbers(key: PrivateKey) -> list[tuple[str, bytes]]:
    match key:
        case RSAPrivateKey():
            numbers = key.private_numbers()
            names = ("d", "p", "q", "dmp1", "dmq1", "iqmp")
            return [(name, _bytes(getattr(numbers, name))) for name in names]
        case EllipticCurvePrivateKey():
            return [("d", _bytes(key.private_numbers().private_value))]
        case Ed25519PrivateKey():
            return [("the seed", key.private_bytes_raw())]
    raise TypeError(f"{key} has no numbers")


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _in_one_line(content: bytes) -> bytes:
    for end in LINE_ENDS:
        content = content.replace(end, b"")
    return content
