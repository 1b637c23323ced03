"""A line of the overview: whom it concerns, a fact, and acts for those who may do them."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from console.site.permissions import SEES_RECORD


@dataclass(frozen=True, slots=True)
class Act:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """`url` is the subject's page, empty for a user who may not see it. `state` is a label, empty for none."""

    subject: str
    url: str
    fact: str
    acts: tuple[Act, ...] = ()
    issuer: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the page, and so which links and acts stand on it."""

    user: Any

    @property
    def sees_record(self) -> bool:
        return bool(self.user.has_perm(SEES_RECORD))

    def link(self, page: str, *args: object, needs: str, at: str = "") -> str:
        """The address of a page of the console; empty for a reader who lacks the permission. `at`: a place in it."""
        return f"{reverse(f'admin:{page}', args=args)}{at}" if self.user.has_perm(needs) else ""

    def act(self, label: str, page: str, *args: object, needs: str, at: str = "") -> tuple[Act, ...]:
        """None for a reader who lacks the permission."""
        url = self.link(page, *args, needs=needs, at=at)
        return (Act(label, url),) if url else ()
