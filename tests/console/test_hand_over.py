"""The sheet that an operator hands to those who run a client."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from console.clients.hand_over_markdown import code, fenced, plain
from relying_parties.models import ClientSecret, RelyingParty
from tests.console.pages import body_of, url
from tests.support.cast import INVOICES, Cast

pytestmark = pytest.mark.contract("P10.39")

GUIDE = (Path(__file__).parents[2] / "docs" / "integrate.md").read_text()


def page_of(cast: Cast) -> str:
    return reverse("admin:hand_over", args=[cast.billing.pk])


def markdown(client: Client, cast: Cast) -> str:
    return body_of(client, f"{page_of(cast)}?format=md")


def test_the_sheet_has_what_the_service_needs_and_no_secret(cast: Cast, operator: Client) -> None:
    ends = datetime(2099, 12, 31, 12, 30, tzinfo=UTC)
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=ends, hint="XbFM")
    RelyingParty.objects.filter(pk=cast.billing.pk).update(contact="Payments", access_token_ttl=777)
    page, text = body_of(operator, page_of(cast)), markdown(operator, cast)
    for fact in (
        f"{cast.oidc_m2m.url}/token",
        "billing",
        INVOICES,
        "invoices.read",
        "Payments",
        "777 seconds",
        "XbFM",
    ):
        assert fact in page
        assert fact in text
    assert "It is good until 2099-12-31 12:30 UTC." in page
    assert "The secret first (it ends with `XbFM`) is good until 2099-12-31 12:30 UTC" in text
    assert "Keep a token until 60 seconds before its end" in text
    for answer in (page, text):
        assert cast.secrets["billing"] not in answer


@pytest.mark.parametrize("language", ["python", "js", "go", "java"])
def test_its_programs_are_those_of_the_guide(cast: Cast, operator: Client, language: str) -> None:
    (program,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert program in markdown(operator, cast)
    assert escape(program) in body_of(operator, page_of(cast))


def test_a_client_of_another_method_gets_no_program_that_sends_a_secret(cast: Cast, operator: Client) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(token_endpoint_auth_method="federated_jwt")
    text = markdown(operator, cast)
    assert "## Programs" not in text
    assert "The secret first" not in text
    assert "CLIENT\\_ASSERTION" in text


def test_the_markdown_is_a_file_of_its_own(cast: Cast, auditor: Client) -> None:
    answer = auditor.get(f"{page_of(cast)}?format=md")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="hand-over-billing.md"'
    assert auditor.post(page_of(cast)).status_code == 405


def test_what_an_operator_typed_is_text_and_no_markup(cast: Cast, operator: Client) -> None:
    name = "![x](https://evil.example) <b>`id`\u2028# ليل"
    RelyingParty.objects.filter(pk=cast.billing.pk).update(name=name, contact=name)
    heading = markdown(operator, cast).splitlines()[0]
    assert heading.startswith("# Hand\\-over\\: \\!\\[x\\]\\(https\\://evil\\.example\\) \\<b\\>\\`id\\`")
    assert "<b>`id`" not in body_of(operator, page_of(cast))


def test_a_code_span_and_a_fence_hold_any_text() -> None:
    assert (code("a"), code("a`b"), code("``")) == ("`a`", "`` a`b ``", "``` `` ```")
    assert fenced("a\n```\nb\n", "sh") == "````sh\na\n```\nb\n````"
    assert plain("a\n# b") == "a \\# b"


def test_it_is_offered_where_a_secret_is_shown_and_on_the_client_s_page(cast: Cast, operator: Client) -> None:
    assert page_of(cast) in body_of(operator, url(RelyingParty, "change", cast.billing.pk))
    generate = url(RelyingParty, "generate_secret", cast.billing.pk)
    newest = ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk
    assert page_of(cast) in operator.post(generate, {"newest": newest}).content.decode()
