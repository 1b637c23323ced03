"""A person's visit to the console: what they click, and what axe and the browser have to say of each page."""

from pathlib import Path
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(__file__).parents[1] / "interop" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SECONDS = 20


class Visit:
    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self._url = url

    def open(self, path: str) -> None:
        self.browser.get(self._url + path)

    def fill(self, name: str, text: str) -> None:
        self.browser.find_element(By.NAME, name).send_keys(text)

    def choose(self, name: str, value: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, f"select[name={name}] option[value='{value}']").click()

    def press(self, label: str) -> None:
        """The button of this text; returns when the next page is there."""
        self._go(
            self.browser.find_element(
                By.CSS_SELECTOR, f"input[value='{label}'], button[aria-label='{label}']"
            )
        )

    def follow(self, text: str) -> None:
        """The first link of this text."""
        self._go(self.browser.find_element(By.PARTIAL_LINK_TEXT, text))

    def unfold(self, text: str) -> None:
        """What lies under the summary of this text."""
        self.browser.find_element(By.XPATH, f"//summary[contains(., '{text}')]").click()

    def download(self, text: str, *, into: Path) -> Path:
        """The file behind the link of this text, when it is there whole."""
        self.browser.find_element(By.PARTIAL_LINK_TEXT, text).click()
        WebDriverWait(self.browser, SECONDS).until(lambda _: _finished(into))
        return _finished(into)[0]

    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def complaints(self) -> list[str]:
        """What axe finds on the page, and what the browser wrote to its console: a broken policy is among it."""
        told = [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]
        # Past the page's policy, which lets no script of others in.
        self.browser.execute_script(AXE.read_text())
        found: dict[str, Any] = self.browser.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)"
        )
        axe = [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
        # What axe itself may not do is no complaint of the page's.
        self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return told + axe

    def is_wider_than_its_window(self) -> bool:
        wider: bool = self.browser.execute_script(
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wider

    def _go(self, element: WebElement) -> None:
        before = self.browser.find_element(By.TAG_NAME, "html")
        element.click()
        WebDriverWait(self.browser, SECONDS).until(lambda _: _is_gone(before))


def _is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    return False


def _finished(directory: Path) -> list[Path]:
    return [file for file in directory.iterdir() if file.suffix not in {".crdownload", ".tmp"}]
