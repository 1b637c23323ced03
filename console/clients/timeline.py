"""One client in time: changes of its configuration and its requests, in one list.

It outlives the relying party, as the record and the history do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from audit.models import IssuanceEvent, Outcome
from console.admin_base.change_history import Change, changes_in
from console.admin_base.credential_labels import credential_labels
from console.requests.event_runs import COLUMNS, Run, runs
from console.requests.record_links import record_link
from issuers.models import Issuer
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
)

MAX_EVENTS, MAX_CHANGES = 1_000, 50
"""Of a page: the limit that is reached first ends it."""
HOUR = timedelta(hours=1)
PARTS = (AccessGrant, ClientSecret, FederatedCredential, RequestRule)


@dataclass(frozen=True, slots=True)
class Requests:
    """A run of requests in words; `link` leads to them in the record."""

    at: datetime
    run: Run
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the two."""

    at: datetime
    change: Change | None = None
    requests: Requests | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """`older` is the instant at which the next page begins, None if this is the last."""

    issuer: str
    client_id: str
    relying_party: RelyingParty | None
    entries: tuple[Entry, ...]
    older: datetime | None


def timeline(*, issuer: str, client_id: str, until: datetime | None = None) -> Timeline:
    """The newest page of events at or before `until`."""
    of_issuer = next((row for row in Issuer.objects.all() if row.url == issuer), None)
    changes = _changes(of_issuer, client_id, until)
    events = _events(issuer, client_id, until)
    floor = _floor(events, changes)
    shown = [event for event in events if floor is None or event.at > floor]
    recent = [change for change in changes if floor is None or change.at > floor]
    entries = [
        *(Entry(at=change.at, change=change) for change in recent),
        *(
            Entry(at=requests.at, requests=requests)
            for requests in _requests(shown, recent, issuer=issuer, client_id=client_id)
        ),
    ]
    return Timeline(
        issuer=issuer,
        client_id=client_id,
        relying_party=RelyingParty.objects.filter(issuer=of_issuer, client_id=client_id).first(),
        entries=tuple(sorted(entries, key=lambda entry: entry.at, reverse=True)),
        older=floor,
    )


def _events(issuer: str, client_id: str, until: datetime | None) -> list[IssuanceEvent]:
    """One more than the page takes. Requests that only claimed to be the client are included."""
    events = IssuanceEvent.objects.filter(issuer=issuer, client_id=client_id).only(*COLUMNS)
    if until is not None:
        events = events.filter(at__lte=until)
    return list(events.order_by("-at", "-id")[: MAX_EVENTS + 1])


def _changes(issuer: Issuer | None, client_id: str, until: datetime | None) -> list[Change]:
    """One more than the page takes."""
    if issuer is None:
        return []
    return changes_in(*_histories(issuer, client_id), until=until, most=MAX_CHANGES + 1)


def _histories(issuer: Issuer, client_id: str) -> list[QuerySet[Any]]:
    """Of every relying party that had this client id, of its parts, and of the templates that it used."""
    own = RelyingParty.history.filter(issuer_id=issuer.pk, client_id=client_id)
    ids, templates = own.values("id"), own.exclude(claim_template_id=None).values("claim_template_id")
    parts = [part.history.filter(relying_party_id__in=ids) for part in PARTS]
    return [own, *parts, ClaimTemplate.history.filter(id__in=templates)]


def _floor(events: Sequence[IssuanceEvent], changes: Sequence[Change]) -> datetime | None:
    """The end of the page: an event at this instant or before is on the next page."""
    ends = [
        *_end([event.at for event in events], MAX_EVENTS),
        *_end([change.at for change in changes], MAX_CHANGES),
    ]
    return max(ends, default=None)


def _end(instants: list[datetime], most: int) -> list[datetime]:
    """The first instant that does not fit. If all have the same instant, the rest is left out, so that pages end."""
    if len(instants) <= most:
        return []
    end = instants[most]
    return [end if end < instants[0] else end - timedelta(microseconds=1)]


def _requests(
    events: Sequence[IssuanceEvent], changes: Sequence[Change], *, issuer: str, client_id: str
) -> list[Requests]:
    found = runs(events, (change.at for change in changes))
    names = credential_labels(run.credential for run in found)
    return [
        Requests(
            at=run.last,
            run=run,
            text=_text(run, names),
            link=_link(run, issuer=issuer, client_id=client_id),
        )
        for run in found
    ]


def _text(run: Run, names: dict[str, str]) -> str:
    """In words, such as: 312 tokens issued, with secret first, from 2 addresses."""
    nouns = {Outcome.ISSUED: "token", Outcome.REFUSED: "request", Outcome.FAILED: "token"}
    noun = nouns[Outcome(run.outcome)] + ("" if run.requests == 1 else "s")
    asked = f"{'test ' if run.is_test else ''}{noun} {'not signed' if run.outcome == Outcome.FAILED else run.outcome}"
    parts = [f"{run.requests} {asked}" + (f": {run.error}" if run.error else "")]
    if run.credential:
        parts.append(f"with {names[run.credential]}")
    if len(run.addresses) == 1:
        parts.append(f"from {next(iter(run.addresses))}")
    elif run.addresses:
        parts.append(f"from {len(run.addresses)} addresses")
    return ", ".join(parts)


def _link(run: Run, *, issuer: str, client_id: str) -> str:
    hour = run.last.replace(minute=0, second=0, microsecond=0)
    return record_link(
        since=hour, until=hour + HOUR, issuer=issuer, client=client_id, outcome=run.outcome, error=run.error,
        credential=run.credential,
    )  # fmt: skip
