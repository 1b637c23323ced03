"""An issuer's keys in time, as plain values that a template draws: the past, the present, and what is scheduled.

Positions along the time are percents of the picture's width, so that it fits any window; heights are pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from issuers.models import Issuer
from keys.lifecycle.due import rotates_at
from keys.models import SigningKey
from keys.schedule import ENDED, KeyState

MAX_ENDED = 3
"""Expired and revoked keys in one picture, the latest; the others are in the list."""
MAX_TICKS = 5
MARGIN, TICK_MARGIN = 2.0, 5.0
"""Percents that stay free on both sides of the bars, and of the dates, which are wider than their lines."""
ROW_HEIGHT, HEAD_HEIGHT, FOOT_HEIGHT = 48, 22, 26
MIN_WIDTH = 0.4
"""So that a short span can still be seen."""

MEANINGS = {
    "announced": "announced: verifiers get to know it",
    "active": "signs",
    "planned": "will sign, as planned",
    "overdue": "signs, overdue",
    "retiring": "no longer signs, still verifies",
}
"""Of the kinds of a span."""

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
STEPS = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15)),
    *(timedelta(hours=hours) for hours in (1, 6)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 56, 91, 182, 364, 728, 1820, 3640, 18200)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """`kind` is one of MEANINGS."""

    kind: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    span: Span
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """`revoked_x` is where the key was revoked, None if it was not."""

    key: SigningKey
    state: KeyState
    y: int
    bars: tuple[Bar, ...]
    next: str
    revoked_x: float | None


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """`left_out` counts the ended keys that are not drawn."""

    issuer: Issuer
    now: datetime
    now_x: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    left_out: int

    @property
    def legend(self) -> list[tuple[str, str]]:
        """The kinds that are drawn, and what they mean."""
        drawn = {bar.span.kind for row in self.rows for bar in row.bars}
        return [(kind, meaning) for kind, meaning in MEANINGS.items() if kind in drawn]

    @property
    def has_revoked(self) -> bool:
        return any(row.revoked_x is not None for row in self.rows)

    @property
    def foot(self) -> int:
        return HEAD_HEIGHT + ROW_HEIGHT * len(self.rows)

    @property
    def height(self) -> int:
        return self.foot + FOOT_HEIGHT


@dataclass(frozen=True, slots=True)
class Scale:
    since: datetime
    until: datetime

    @classmethod
    def of(cls, spans: Iterable[Span], now: datetime) -> "Scale":
        instants = [now, *(instant for span in spans for instant in (span.since, span.until))]
        return cls(since=min(instants), until=max(*instants, min(instants) + timedelta(minutes=1)))

    def x(self, instant: datetime) -> float:
        part = (instant - self.since) / (self.until - self.since)
        return round(MARGIN + (100 - 2 * MARGIN) * part, 2)

    def ticks(self) -> tuple[Tick, ...]:
        length = self.until - self.since
        step = next((step for step in STEPS if length / step <= MAX_TICKS), STEPS[-1])
        first = self.since + (MONDAY - self.since) % step
        instants = (first + number * step for number in range(MAX_TICKS + 1))
        form = "%Y-%m-%d" if step >= timedelta(days=1) else "%m-%d %H:%M"
        ticks = (Tick(x=self.x(at), label=f"{at:{form}}") for at in instants)
        return tuple(tick for tick in ticks if TICK_MARGIN <= tick.x <= 100 - TICK_MARGIN)


def timelines(keys: Iterable[SigningKey], *, now: datetime) -> list[Timeline]:
    """One for each issuer. Keys of the record are left out: they are not rotated on a schedule."""
    of_issuers = sorted((key for key in keys if key.issuer), key=lambda key: (str(key.issuer), key.issuer_id))
    grouped = groupby(of_issuers, key=lambda key: key.issuer)
    return [timeline(list(group), issuer=issuer, now=now) for issuer, group in grouped if issuer]


def timeline(keys: Sequence[SigningKey], *, issuer: Issuer, now: datetime) -> Timeline:
    shown = sorted(_shown(keys, now), key=lambda key: (key.alg, key.activates_at, key.pk))
    spans = {key.pk: _spans(key, now) for key in shown}
    scale = Scale.of((span for of_key in spans.values() for span in of_key), now)
    rows = (
        _row(key, spans[key.pk], y=HEAD_HEIGHT + number * ROW_HEIGHT, scale=scale, now=now)
        for number, key in enumerate(shown)
    )
    return Timeline(
        issuer=issuer,
        now=now,
        now_x=scale.x(now),
        rows=tuple(rows),
        ticks=scale.ticks(),
        left_out=len(keys) - len(shown),
    )


def _shown(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    ended = [key for key in keys if key.state(now) in ENDED]
    ended.sort(key=lambda key: key.revoked_at or key.expires_at or now)
    left_out = {key.pk for key in ended[:-MAX_ENDED]}
    return [key for key in keys if key.pk not in left_out]


def _spans(key: SigningKey, now: datetime) -> list[Span]:
    spans = [Span("announced", key.published_at, key.activates_at)]
    if key.retires_at and key.expires_at:
        spans += [Span("active", key.activates_at, key.retires_at)]
        spans += [Span("retiring", key.retires_at, key.expires_at)]
    else:
        spans += _without_successor(key, now)
    end = key.revoked_at
    cut = [Span(span.kind, span.since, min(span.until, end)) if end else span for span in spans]
    return [span for span in cut if span.since < span.until]


def _without_successor(key: SigningKey, now: datetime) -> list[Span]:
    """It signs until its scheduled rotation, and longer if it has no successor."""
    since, planned = key.activates_at, rotates_at(key)
    if key.revoked_at:
        return [Span("active", since, key.revoked_at)]
    return [
        Span("active", since, min(now, planned)),
        Span("planned", max(now, since), planned),
        Span("overdue", planned, now),
    ]


def _row(key: SigningKey, spans: Iterable[Span], *, y: int, scale: Scale, now: datetime) -> Row:
    return Row(
        key=key,
        state=key.state(now),
        y=y,
        bars=tuple(_bar(span, scale) for span in spans),
        next=_next(key, now),
        revoked_x=scale.x(key.revoked_at) if key.revoked_at else None,
    )


def _bar(span: Span, scale: Scale) -> Bar:
    x = scale.x(span.since)
    return Bar(span=span, x=x, width=round(max(scale.x(span.until) - x, MIN_WIDTH), 2))


def _next(key: SigningKey, now: datetime) -> str:
    """The most important instant of a key, in a few words."""
    match key.state(now):
        case KeyState.ANNOUNCED:
            return f"signs from {_day(key.activates_at)}"
        case KeyState.REVOKED:
            return f"revoked {_day(key.revoked_at)}"
        case KeyState.EXPIRED:
            return f"expired {_day(key.expires_at)}"
        case KeyState.RETIRING:
            return f"verifies until {_day(key.expires_at)}"
    if key.retires_at is not None:
        return f"signs until {_day(key.retires_at)}"
    planned = rotates_at(key)
    return f"{'overdue since' if now >= planned else 'signs until about'} {_day(planned)}"


def _day(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d}"
