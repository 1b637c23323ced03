"""What `make bench` prints: a line for each round, and what a second worker gains."""

from dataclasses import dataclass, replace
from statistics import fmean

from cases import Case
from cost import Cost
from measures import Signing

HEADINGS = (
    f"{'case':<12} {'tokens/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'worker us':>9} {'db us':>6}  "
    f"{'against':<14} {'each s':>6} {'share':>6}"
)
SCALING = """From one worker to two. By CPU: tokens a CPU second of the workers x workers, two over one: what two
cores of their own would gain (2.00: the second worker costs the first nothing). By the clock: the rates, where
two workers share both cores with wrk and the database."""


@dataclass(frozen=True, slots=True)
class Round:
    case: Case
    cost: Cost
    signing: Signing | None = None
    bare: float = 0
    """Answers a second of the bare view."""


def told(measured: Round) -> Round:
    figures = measured.cost.figures
    start = (
        f"{measured.case!s:<12} {figures.rate:>8.0f} {figures.p50:>7.1f} {figures.p99:>7.1f} "
        f"{measured.cost.server:>9.0f} {measured.cost.database:>6.0f}  "
    )
    for name, rate in _standards(measured):
        print(f"{start}{name:<14} {rate:>6.0f} {figures.rate / rate:>6.0%}", flush=True)
        start = " " * len(start)
    return measured


def _standards(measured: Round) -> list[tuple[str, float]]:
    """What a round is compared with, each with its rate."""
    if measured.signing is None:
        return [("bare view", measured.bare)]
    if measured.case.workers > 1:
        return [("openssl, both", measured.signing.both)]
    return [("openssl", measured.signing.alone), ("openssl, busy", measured.signing.beside)]


def tell_scaling(rounds: list[Round]) -> None:
    """From one worker to two, where both were measured."""
    by_case: dict[Case, list[Round]] = {}
    for measured in rounds:
        by_case.setdefault(measured.case, []).append(measured)
    pairs = [(case, replace(case, workers=2)) for case in by_case if case.workers == 1]
    pairs = [(one, two) for one, two in pairs if two in by_case]
    if not pairs:
        return
    print(SCALING)
    for one, two in pairs:
        alone, together = by_case[one], by_case[two]
        by_cpu = 2 * fmean(r.cost.server for r in alone) / fmean(r.cost.server for r in together)
        by_clock = fmean(r.cost.figures.rate for r in together) / fmean(r.cost.figures.rate for r in alone)
        print(f"{one.alg}/{one.connections:<8} by CPU {by_cpu:.2f}, by the clock {by_clock:.2f}")
