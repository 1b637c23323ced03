"""What a search finds, by kind: each list is bounded."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_HITS = 10
"""Of one kind."""


@dataclass(frozen=True, slots=True)
class Hit:
    text: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one kind. `is_more`: there are others beyond the bound."""

    words: str
    hits: tuple[Hit, ...]
    is_more: bool = False


def group(words: str, hits: Sequence[Hit]) -> Group:
    """Of at most one hit more than the bound."""
    return Group(words, tuple(hits[:MAX_HITS]), is_more=len(hits) > MAX_HITS)
