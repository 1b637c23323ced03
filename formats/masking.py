"""Texts of callers as they may be stored, logged and shown: without credentials, and printable."""

import re
from typing import Any

SECRET = re.compile(r"m2m_[A-Za-z0-9_-]{8,}")
"""Anything that looks like a generated secret, whole or in part, wherever the caller wrote it."""
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
"""A JWT: a reader could use it until it expires."""
REPLACED = "\N{REPLACEMENT CHARACTER}"


def masked(text: str) -> str:
    """The text with secrets and tokens masked."""
    if "m2m_" in text:
        text = SECRET.sub("[secret]", text)
    if "eyJ" in text:
        text = TOKEN.sub("[token]", text)
    return text


def cleaned(text: str) -> str:
    """A caller's text as it may be stored and shown: secrets and tokens masked, unprintable characters replaced."""
    if "m2m_" in text or "eyJ" in text:
        text = masked(text)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else REPLACED for letter in text)


def cleaned_json(value: Any) -> Any:
    """JSON with every text in it cleaned, names of members too."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [cleaned_json(member) for member in value]
    return value
