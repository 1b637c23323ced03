"""The first page: what needs somebody, what will expire, what could be tidier, proof of the record, and issuers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Count
from django.utils import timezone

from console.admin_base.page import MAX_NAMED
from console.integrity.record_overview import RecordOverview, record_overview
from console.overview import ending_soon, needed_now
from console.overview.lines import Line, Reader
from console.overview.tidy import LISTS
from console.signing_keys.key_outlook import Outlook, outlooks
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION
from issuance.outlook.expiry import expiries
from issuers.models import Issuer
from keys.lifecycle.creation import can_sign
from relying_parties.models import AccessGrant, ClaimTemplate, ClientSecret, RelyingParty, ResourceServer


@dataclass(frozen=True, slots=True)
class IssuerLine:
    issuer: Issuer
    relying_parties: int
    has_active_key: bool
    outlook: Outlook | None
    """The next scheduled change of the key of its own algorithm."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the first set-up. `page` is the name of the URL for it."""

    text: str
    page: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """The first of them, and how many more there are."""

    shown: tuple[Line, ...]
    more: int

    @classmethod
    def of(cls, lines: Iterator[Line], *, others: int = 0) -> "Lines":
        """`others` are known, and not among the lines."""
        shown = tuple(lines)
        return cls(shown[:MAX_NAMED], len(shown[MAX_NAMED:]) + others)

    def __bool__(self) -> bool:
        return bool(self.shown)


@dataclass(frozen=True, slots=True)
class Tidy:
    """A list with something on it. `counted` is the number and what it is of."""

    name: str
    counted: str


@dataclass(frozen=True, slots=True)
class Overview:
    checked_at: datetime
    now: Lines
    has_overdue_keys: bool
    ending: Lines
    """What ends within 30 days, the earliest first."""
    tidy: tuple[Tidy, ...]
    issuers: tuple[IssuerLine, ...]
    steps: tuple[Step, ...]
    record: RecordOverview | None
    """None for a user who may not see the record."""

    @property
    def is_set_up(self) -> bool:
        return all(step.is_done for step in self.steps)


@site.first_page
def overview(user: Any) -> Overview | None:
    """None for a user who may not see the configuration."""
    if not user.has_perms(["issuers.view_issuer", "relying_parties.view_relyingparty"]):
        return None
    now, reader = timezone.now(), Reader(user)
    coming, issuers = outlooks(now), _issuers(now)
    lines = tuple(_line(issuer, coming.get((issuer.pk, issuer.signing_alg))) for issuer in issuers)
    overdue = [outlook for outlook in coming.values() if outlook.is_overdue]
    return Overview(
        checked_at=now,
        now=Lines.of(_needed_now(reader, lines, overdue, now)),
        has_overdue_keys=bool(overdue),
        ending=_ending(reader, now),
        tidy=tuple(_tidy(now)) if reader.sees_record and user.has_perms(SEES_CONFIGURATION) else (),
        issuers=lines,
        steps=_steps(lines),
        record=record_overview(now) if reader.sees_record else None,
    )


def _needed_now(
    reader: Reader, issuers: tuple[IssuerLine, ...], overdue: list[Outlook], now: datetime
) -> Iterator[Line]:
    cannot_sign = [line.issuer for line in issuers if line.issuer.is_active and not line.has_active_key]
    return chain(
        needed_now.record() if reader.sees_record else (),
        needed_now.failing(reader, now) if reader.sees_record else (),
        needed_now.unable(reader, cannot_sign),
        needed_now.overdue(reader, overdue),
        needed_now.unreadable(reader, now),
        needed_now.unsent(reader, now),
    )


def _ending(reader: Reader, now: datetime) -> Lines:
    found = expiries(now)
    return Lines.of(ending_soon.lines(reader, found[:MAX_NAMED], now), others=len(found[MAX_NAMED:]))


def _tidy(now: datetime) -> Iterator[Tidy]:
    for each in LISTS:
        if number := each.rows(now).count():
            yield Tidy(name=each.name, counted=each.counted(number))


def _issuers(now: datetime) -> list[Any]:
    return list(Issuer.objects.annotate(clients=Count("relying_parties"), signs=can_sign(now)))


def _line(issuer: Any, outlook: Outlook | None) -> IssuerLine:
    return IssuerLine(
        issuer=issuer, relying_parties=issuer.clients, has_active_key=issuer.signs, outlook=outlook
    )


def _steps(issuers: tuple[IssuerLine, ...]) -> tuple[Step, ...]:
    return (
        Step(
            "Add an issuer: the URL under which tokens are issued.", "admin:issuers_issuer_add", bool(issuers)
        ),
        Step(
            "Create its signing key, on the issuer's page.",
            "admin:issuers_issuer_changelist",
            any(line.has_active_key for line in issuers),
        ),
        Step(
            "Add an API: the API that will take the tokens, and its scopes.",
            "admin:relying_parties_resourceserver_add",
            ResourceServer.objects.exists(),
        ),
        Step(
            "Add a claim template, if the tokens need claims of their own.",
            "admin:relying_parties_claimtemplate_add",
            ClaimTemplate.objects.exists() or RelyingParty.objects.exists(),
        ),
        Step(
            "Add a client: the service that asks, with an access grant for the API.",
            "admin:relying_parties_relyingparty_add",
            AccessGrant.objects.exists(),
        ),
        Step(
            "Generate a secret on the client's page and hand it over.",
            "admin:relying_parties_relyingparty_changelist",
            ClientSecret.objects.exists(),
        ),
    )
