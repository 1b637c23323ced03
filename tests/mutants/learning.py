"""Which test runs which line of the product, and how long it takes."""

import heapq
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest

ROOMS = ("audit", "formats", "issuance", "issuers", "keys", "relying_parties", "runtime")
TESTS_OF_A_LINE = dict[str, dict[int, list[str]]]
"""By file and line."""


@dataclass(slots=True)
class Learned:
    durations: dict[str, float]
    """Seconds of the processor, of each test that passes."""
    tests: TESTS_OF_A_LINE
    _ranks: dict[str, dict[str, int]] = field(init=False, default_factory=dict)

    def tests_of(self, file: Path, lines: range) -> list[str]:
        """Those that run one of the lines, first the tests that differ most from the ones before them in this file."""
        by_line = self.tests.get(str(file), {})
        if str(file) not in self._ranks:
            runs_it = {name for names in by_line.values() for name in names}
            durations = {name: self.durations[name] for name in runs_it}
            self._ranks[str(file)] = ranked({str(file): by_line}, durations)
        rank = self._ranks[str(file)]
        return sorted({name for line in lines for name in by_line.get(line, ())}, key=rank.__getitem__)

    def write(self, path: Path) -> None:
        """By their numbers: thousands of tests run the same line."""
        number = {name: number for number, name in enumerate(self.durations)}
        tests = {
            file: {line: [number[name] for name in names] for line, names in lines.items()}
            for file, lines in self.tests.items()
        }
        path.write_text(json.dumps({"durations": self.durations, "tests": tests}))


def read(path: Path, items: Sequence[pytest.Item]) -> Learned:
    """What an earlier run wrote, of the tests that are here."""
    known = json.loads(path.read_text())
    here = {item.nodeid for item in items} & known["durations"].keys()
    names = list(known["durations"])
    return Learned(
        durations={name: known["durations"][name] for name in here},
        tests={
            file: {
                int(line): [names[number] for number in numbers if names[number] in here]
                for line, numbers in lines.items()
            }
            for file, lines in known["tests"].items()
        },
    )


def learn(items: Sequence[pytest.Item], passes: Callable[[pytest.Item, pytest.Item], bool]) -> Learned:
    """Run each test once."""
    durations: dict[str, float] = {}
    seen = coverage.Coverage(data_file=None, config_file=False, include=[f"{room}/*" for room in ROOMS])
    seen.start()
    for item, following in zip(items, [*items[1:], items[0]], strict=True):
        seen.switch_context(item.nodeid)
        before = time.process_time()
        if passes(item, following):
            durations[item.nodeid] = time.process_time() - before
    seen.stop()
    data = seen.get_data()
    return Learned(
        durations,
        {
            str(Path(file).relative_to(Path.cwd())): {
                line: [name for name in names if name in durations]
                for line, names in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        },
    )


def ranked(tests: TESTS_OF_A_LINE, durations: dict[str, float]) -> dict[str, int]:
    """First tests that together run every line, each, for its time, as many new ones as can be; then the quickest."""
    lines = dict.fromkeys(durations, 0)
    for number, names in enumerate(names for by_line in tests.values() for names in by_line.values()):
        for name in names:
            lines[name] |= 1 << number
    order: list[str] = []
    missing, gains = -1, [(-math.inf, name) for name in durations]
    while gains:
        _, name = heapq.heappop(gains)
        gain = -(lines[name] & missing).bit_count() / (durations[name] + 0.01)
        if gains and gain > gains[0][0]:
            heapq.heappush(gains, (gain, name))
        elif gain:
            order.append(name)
            missing &= ~lines[name]
    order += sorted(durations.keys() - order, key=durations.__getitem__)
    return {name: number for number, name in enumerate(order)}
