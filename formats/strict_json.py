"""JSON that RFC 8259 and both databases accept: no NaN, no number beyond a double, no duplicate member."""

import json
from collections import Counter
from json import JSONDecodeError
from math import isfinite
from typing import Any


class StrictDecoder(json.JSONDecoder):
    """Raises JSONDecodeError, with an empty `doc` where the position is not known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **options, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise JSONDecodeError(f"the member {twice!r} is repeated in one object", "", 0)
    return members


def _refuse_constant(name: str) -> None:
    raise JSONDecodeError(f"{name} is not a JSON value", "", 0)


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise JSONDecodeError(f"the number {text} is too large", "", 0)
    return number
