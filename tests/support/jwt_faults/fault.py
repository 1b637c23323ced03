"""What is wrong with a JWT, and why it is refused."""

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.support.forging import ALGS, Change, Draft, Signer, encoded, text

MAX_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class Fault:
    """`change` makes it of a draft that this signer signs, None where it cannot have it; `why` is a pattern."""

    change: Callable[[Signer], Change | None]
    why: str
    signers: tuple[str, ...] = ALGS
    """The algorithms of which each has to show it."""


def exactly(reason: str) -> str:
    return re.escape(reason)


ALG = exactly(f"Its alg is not one of {', '.join(ALGS)}.")
NOT_ALLOWED = r"Its alg is \w+, which the key \w+ does not allow\."
SIGNATURE = exactly("Its signature is not by the key.")
NO_KEY = exactly("No registered key has this kid.")
PARTS = exactly("It is not a JWS in compact serialization: three parts separated by dots.")
BASE64 = exactly("A part of it is not base64url without padding.")
HEADER_JSON = exactly("Its header is not valid JSON (syntax, duplicate member, or NaN/Infinity).")
CLAIMS_JSON = exactly("Its claims is not valid JSON (syntax, duplicate member, or NaN/Infinity).")
TOO_LONG = exactly(f"It has more than {MAX_LENGTH} characters.")
KIND = exactly("Its typ is missing or that of another kind of token.")


def of_any(changes: dict[str, Change], why: str) -> dict[str, Fault]:
    """Faults that the signer does not matter for: each takes the next."""
    turns = itertools.cycle(ALGS)
    return {
        name: Fault(partial(always, change), why, signers=(next(turns),)) for name, change in changes.items()
    }


def always(change: Change, _: Signer) -> Change:
    return change


def altered(alter: Callable[[str, str], tuple[str, str]]) -> Callable[[Signer], Change]:
    """Header and claims altered as they stand in base64url, then signed as they stand."""

    def resigned(by: Signer, token: str) -> str:
        first, second, _ = token.split(".")
        signing_input = ".".join(alter(first, second))
        return f"{signing_input}.{encoded(by(signing_input.encode()))}"

    return lambda by: text(partial(resigned, by))


def with_changes(draft: Draft, by: Signer, changes: Iterable[Callable[[Signer], Change | None]]) -> Draft:
    """The draft after these changes, in turn; what it cannot have is passed over."""
    for change_of in changes:
        change = change_of(by)
        draft = change(draft) if change else draft
    return draft


def nothing(_: bytes) -> bytes:
    """No signature at all."""
    return b""
