"""P7.2: JSON that readers disagree about."""

from collections.abc import Callable

from tests.support.forging import claims_json, header_json, more, signed, written
from tests.support.jwt_faults.fault import (
    CLAIMS_JSON,
    HEADER_JSON,
    MAX_LENGTH,
    TOO_LONG,
    Fault,
    exactly,
    of_any,
)

BAD_MEMBERS = {
    "NaN": b'"x":NaN',
    "Infinity": b'"x":Infinity',
    "-Infinity": b'"x":-Infinity',
    "1e400": b'"x":1e400',
    "-1e400": b'"x":[-1e400]',
    "an integer of 5,000 digits": b'"x":' + b"9" * 5000,
    "01": b'"x":01',
    "+1": b'"x":+1',
    ".5": b'"x":.5',
    "0x10": b'"x":0x10',
    "invalid UTF-8": b'"x":"\xff"',
    "overlong UTF-8": b'"x":"\xc0\xaf"',
    "a surrogate in UTF-8": b'"x":"\xed\xa0\x80"',
    "NUL as it stands": b'"x":"\x00"',
    "a line end in a text": b'"x":"\n"',
    "single quotes": b"'x':1",
    "a comment": b'/**/"x":1',
    "a trailing comma": b'"x":1,',
    "a bad escape": b'"x":"\\x41"',
    "a name without quotes": b"x:1",
    "two members twice": b'"x":1,"x":1',
    "nested members twice": b'"x":{"y":[{"z":1,"z":2}]}',
    "an escaped name twice": b'"x":1,"\\u0078":2',
}
BAD_JSON: dict[str, Callable[[bytes], bytes]] = {
    **{name: more(raw) for name, raw in BAD_MEMBERS.items()},
    "a byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "UTF-16": lambda raw: raw.decode().encode("utf-16"),
    "UTF-16 without its mark": lambda raw: raw.decode().encode("utf-16-le"),
    "UTF-32": lambda raw: raw.decode().encode("utf-32"),
    "two values": lambda raw: raw + raw,
    "junk behind it": lambda raw: raw + b"x",
    "NUL behind it": lambda raw: raw + b"\0",
    "the last bracket missing": lambda raw: raw[:-1],
}
NO_OBJECTS: dict[str, bytes] = {"a list": b"[]", "null": b"null", "a text": b'"x"', "a number": b"1"}


def _instead(raw: bytes) -> Callable[[bytes], bytes]:
    return lambda _: raw


JSON_FAULTS = {
    **of_any(
        {f"{name} in the header": header_json(change) for name, change in BAD_JSON.items()}, HEADER_JSON
    ),
    **of_any(
        {f"{name} in the claims": claims_json(change) for name, change in BAD_JSON.items()}, CLAIMS_JSON
    ),
    **of_any(
        {f"{name} as header": header_json(_instead(raw)) for name, raw in NO_OBJECTS.items()},
        exactly("Its header is not a JSON object."),
    ),
    **of_any(
        {f"{name} as claims": claims_json(_instead(raw)) for name, raw in NO_OBJECTS.items()},
        exactly("Its claims is not a JSON object."),
    ),
    "alg twice in the header": Fault(
        lambda by: header_json(more(written({"alg": by.alg})[1:-1])), HEADER_JSON
    ),
    # A draft may be without the first one.
    "kid twice in the header": Fault(
        lambda by: header_json(more(b",".join(2 * [written({"kid": by.kid})[1:-1]]))), HEADER_JSON
    ),
    **of_any(
        {
            f"{name} twice in the claims": claims_json(more(written({name: "x"})[1:-1]))
            for name in ("iss", "sub", "aud", "exp")
        },
        CLAIMS_JSON,
    ),
    **of_any(
        {
            "20,000 lists": claims_json(more(b'"x":' + b"[" * 20_000 + b"]" * 20_000)),
            "16 kB of claims": claims_json(more(b'"x":"' + b"y" * 16_384 + b'"')),
            "16 kB of header": header_json(more(b'"x":"' + b"y" * 16_384 + b'"')),
            "16 kB of signature": signed(lambda raw: raw * (MAX_LENGTH // len(raw))),
        },
        TOO_LONG,
    ),
}
