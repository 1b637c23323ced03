"""P10.41: the editor of a claim template shows the token of what is typed, and why saving would be refused."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.clients.claims_editor import MAX_CHECKED
from issuers.models import GlobalVariable
from relying_parties.models import ClaimTemplate, RelyingParty
from tests.console.conftest import Roles
from tests.console.forms import form_of
from tests.console.pages import body_of, url
from tests.support.cast import Cast, new_relying_party
from tests.support.wire import ask

pytestmark = pytest.mark.contract("P10.41")
PREVIEW = url(ClaimTemplate, "preview")
NO_GRANT = "for which it has no access grant: add one, or change aud."
SEED = '{"aud": "your_application", "your_claim": "value"%s}'


@pytest.fixture
def page(cast: Cast) -> str:
    return url(ClaimTemplate, "change", cast.seed_template.pk)


def typed(client: Client, cast: Cast, **fields: Any) -> Any:
    """The editor as it answers what is typed into the page of the seed's template."""
    form = {"template": cast.seed_template.pk, "claims": SEED % "", "headers": "{}"}
    answer = client.post(PREVIEW, form | fields)
    assert answer.status_code == 200
    return answer.context["editor"]


def marked(lines: Any, mark: str) -> list[str]:
    return [line.text.strip().rstrip(",") for line in lines if line.mark == mark]


def test_the_page_shows_the_token_of_the_first_client_that_uses_it(
    cast: Cast, operator: Client, auditor: Client, page: str
) -> None:
    for client in (operator, auditor):
        editor = client.get(page).context["editor"]
        assert (editor.client, editor.users, editor.used_by) == (cast.reports, (cast.reports,), 1)
        assert marked(editor.claims, "added") == marked(editor.claims, "removed") == []
        body = body_of(client, page)
        assert "Used by 1 client<" in body
        assert f'href="{url(RelyingParty, "change", cast.reports.pk)}">reports</a>' in body


def test_what_is_typed_is_rendered_and_its_changed_lines_are_marked(cast: Cast, operator: Client) -> None:
    claims = '{"aud": "your_application", "your_claim": "another", "region": "${globals.region}"}'
    editor = typed(operator, cast, claims=claims, headers='{"typ": "JWT"}')
    assert marked(editor.claims, "added") == ['"your_claim": "another"', '"region": "eu-north"']
    assert marked(editor.claims, "removed") == ['"your_claim": "value"']
    assert (marked(editor.header, "added"), marked(editor.header, "removed")) == (
        ['"typ": "JWT"'],
        ['"typ": "at+jwt"'],
    )
    assert (editor.problems, editor.is_draft) == ((), True)


def test_the_token_shown_is_the_one_that_is_issued(cast: Cast, operator: Client, page: str) -> None:
    claims = SEED % ', "who": "${client.name} of ${issuer.name}"'
    shown = typed(operator, cast, claims=claims).claims
    operator.post(page, form_of(operator, page) | {"claims": claims})
    token = ask(cast.in_body("reports")).claims
    assert token["who"] == "Reports of M2M"
    names = [line.text.strip().partition(":")[0].strip('"') for line in shown if line.mark != "removed"]
    assert {*names} - {"{", "}"} == token.keys()


def test_nothing_that_is_typed_is_saved(cast: Cast, operator: Client, page: str) -> None:
    claims = SEED % ', "new": 1'
    typed(operator, cast, claims=claims)
    answer = operator.post(page, form_of(operator, page) | {"claims": claims, "_preview": "1"})
    assert answer.status_code == 200
    assert "Nothing was saved: this is a preview." in answer.text
    assert "Please correct" not in answer.text
    assert "<ins>+   &quot;new&quot;: 1,</ins>" in answer.text
    assert ", &quot;new&quot;: 1}</textarea>" in answer.text
    cast.seed_template.refresh_from_db()
    assert cast.seed_template.claims["your_claim"] == "value"
    assert cast.seed_template.history.count() == 1


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ("{", "claims: Not JSON. Line 1, column 2: Expecting property name enclosed in double quotes."),
        ("[]", "claims: The claims are a JSON object."),
        ('{"exp": 1}', "claims: exp: set by the issuer, not by a template."),
        (
            '{"a": "${client.secret}"}',
            "claims: a: ${client.secret}: client has client_id, contact, description, name.",
        ),
        (
            SEED % ', "x": "${globals.missing}"',
            "reports: its claim template seed uses ${globals.missing}, which is not defined for this issuer.",
        ),
        (
            '{"aud": "elsewhere"}',
            f"reports: aud in its claim template is elsewhere, {NO_GRANT}",
        ),
    ],
)
def test_it_says_what_saving_would_refuse_and_saving_refuses_it(
    cast: Cast, operator: Client, page: str, claims: str, problem: str
) -> None:
    assert typed(operator, cast, claims=claims).problems == (problem,)
    refused = operator.post(page, form_of(operator, page) | {"claims": claims})
    assert refused.status_code == 200
    assert refused.context["editor"].problems == (problem,)
    assert "Saving would be refused, since a token would be:" in refused.text
    cast.seed_template.refresh_from_db()
    assert cast.seed_template.claims["your_claim"] == "value"


def test_the_token_is_shown_for_the_client_that_is_asked_for(cast: Cast, operator: Client) -> None:
    editor = typed(operator, cast, claims='{"by": "${client.name}"}', for_client=" billing ")
    assert editor.client == cast.billing
    assert '"by": "Billing"' in [line.text.strip() for line in editor.claims] + marked(editor.claims, "added")
    nobody = typed(operator, cast, for_client="nobody")
    assert (nobody.client, nobody.preview) == (None, None)


def test_of_two_clients_of_one_name_the_one_that_uses_the_template_is_shown(
    cast: Cast, operator: Client
) -> None:
    new_relying_party(cast.other, "reports")
    assert typed(operator, cast, for_client="reports").client == cast.reports


def test_the_names_have_their_present_values(cast: Cast, operator: Client) -> None:
    GlobalVariable(issuer=cast.oidc_m2m, name="zones", value=["a", "b"]).checked().save()
    names = {name.text: name.value for name in typed(operator, cast).names}
    assert names == {
        "${client.client_id}": "reports",
        "${client.name}": "Reports",
        "${client.description}": "",
        "${client.contact}": "",
        "${issuer.url}": cast.oidc_m2m.url,
        "${issuer.path}": "oidc_m2m",
        "${issuer.name}": "M2M",
        "${globals.region}": "eu-north",
        "${globals.zones}": '["a", "b"]',
    }


def test_a_new_template_is_shown_for_any_client_and_compared_with_nothing(
    cast: Cast, operator: Client
) -> None:
    page = url(ClaimTemplate, "add")
    assert operator.get(page).context["editor"].client == cast.billing
    shown = operator.post(page, form_of(operator, page) | {"claims": '{"a": 1}', "_preview": "1"})
    editor = shown.context["editor"]
    assert '"a": 1' in [line.text.strip().rstrip(",") for line in editor.claims]
    assert marked(editor.claims, "added") == []
    assert "Used by" not in shown.text
    assert ClaimTemplate.objects.count() == 1


def test_of_many_clients_the_first_are_checked_and_linked(cast: Cast, operator: Client, page: str) -> None:
    for number in range(MAX_CHECKED + 2):
        new_relying_party(cast.oidc_m2m, f"another-{number:02}", template=cast.seed_template)
    editor = operator.get(page).context["editor"]
    assert (len(editor.users), editor.used_by) == (MAX_CHECKED, MAX_CHECKED + 3)
    assert "And 3 more: saving checks them all." in body_of(operator, page)


def test_who_may_not_see_clients_sees_no_token(cast: Cast, roles: Roles) -> None:
    for role in ("anonymous", "nobody"):
        assert roles[role].post(PREVIEW, {}).status_code in {302, 403}
    assert roles["auditor"].post(PREVIEW, {}).status_code == 200


def test_a_preview_without_the_csrf_token_is_refused(operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(PREVIEW, {"claims": "{}"}).status_code == 403


def test_a_preview_of_a_version_that_has_changed_says_so(cast: Cast, operator: Client, page: str) -> None:
    form = form_of(operator, page) | {"claims": '{"mine": 1}', "_preview": "1"}
    cast.seed_template.description = "changed meanwhile"
    cast.seed_template.save()
    answer = operator.post(page, form)
    assert answer.status_code == 409
    assert timezone.now().strftime("%Y-%m-%d") in answer.text
