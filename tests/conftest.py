"""Every test that needs the database starts from the fixed cast, on SQLite and on PostgreSQL."""

import copy
import gc
import io
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from tests.support.authority import Authority
from tests.support.cast import Cast, build_cast
from tests.support.database import Baseline, set_back, take_baseline
from tests.support.server import Server, serve
from upkeep.sealing import seal

TESTS = Path(__file__).parent
QUICK_ON_SQLITE_ALONE = ("configuration", "console", "issuers", "keys", "protocol", "relying_parties")
SLOW_ON_SQLITE_ALONE = ("browser", "interop", "mtls")

# The database is reset before a test, not before an example.
hypothesis.settings.register_profile(
    "m2m-idp",
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("m2m-idp")


@pytest.fixture(scope="session")
def baseline(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Cast, Baseline]]:
    """The cast, built once: RSA keys are slow to make."""
    with django_db_blocker.unblock():
        cast = build_cast()
        taken = take_baseline()
    yield cast, taken
    taken.close()


@pytest.fixture
def _django_db_helper(baseline: tuple[Cast, Baseline], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In the place of pytest-django's, so that `db`, its mark and its clients all start from the cast."""
    with django_db_blocker.unblock():
        set_back(baseline[1])
        yield


@pytest.fixture
def cast(db: None, baseline: tuple[Cast, Baseline]) -> Cast:
    return copy.deepcopy(baseline[0])


@pytest.fixture(autouse=True)
def _health_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test changes something and asks again within the second for which an answer is given again."""
    monkeypatch.setattr("issuance.health.latest.FRESH", 0.0)


@pytest.fixture
def sealed(cast: Cast) -> None:
    """What made the cast is under checkpoint 1, so that a test finds its own rows alone unsealed."""
    seal(timezone.now())


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the test's requests write to the log, as it stands on standard output."""
    lines = io.StringIO()
    # pytest takes sys.stdout back after the set-up.
    monkeypatch.setattr("runtime.logs.output.sys", SimpleNamespace(stdout=lines))
    return lines


@pytest.fixture(scope="session")
def running_server(
    baseline: tuple[Cast, Baseline],
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    # It is started before the first test that asks for it is set back to the cast.
    with django_db_blocker.unblock():
        set_back(baseline[1])
    with serve(tmp_path_factory.mktemp("server"), 2) as running:
        yield running


@pytest.fixture
def server(cast: Cast, running_server: Server) -> Server:
    """Gunicorn with two workers over the test database, for tests that leave the configuration as it is.

    A change would be seen late, by this test and the next one: such a test starts its own (tests/support/server.py).
    """
    return running_server


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the certificates that all tests share: keys are slow to make, and nothing changes them."""
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="session")
def authority(pki: Path) -> Authority:
    return Authority.new(pki)


@pytest.fixture(scope="session")
def sub_authority(authority: Authority) -> Authority:
    return authority.sub_authority("sub")


@pytest.fixture(scope="session")
def stranger_authority(pki: Path) -> Authority:
    return Authority.new(pki, "strangers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that asks no database says the same on each: it runs on SQLite alone.

    Those of some rooms ask it by what the other rooms' tests try out: on a second database they are slow tests, so
    that the quick ones stay quick. What a browser, a client or TLS sees of a server is the same on each database: the
    slow tests of their rooms run on SQLite alone, too.
    """
    if connection.vendor == "sqlite":
        return
    left_out = [item for item in items if not _runs_on_both(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _runs_on_both(item)]
    for item in items:
        if _is_of(item, QUICK_ON_SQLITE_ALONE):
            item.add_marker("slow")


def _runs_on_both(item: pytest.Item) -> bool:
    is_slow = item.get_closest_marker("slow") is not None
    return asks_the_database(item) and not (is_slow and _is_of(item, SLOW_ON_SQLITE_ALONE))


def _is_of(item: pytest.Item, rooms: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(TESTS / room) for room in rooms)


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end: a collection of garbage need not look through it each time."""
    gc.freeze()


def asks_the_database(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return "baseline" in fixtures or item.get_closest_marker("django_db") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    no_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    no_skip_in_ci(report)
    return report


def no_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
        report.outcome = "failed"
