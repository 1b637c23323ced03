"""Regular expressions that operators write: RE2, whose time is linear in the text. They match the whole text."""

from typing import Any

import re2


def _quiet() -> Any:
    """RE2's options without its own lines on standard error."""
    options = re2.Options()
    options.log_errors = False
    return options


def pattern_problem(regex: str) -> str | None:
    """Why RE2 cannot use it, None if it can."""
    try:
        re2.compile(regex, _quiet())
    except re2.error as error:
        text = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        return f"RE2 cannot use it: {text}."
    return None


def compiled_pattern(regex: str) -> Any:
    return re2.compile(regex, _quiet())


def literal_pattern(text: str) -> str:
    """A pattern that matches this text alone."""
    escaped: str = re2.escape(text)
    return escaped
