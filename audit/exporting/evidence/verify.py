"""Verifies the evidence in this directory, offline, with Python 3.11 or later alone: python3 verify.py.

Exit status: 0 everything is as it was sealed, 1 something is not, and each such row and checkpoint is named, 2 a file
cannot be read.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WRONG, UNREADABLE = 1, 2
Point = tuple[int, int, int, int]
"""Of edwards25519, in extended homogeneous coordinates (RFC 8032 section 5.1.4)."""
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
COORDINATE, SIGNATURE = 32, 64
"""Bytes."""


def added(first: Point, second: Point) -> Point:
    a = (first[1] - first[0]) * (second[1] - second[0]) % P
    b = (first[1] + first[0]) * (second[1] + second[0]) % P
    c = 2 * first[3] * second[3] * D % P
    d = 2 * first[2] * second[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, point: Point) -> Point:
    product = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            product = added(product, point)
        point, factor = added(point, point), factor >> 1
    return product


def is_equal(first: Point, second: Point) -> bool:
    return (
        not (first[0] * second[2] - second[0] * first[2]) % P
        and not (first[1] * second[2] - second[1] * first[2]) % P
    )


def point_of(text: bytes) -> Point:
    """RFC 8032 section 5.1.3. Raises ValueError."""
    y, sign = int.from_bytes(text, "little") % 2**255, text[-1] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if y >= P or (x * x - square) % P or (not x and sign):
        raise ValueError("a point that is not on the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(COORDINATE, "little"))


def is_signed(message: bytes, *, signature: bytes, key: bytes) -> bool:
    """Ed25519, RFC 8032 section 5.1.7."""
    if len(signature) != SIGNATURE or len(key) != COORDINATE:
        return False
    try:
        public, r = point_of(key), point_of(signature[:COORDINATE])
    except ValueError:
        return False
    s = int.from_bytes(signature[COORDINATE:], "little")
    k = int.from_bytes(sha512(signature[:COORDINATE] + key + message).digest(), "little") % ORDER
    return s < ORDER and is_equal(times(s, BASE), added(r, times(k, public)))


def decoded(text: str) -> bytes:
    """base64url without padding. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def claims_of(statement: str) -> dict[str, Any]:
    """Unverified. Raises ValueError."""
    claims = json.loads(decoded(statement.split(".")[1]))
    if not isinstance(claims, dict):
        raise TypeError("it is not a statement")
    return claims


def thumbprint(key: dict[str, Any]) -> str:
    """RFC 7638, RFC 8037 section 2."""
    members = json.dumps({name: key[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(sha256(members.encode()).digest()).decode().rstrip("=")


def root_of(leaf: bytes, *, index: int, size: int, proof: list[bytes]) -> str:
    """RFC 9162 section 2.1.3.2; empty where the proof does not fit."""
    found, beside, last = leaf, iter(proof), size - 1
    while last > 0:
        if index % 2 or index < last:
            other = next(beside, b"")
            found = sha256(b"\1" + (other + found if index % 2 else found + other)).digest()
        index, last = index // 2, last // 2
    return "" if index or next(beside, None) is not None else found.hex()


class Evidence:
    """What was found wrong, in words, and what was counted."""

    def __init__(self, keys: dict[str, dict[str, Any]]) -> None:
        self.wrong: list[str] = []
        self.rows = self.unsealed = 0
        self.signers: set[str] = set()
        self._keys = keys
        self._claims: dict[int, dict[str, Any]] = {}
        """By number: the checkpoints whose signatures are good."""
        self._digests: dict[int, str] = {}
        self._end: dict[str, Any] | None = None

    def read_rows(self, lines: Iterator[str]) -> None:
        for number, line in enumerate(lines, start=1):
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self.wrong.append(
                    f"line {number} of rows.ndjson cannot be read: {type(error).__name__} {error}"
                )
        if self._end is None or self._end.get("rows") != self.rows:
            self.wrong.append("rows.ndjson was cut off")

    def read_checkpoints(self, lines: Iterator[str]) -> None:
        """Their chain. Only the last one's signature is checked here: each binds the one before it."""
        before, number = "", None
        for statement in filter(None, map(str.strip, lines)):
            number = self._follow(statement, before=before, expected=None if number is None else number + 1)
            before = statement
        if before and number is not None:
            self._check_signature(number, before)
        self.wrong += [f"checkpoint {missing}: it is missing in checkpoints.txt" for missing in self._digests]

    def _follow(self, statement: str, *, before: str, expected: int | None) -> int | None:
        try:
            claims = claims_of(statement)
            number, previous = int(claims["number"]), claims["previous"]
        except (ValueError, KeyError, TypeError, IndexError):
            self.wrong.append("checkpoints.txt: a line is not the statement of a checkpoint")
            return None
        if expected is not None and (number, previous) != (expected, sha256(before.encode()).hexdigest()):
            self.wrong.append(f"checkpoint {number}: it does not follow the one before it")
        told = self._digests.pop(number, None)
        if told and told != sha256(statement.encode()).hexdigest():
            self.wrong.append(f"checkpoint {number}: checkpoints.txt has another statement than rows.ndjson")
        return number

    def _read(self, line: dict[str, Any]) -> None:
        self._end = line.get("end")
        if checkpoint := line.get("checkpoint"):
            self._check_signature(checkpoint["number"], checkpoint["statement"])
            self._digests[checkpoint["number"]] = sha256(checkpoint["statement"].encode()).hexdigest()
        if event := line.get("event"):
            self.rows += 1
            self._check_row(event, line["seal"])

    def _check_signature(self, number: int, statement: str) -> None:
        try:
            signed, _, signature = statement.rpartition(".")
            header = json.loads(decoded(signed.partition(".")[0]))
            key, claims = self._keys[header["kid"]], claims_of(statement)
            is_good = (header["typ"], header["alg"], claims["number"]) == ("checkpoint+jwt", "EdDSA", number)
            is_good &= is_signed(signed.encode(), signature=decoded(signature), key=decoded(key["x"]))
        except (ValueError, KeyError, TypeError, IndexError):
            is_good = False
        if not is_good:
            self.wrong.append(f"checkpoint {number}: no key of the record signed it")
            return
        self.signers.add(thumbprint(key))
        self._claims[number] = claims

    def _check_row(self, event: dict[str, Any], seal: dict[str, Any] | None) -> None:
        if seal is None:
            self.unsealed += 1
            return
        claims = self._claims.get(seal["checkpoint"])
        if claims is None:
            self.wrong.append(f"row {event['id']}: no good checkpoint {seal['checkpoint']} stands before it")
            return
        content = json.dumps(event, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        leaf, proof = sha256(b"\0" + content.encode()).digest(), list(map(bytes.fromhex, seal["proof"]))
        root = root_of(leaf, index=seal["index"], size=seal["size"], proof=proof)
        if (root, seal["size"]) != (claims["root"], claims["rows"]):
            self.wrong.append(f"row {event['id']}: it is not what checkpoint {seal['checkpoint']} sealed")


def verified(directory: Path, keys_file: Path) -> Evidence:
    """Raises OSError, ValueError where a file cannot be read."""
    keys = {key["kid"]: key for key in json.loads(keys_file.read_text(encoding="utf-8"))["keys"]}
    evidence = Evidence(keys)
    with (directory / "rows.ndjson").open(encoding="utf-8", errors="replace") as lines:
        evidence.read_rows(lines)
    with (directory / "checkpoints.txt").open(encoding="utf-8", errors="replace") as lines:
        evidence.read_checkpoints(lines)
    return evidence


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify the evidence in this directory.")
    parser.add_argument("--keys", type=Path, default=HERE / "keys.json", help="Keys that you kept elsewhere.")
    try:
        evidence = verified(HERE, parser.parse_args().keys)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"Not verified: {type(error).__name__}: {error}", file=sys.stderr)
        return UNREADABLE
    for line in evidence.wrong:
        print(line)
    if evidence.wrong:
        return WRONG
    print(f"ok: {evidence.rows} rows, {evidence.unsealed} of them not sealed yet")
    print("\n".join(f"signed by the key with the thumbprint {signer}" for signer in sorted(evidence.signers)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
