"""Writes the pictures of docs/console.md: `make screenshots`. A server with the demo runs for as long as it takes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.browser.visit import Visit
from tests.support.server import free_port

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
WIDTH, MAX_HEIGHT = 1280, 1600
SECONDS_TO_START = 60
CLIENT = "/admin/relying_parties/relyingparty/2"
PAGES: Mapping[str, str] = {
    "overview": "/admin/",
    "clients": "/admin/relying_parties/relyingparty/",
    "client": f"{CLIENT}/change/",
    "credentials": f"{CLIENT}/credentials/",
    "requests": "/admin/audit/issuanceevent/",
    "refused": "/admin/audit/issuanceevent/5/change/",
    "claims": "/admin/relying_parties/claimtemplate/1/change/",
    "hand-over": f"{CLIENT}/hand-over/",
    "contain": "/admin/contain/?client=2",
    "integrity": "/admin/integrity/",
}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="m2m-idp-pictures-") as name, _demo(Path(name)) as (url, demo):
        _ask(url, demo["BILLING_SECRET"])
        with _browser() as browser:
            visit = Visit(browser, url)
            visit.open("/admin/")
            visit.fill("username", "admin")
            visit.fill("password", demo["ADMIN_PASSWORD"])
            visit.press("Log in")
            for picture, page in PAGES.items():
                visit.open(page)
                _take(browser, picture)
            visit.open(f"{CLIENT}/try/")
            visit.press("Get a token")
            _take(browser, "try-it")


@contextmanager
def _demo(directory: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of the server, and what the demo made up."""
    port = free_port()
    environment = os.environ | {"VAR_DIR": str(directory), "PORT": str(port), "WEB_CONCURRENCY": "1"}
    for command in (["migrate"], ["collectstatic", "--no-input"], ["load_demo"]):
        subprocess.run(
            [sys.executable, "manage.py", *command, "--verbosity", "0"], cwd=ROOT, env=environment, check=True
        )
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "m2m_idp/gunicorn.conf.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        lines = (directory / "demo.env").read_text().splitlines()
        yield url, dict(line.split("=", 1) for line in lines if "=" in line)
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            requests.get(f"{url}/livez", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The server did not start.")


def _ask(url: str, secret: str) -> None:
    """Three tokens, a wrong secret and a scope that is not granted."""
    asked = [("billing", secret, "")] * 3 + [("billing", "wrong", ""), ("billing", secret, "made.up")]
    for client_id, text, scope in asked:
        data = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        requests.post(f"{url}/oidc_m2m/token", data=data, auth=(client_id, text), timeout=10)


@contextmanager
def _browser() -> Iterator[Chrome]:
    options = ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--window-size={WIDTH},900",
    ):
        options.add_argument(argument)
    browser = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield browser
    finally:
        browser.quit()


def _take(browser: Chrome, name: str) -> None:
    """As high as the page, within reason."""
    height = browser.execute_script("return document.documentElement.scrollHeight")
    metrics = {
        "width": WIDTH,
        "height": min(int(height), MAX_HEIGHT),
        "deviceScaleFactor": 1,
        "mobile": False,
    }
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.save_screenshot(str(PICTURES / f"{name}.png"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


if __name__ == "__main__":
    main()
