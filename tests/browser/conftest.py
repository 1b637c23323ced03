"""A real browser, Debian's Chromium, before a real server with its static files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.browser.visit import Visit
from tests.support.cast import Cast
from tests.support.server import Server, serve, with_static_files

PASSWORD = "a password of the tests' own"
WIDTH, HEIGHT = 1280, 1400


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    directory = tmp_path / "downloads"
    directory.mkdir()
    return directory


@pytest.fixture
def console_server(cast: Cast, tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path, 2, environment=with_static_files(tmp_path)) as server:
        yield server


@pytest.fixture
def browser(downloads: Path) -> Iterator[Chrome]:
    options = ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--window-size={WIDTH},{HEIGHT}",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture
def auditor(browser: Chrome, console_server: Server) -> Visit:
    return _logged_in(browser, console_server, "ada", "Auditors")


@pytest.fixture
def operator(browser: Chrome, console_server: Server) -> Visit:
    return _logged_in(browser, console_server, "olga", "Operators")


def _logged_in(browser: Chrome, server: Server, name: str, group: str) -> Visit:
    """By the form, as a person is."""
    encoded = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1_000)
    user = User.objects.create(username=name, password=encoded, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    visit = Visit(browser, server.url)
    visit.open("/admin/")
    visit.fill("username", name)
    visit.fill("password", PASSWORD)
    visit.press("Log in")
    return visit
