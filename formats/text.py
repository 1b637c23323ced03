"""What a text may hold, so that it can be stored and sent."""

import re

SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half a character: JSON can escape one (RFC 8259 section 8.2), no encoding can write it."""


def surrogate_problem(text: str, *, of: str = "It") -> str | None:
    """What is wrong with a text, called `of`, that holds a lone surrogate; None if it holds none."""
    return f"{of} holds a lone surrogate, which is not a character." if SURROGATE.search(text) else None
