"""What a scalar of YAML means: the core schema (YAML 1.2.2 section 10.3.2), reduced to what JSON has."""

import math
import re

NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
BOOLEAN = re.compile(r"(?:(true|True|TRUE)|false|False|FALSE)\Z")
INTEGER = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
NOT_IN_JSON = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
MAX_NUMBER_LENGTH = 100

PUT_IN_QUOTES = "put it in quotes if it is a text"

Scalar = None | bool | int | float | str


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises ValueError if JSON has no such value."""
    if NULL.match(text):
        return None
    if boolean := BOOLEAN.match(text):
        return boolean[1] is not None
    if INTEGER.match(text):
        return _integer(text)
    if FLOAT.match(text) or NOT_IN_JSON.match(text):
        return _float(text)
    return text


def quoted_scalar(text: str) -> str:
    """The text of a quoted scalar or a block. Raises ValueError if it cannot be stored.

    JSON escapes a character beyond U+FFFF as two surrogates; they are one character here.
    """
    if "\0" in text:
        raise ValueError("The character U+0000 cannot be stored.")
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ValueError("A lone surrogate, which is not a character.") from error


def _integer(text: str) -> int:
    if len(text.lstrip("+-")) > MAX_NUMBER_LENGTH:
        raise ValueError(f"A number of more than {MAX_NUMBER_LENGTH} digits: {PUT_IN_QUOTES}.")
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    number = math.inf if NOT_IN_JSON.match(text) else float(text)
    if math.isinf(number):
        raise ValueError(f"Not a number that JSON has: {PUT_IN_QUOTES}.")
    return number
