"""P7.2: base64url as it must not be written, and other serializations."""

import json
from functools import partial

from tests.support.forging import Change, Signer, decoded, encoded, more, text, written
from tests.support.jwt_faults.fault import BASE64, CLAIMS_JSON, HEADER_JSON, PARTS, Fault, altered, of_any


def _stray_bits(segment: str) -> str:
    """The same bytes with a bit set that no byte has, a space after the JSON if there is no room for one."""
    raw = decoded(segment)
    spelt = encoded(raw if len(raw) % 3 else raw + b" ")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return spelt[:-1] + letters[letters.index(spelt[-1]) + 1]


def _stray_bits_of_signature(by: Signer) -> Change | None:
    if len(by(b"")) % 3 == 0:
        return None
    return text(lambda token: f"{token.rpartition('.')[0]}.{_stray_bits(token.rpartition('.')[2])}")


def _standard_letters(first: str, second: str) -> tuple[str, str]:
    marked = encoded(more(b'"x":"????????"')(decoded(second)))
    assert "_" in marked, "it has no letter that differs"
    return first, marked.replace("-", "+").replace("_", "/")


def _padded(segment: str) -> str:
    return segment + "=" * (-len(segment) % 4 or 4)


def _flattened(token: str) -> str:
    protected, payload, signature = token.split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _general(token: str) -> str:
    protected, payload, signature = token.split(".")
    return json.dumps({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})


def _nested(by: Signer) -> Change:
    def outer(token: str) -> str:
        head = encoded(written({"alg": by.alg, "kid": by.kid, "cty": "JWT"}))
        signing_input = f"{head}.{encoded(token.encode())}"
        return f"{signing_input}.{encoded(by(signing_input.encode()))}"

    return text(outer)


def _inserted(letter: str, first: str, second: str) -> tuple[str, str]:
    return first, second[:7] + letter + second[7:]


SEGMENT_FAULTS = {
    "header padded": Fault(altered(lambda a, b: (_padded(a), b)), BASE64),
    "claims padded": Fault(altered(lambda a, b: (a, _padded(b))), BASE64),
    "stray bits in the header": Fault(altered(lambda a, b: (_stray_bits(a), b)), BASE64),
    "stray bits in the claims": Fault(altered(lambda a, b: (a, _stray_bits(b))), BASE64),
    "stray bits in the signature": Fault(_stray_bits_of_signature, BASE64),
    "standard base64": Fault(altered(_standard_letters), BASE64),
    **{
        f"{letter!r} in the claims": Fault(altered(partial(_inserted, letter)), BASE64)
        for letter in ("\n", " ", "\t", "\r\n", "\0", "=", "%", "!", "é", "٣", "\u200b")
    },
    "an empty header": Fault(altered(lambda _, b: ("", b)), HEADER_JSON),
    "empty claims": Fault(altered(lambda a, _: (a, "")), CLAIMS_JSON),
    "a single letter as claims": Fault(altered(lambda a, _: (a, "e")), BASE64),
    **of_any(
        {
            "signature padded": text(_padded),
            "a space before it": text(" {}".format),
            "a space after it": text("{} ".format),
            "a line end after it": text("{}\n".format),
            "Bearer before it": text("Bearer {}".format),
            "quotes around it": text('"{}"'.format),
        },
        BASE64,
    ),
    **of_any(
        {
            "flattened JSON serialization": text(_flattened),
            "general JSON serialization": text(_general),
            "JWE": text("{}.AA.AA".format),
            "four parts": text("{}.".format),
            "SD-JWT with a key binding": text(lambda token: f"{token}~{token}"),
            "two parts": text(lambda token: token.rpartition(".")[0]),
            "one part": text(lambda token: token.replace(".", "")),
        },
        PARTS,
    ),
    "nested": Fault(_nested, CLAIMS_JSON),
    **of_any({"nothing but dots": text(lambda _: "..")}, HEADER_JSON),
}
