"""An operator's first hour with a client, in a browser, counted: from adding it to disabling it."""

from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from relying_parties.models import ClaimTemplate, RelyingParty
from tests.browser.test_auditor import assert_in_order
from tests.browser.visit import Visit
from tests.support.cast import Cast
from tests.support.server import Server

pytestmark = pytest.mark.slow

MAX_CLICKS = 20
MAX_PAGES = 8


class Counted:
    """A visit whose clicks and different pages are counted."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.clicks = 0
        self.pages = {self._page()}

    def follow(self, text: str) -> None:
        self.visit.follow(text)
        self._counted()

    def press(self, label: str) -> None:
        self.visit.press(label)
        self._counted()

    def tick(self, css: str) -> None:
        self._element(css).click()
        self.clicks += 1

    def choose(self, name: str, value: str) -> None:
        self.visit.choose(name, value)
        self.clicks += 1

    def _counted(self) -> None:
        self.clicks += 1
        self.pages.add(self._page())
        assert_in_order(self.visit)

    def _element(self, css: str) -> WebElement:
        return self.visit.browser.find_element(By.CSS_SELECTOR, css)

    def _page(self) -> str:
        return urlsplit(self.visit.browser.current_url).path


@pytest.fixture
def template(cast: Cast) -> ClaimTemplate:
    return ClaimTemplate.objects.create(name="team", claims={"team": "orders"})


def test_a_client_is_added_proven_given_a_claim_rotated_disabled_and_its_refusal_explained(
    cast: Cast, template: ClaimTemplate, operator: Visit, console_server: Server
) -> None:
    story = Counted(operator)

    story.follow("Add a client")
    operator.fill("name", "Order service")
    if operator.browser.find_elements(By.NAME, "issuer"):
        story.choose("issuer", str(cast.oidc_m2m.pk))
    story.tick(f"input[type=checkbox][value='{cast.invoices.pk}']")
    story.press("Save")
    secret = operator.browser.find_element(By.ID, "secret").text
    assert console_server.token(("order-service", secret)).status_code == 200

    story.follow("Try it now")
    story.press("Get a token")
    assert "It gets a token" in operator.text()
    assert "wrong" not in operator.browser.find_element(By.ID, "verified-heading").text

    story.follow("Claims")
    story.choose("claim_template", str(template.pk))
    story.press("Save")
    assert "orders" in operator.text()

    story.follow("Credentials")
    story.follow("Rotate")
    story.press("Make the new secret")
    rotated = operator.browser.find_element(By.ID, "secret").text
    assert console_server.token(("order-service", rotated)).status_code == 200
    story.follow("Done")

    story.follow("Disable…")
    operator.fill("reason", "leak, INC-42")
    story.press("Disable it")
    assert "REFUSED" in operator.text().upper()
    assert "leak, INC-42" in operator.text()
    assert not RelyingParty.objects.get(client_id="order-service").is_active
    assert story.clicks <= MAX_CLICKS
    assert len(story.pages) <= MAX_PAGES
