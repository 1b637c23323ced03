"""A plugin of pytest: it changes a file in every small way and asks the tests that run the changed lines.

One process collects the tests, runs them once and notes which of them runs which line. For each change it forks: the
child has all that tests share, made already: the database, the keys, the modules. It puts the changed code into the
functions as they stand, and runs tests until one fails.
"""

import difflib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import TextIO

import pytest
from _pytest.capture import CaptureManager
from django.db import connection

from tests.mutants.changes import Change, ChangedFile, changes_of
from tests.mutants.learning import Learned, learn, read
from tests.mutants.swapping import caches_of, functions_of, swap

RESULTS = Path("mutants")
OUTCOMES = {0: "survived", 1: "noticed", 2: "no Python", 3: "not in use"}
"""By what a child ends with. Not in use: no function has this code, as that of a decorator that has done its work."""
BROKEN = 4
HANGING, NO_TEST = "noticed", "no test"
COLUMNS = ("noticed", "survived", "no test", "no Python", "not in use")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mutants")
    group.addoption("--mutate", action="append", default=[], help="a file to change")
    group.addoption(
        "--mutate-only", action="append", default=[], help="changes to try, FILE:NUMBER; else all"
    )
    group.addoption("--mutate-decisions", action="store_true", help="spoil no values: decisions alone")
    group.addoption("--mutate-children", type=int, default=1, help="changes at once")
    group.addoption("--mutate-seconds", type=float, default=20, help="most seconds of tests for one change")
    group.addoption(
        "--mutate-results", type=Path, help="where to write the outcomes; else a new file in mutants/"
    )
    group.addoption(
        "--mutate-learned", type=Path, help="where to keep which test runs which line, for further runs"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A server's process has no change."""
    left_out = [item for item in items if "running_server" in getattr(item, "fixturenames", [])]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtestloop(session: pytest.Session) -> bool:
    files = [changes_of(Path(name)) for name in session.config.getoption("mutate")]
    RESULTS.mkdir(exist_ok=True)
    Run(session, files).judge()
    return True


class Run:
    def __init__(self, session: pytest.Session, files: list[ChangedFile]) -> None:
        self.session, self.files = session, files
        self.only = set(session.config.getoption("mutate_only"))
        self.only_decisions: bool = session.config.getoption("mutate_decisions")
        self.children: int = session.config.getoption("mutate_children")
        self.seconds: float = session.config.getoption("mutate_seconds")
        self.results: Path = session.config.getoption("mutate_results") or RESULTS / f"{time.time_ns()}.jsonl"
        self.failed: list[str] = []
        session.config.pluginmanager.register(self)
        self.items = {item.nodeid: item for item in session.items}
        self.learned = self.learn(session.config.getoption("mutate_learned"))
        self.functions = functions_of(each.file for each in files)
        self.caches = caches_of(each.file for each in files)
        self.noticed_by: dict[str, list[str]] = defaultdict(list)
        """By function, the tests that noticed a change of it, the last one last."""
        self.running: dict[int, tuple[Change, ChangedFile, Path]] = {}
        self.counts: dict[Path, Counter[str]] = defaultdict(Counter)

    def learn(self, path: Path | None) -> Learned:
        if path and path.is_file():
            # What the session shares is made by the first test.
            first = self.session.items[0]
            self.passes(first, first)
            learned = read(path, self.session.items)
        else:
            learned = learn(self.session.items, self.passes)
            if path:
                learned.write(path)
        for name in self.failed:
            self.say(f"fails with no change: {name}")
        connection.close()
        return learned

    def passes(self, item: pytest.Item, following: pytest.Item) -> bool:
        before = len(self.failed)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return len(self.failed) == before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def judge(self) -> None:
        with self.results.open("w") as results:
            for each in self.files:
                for change in filter(self.is_wanted, each.changes):
                    self.start(change, each, results)
                while self.running:
                    self.wait(results)
                self.say(row(each.file, self.counts[each.file]))
        self.say("\n".join(["", *table(self.counts)]))

    def is_wanted(self, change: Change) -> bool:
        if self.only:
            return change.name in self.only
        return change.is_decision or not self.only_decisions

    def start(self, change: Change, each: ChangedFile, results: TextIO) -> None:
        tests = self.tests_for(change)
        if not tests:
            self.note(change, each, NO_TEST, "", results)
            return
        while len(self.running) >= self.children:
            self.wait(results)
        directory = Path(os.environ["VAR_DIR"]) / f"change-{change.file.stem}-{change.number}"
        directory.mkdir()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            os._exit(self.child(change, tests, each, directory))
        self.running[pid] = (change, each, directory)

    def tests_for(self, change: Change) -> list[str]:
        """Those that noticed another change of the function, then the rest, as long as there is time."""
        tests = self.learned.tests_of(change.file, change.lines)
        first = [name for name in reversed(self.noticed_by[change.function]) if name in tests]
        chosen: list[str] = []
        spent = 0.0
        for name in [*first, *(name for name in tests if name not in first)]:
            spent += self.learned.durations[name]
            if chosen and spent > self.seconds:
                break
            chosen.append(name)
        return chosen

    def child(self, change: Change, tests: list[str], each: ChangedFile, directory: Path) -> int:
        """What the process ends with."""
        _end_after(20)
        self.session.config.pluginmanager.unregister(name="terminalreporter")
        try:
            _take_own_database(directory)
            before, after = (_compiled(text, change.file) for text in (each.module.code, each.source(change)))
            if before is None or after is None:
                return 2
            if not swap(before, after, self.functions[change.file]):
                return 3
            for cache in self.caches[change.file]:
                cache.cache_clear()
        except Exception:
            traceback.print_exc(file=sys.__stderr__)
            return BROKEN
        try:
            return int(any(not self.runs(name, directory) for name in tests))
        except BaseException as error:
            (directory / "noticed-by").write_text(type(error).__name__)
            return 1

    def runs(self, name: str, directory: Path) -> bool:
        """Whether the test passes. One that hangs ends the process."""
        item = self.items[name]
        _end_after(10 + 10 * self.learned.durations[name])
        # Of the fixtures those of the session stay.
        self.session._setupstate.teardown_exact(item)
        if self.passes(item, item):
            return True
        (directory / "noticed-by").write_text(name)
        return False

    def wait(self, results: TextIO) -> None:
        pid, status = os.wait()
        if pid not in self.running:
            return
        change, each, directory = self.running.pop(pid)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == BROKEN:
            raise RuntimeError(f"{change.name} could not be tried.")
        outcome = HANGING if os.WIFSIGNALED(status) else OUTCOMES[os.WEXITSTATUS(status)]
        noticed_by = directory / "noticed-by"
        name = noticed_by.read_text() if noticed_by.exists() else ""
        shutil.rmtree(directory, ignore_errors=True)
        if name in self.items:
            others = [other for other in self.noticed_by[change.function] if other != name]
            self.noticed_by[change.function] = [*others, name]
        self.note(change, each, outcome, name, results)

    def note(self, change: Change, each: ChangedFile, outcome: str, noticed_by: str, results: TextIO) -> None:
        self.counts[change.file][outcome] += 1
        told = {
            "change": change.name,
            "function": change.function,
            "outcome": outcome,
            "noticed_by": noticed_by,
        }
        if outcome in {"survived", NO_TEST, "not in use"}:
            told["diff"] = "\n".join(_diff(each.module.code, each.source(change)))
            self.say(f"\n{outcome}: {change.name} {change.function}\n{told['diff']}")
        results.write(json.dumps(told) + "\n")
        results.flush()

    def say(self, text: str) -> None:
        capture = self.session.config.pluginmanager.getplugin("capturemanager")
        assert isinstance(capture, CaptureManager)
        with capture.global_and_fixture_disabled():
            print(text, flush=True)


def table(counts: dict[Path, Counter[str]]) -> Iterator[str]:
    yield f"| File | Changes | {' | '.join(COLUMNS)} |"
    yield "|---|" + "---:|" * (len(COLUMNS) + 1)
    for file, count in counts.items():
        yield row(file, count)
    yield row("together", sum(counts.values(), Counter()))


def row(name: Path | str, count: Counter[str]) -> str:
    return f"| {name} | {count.total()} | {' | '.join(str(count[column]) for column in COLUMNS)} |"


def _end_after(seconds: float) -> None:
    """The process, by a signal: so many seconds of the processor's time, or many more of waiting."""
    for timer, number in ((signal.ITIMER_PROF, signal.SIGPROF), (signal.ITIMER_REAL, signal.SIGALRM)):
        signal.signal(number, signal.SIG_DFL)
        signal.setitimer(timer, seconds if timer == signal.ITIMER_PROF else 10 * seconds)


def _take_own_database(directory: Path) -> None:
    """A copy of it: two children must not meet, and none may use a connection that was open before it."""
    if not Path(connection.settings_dict["NAME"]).exists():
        # No test of these needs one.
        return
    database = directory / "test.sqlite3"
    shutil.copy(connection.settings_dict["NAME"], database)
    connection.settings_dict["NAME"] = str(database)
    connection.connection = None


def _compiled(source: str, file: Path) -> CodeType | None:
    try:
        return compile(source, str(file.resolve()), "exec")
    except (SyntaxError, ValueError):
        return None


def _diff(before: str, after: str) -> Iterator[str]:
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
        if not line.startswith(("---", "+++")):
            yield line
