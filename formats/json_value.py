"""What a JSON value may hold, so that every database stores it and every token can carry it."""

import json
import re
from typing import Any

from formats.text import surrogate_problem

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""Its escape in JSON: PostgreSQL's jsonb does not store it."""


def json_problem(value: Any, *, longest: int) -> str | None:
    """What is wrong with a value of at most `longest` characters of JSON, None if nothing is."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        return "Nested too deep."
    except (TypeError, ValueError):
        return "It holds a value that is not JSON, such as NaN or an infinity."
    if problem := surrogate_problem(text):
        return problem
    if NUL.search(text):
        return "It holds the character NUL."
    if len(text) > longest:
        return f"At most {longest:,} characters of JSON."
    return None


def is_nested_deeper(value: Any, *, levels: int) -> bool:
    """Whether arrays and objects are nested more than `levels` deep. How deep Python's parser goes differs."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [member for each in layer for member in _members(each)]
    return bool(layer)


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
