"""Events in time as stacked bars, as plain values that a template draws.

Positions along the time are percents of the picture's width, so that it fits any window; heights are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HEIGHT, HEAD, FOOT = 160, 16, 24
"""Pixels of the bars' space, and of what is above and below it."""
DAY = timedelta(days=1)
LEFT = 7.0
"""Percents for the numbers on the left."""
GAP = 0.2
"""Percents of a bar's width."""
MAX_TICKS = 6
LAST_TICK = 92.0
"""Percents: further right a date would be cut off."""
MIN_HEIGHT = 2
"""So that one refusal among thousands of tokens can still be seen."""
SMALL, TENTHS = 20, (10, 15, 20, 30, 40, 50)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The events from `since` until `until`, each with the address of the record that shows them."""

    since: datetime
    until: datetime
    issued: int
    refused: int
    failed: int
    issued_link: str = ""
    refused_link: str = ""
    failed_link: str = ""

    @property
    def total(self) -> int:
        return self.issued + self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Piece:
    """One colour of a bar. `kind` is issued, refused or failed."""

    kind: str
    requests: int
    y: int
    height: int
    link: str


@dataclass(frozen=True, slots=True)
class Bar:
    bucket: Bucket
    x: float
    width: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line with a label: `at` is percents on the time axis, pixels on the other one."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    times: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    left: float = LEFT
    foot: int = HEAD + HEIGHT
    height: int = HEAD + HEIGHT + FOOT

    @property
    def buckets(self) -> list[Bucket]:
        return [bar.bucket for bar in self.bars]

    @property
    def is_empty(self) -> bool:
        return not any(bar.pieces for bar in self.bars)


def chart(buckets: Sequence[Bucket], *, max_ticks: int = MAX_TICKS) -> Chart:
    """The buckets in their order, of one length each but the first and the last."""
    top = round_above(max((bucket.total for bucket in buckets), default=0))
    place = (100 - LEFT) / max(len(buckets), 1)
    return Chart(
        bars=tuple(
            _bar(bucket, x=LEFT + number * place, place=place, top=top)
            for number, bucket in enumerate(buckets)
        ),
        times=tuple(_times(buckets, place, max_ticks)),
        levels=tuple(Mark(at=HEAD + HEIGHT - HEIGHT * n // 2, label=f"{top * n // 2:,}") for n in range(3)),
    )


def round_above(number: int) -> int:
    """The smallest even number up to 20, or of 20, 30, 40, 60, 80, 100, 200 ..., that is not less."""
    if number <= SMALL:
        return max(number + number % 2, 2)
    size = SMALL
    while True:
        for factor in TENTHS:
            if size * factor // 10 >= number:
                return size * factor // 10
        size *= 10


def _bar(bucket: Bucket, *, x: float, place: float, top: int) -> Bar:
    return Bar(
        bucket=bucket,
        x=round(x + place * GAP / 2, 3),
        width=round(place * (1 - GAP), 3),
        pieces=_pieces(bucket, top),
    )


def _pieces(bucket: Bucket, top: int) -> tuple[Piece, ...]:
    """From the bottom up: tokens, then refusals and failures."""
    found, y = [], HEAD + HEIGHT
    for kind in ("issued", "refused", "failed"):
        if requests := getattr(bucket, kind):
            height = max(round(HEIGHT * requests / top), MIN_HEIGHT)
            y -= height
            link = getattr(bucket, f"{kind}_link")
            found.append(Piece(kind=kind, requests=requests, y=y, height=height, link=link))
    return tuple(found)


def _times(buckets: Sequence[Bucket], place: float, max_ticks: int) -> list[Mark]:
    """At most so many buckets show their time, the first among them."""
    if not buckets:
        return []
    every = -(-len(buckets) // max_ticks)
    marks = (
        Mark(at=round(LEFT + number * place, 3), label=f"{buckets[number].since:{_form(buckets)}}")
        for number in range(0, len(buckets), every)
    )
    return [mark for mark in marks if mark.at <= LAST_TICK]


def _form(buckets: Sequence[Bucket]) -> str:
    """Dates if bars are days, hours alone if all are on one day."""
    if any(bucket.until - bucket.since == DAY for bucket in buckets):
        return "%Y-%m-%d"
    return "%H:%M" if buckets[-1].until - buckets[0].since <= DAY else "%m-%d %H:%M"
