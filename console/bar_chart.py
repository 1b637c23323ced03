"""What happened in time as stacked bars, as plain values that a template draws.

Positions along the time are percents of the picture's width, so that it fits any window; heights are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HEIGHT, HEAD, FOOT = 160, 16, 24
"""Pixels of the bars' space, and of what is above and below it."""
LEFT = 7.0
"""Percents for the numbers on the left."""
GAP = 0.2
"""Of a bar's place."""
MOST_TICKS = 6
LEAST_HEIGHT = 2
"""So that one refusal among thousands of tokens can still be seen."""
ROUND = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What happened from `since` until `until`, each with the address of the record that tells of it."""

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


def chart(buckets: Sequence[Bucket]) -> Chart:
    """The buckets in their order, of one length each but the first and the last."""
    top = round_above(max((bucket.total for bucket in buckets), default=0))
    place = (100 - LEFT) / max(len(buckets), 1)
    return Chart(
        bars=tuple(
            _bar(bucket, x=LEFT + number * place, place=place, top=top)
            for number, bucket in enumerate(buckets)
        ),
        times=tuple(_times(buckets, place)),
        levels=tuple(Mark(at=HEAD + HEIGHT - HEIGHT * n // 2, label=f"{top * n // 2:,}") for n in range(3)),
    )


def round_above(number: int) -> int:
    """The least even one of 2, 4, 10, 20, 40, 100 ... that is not less."""
    size = 2
    while True:
        for factor in ROUND:
            if size * factor >= number:
                return size * factor
        size *= 10


def _bar(bucket: Bucket, *, x: float, place: float, top: int) -> Bar:
    return Bar(
        bucket=bucket,
        x=round(x + place * GAP / 2, 3),
        width=round(place * (1 - GAP), 3),
        pieces=_pieces(bucket, top),
    )


def _pieces(bucket: Bucket, top: int) -> tuple[Piece, ...]:
    """From the foot up: tokens, then what went wrong."""
    found, y = [], HEAD + HEIGHT
    for kind in ("issued", "refused", "failed"):
        if requests := getattr(bucket, kind):
            height = max(round(HEIGHT * requests / top), LEAST_HEIGHT)
            y -= height
            link = getattr(bucket, f"{kind}_link")
            found.append(Piece(kind=kind, requests=requests, y=y, height=height, link=link))
    return tuple(found)


def _times(buckets: Sequence[Bucket], place: float) -> list[Mark]:
    """At most MOST_TICKS buckets tell their time, the first among them."""
    if not buckets:
        return []
    every = -(-len(buckets) // MOST_TICKS)
    is_daily = any(bucket.until - bucket.since == timedelta(days=1) for bucket in buckets)
    form = "%Y-%m-%d" if is_daily else "%m-%d %H:%M"
    return [
        Mark(at=round(LEFT + number * place, 3), label=f"{buckets[number].since:{form}}")
        for number in range(0, len(buckets), every)
    ]
