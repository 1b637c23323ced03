"""P10.22: whoever sees the record pastes a request, a token or a request ID, and sees why there is no token."""

import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from audit.models import Checkpoint, OperationalEvent
from console.requests.why import why_page
from issuance.models import UsedJti
from issuance.tokens.quota import QUOTAS
from relying_parties.models import RelyingParty
from relying_parties.secrets.credentials import add_chosen_secret
from runtime.rate_limit.windows import Window
from tests.console.conftest import Roles
from tests.support.assertions import new_robot, own, pair
from tests.support.cast import Cast
from tests.support.forging import signer
from tests.support.wire import ask, basic, events, last_event

pytestmark = pytest.mark.contract("P10.22")

URL = "http://127.0.0.1:8000/oidc_m2m/token"
DONE = ["Request read", "Client active", "Client proved", "Binding", "Access", "Network", "Dates", "Request rules",
        "Signing key", "Claims", "Quota"]  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's dry runs are its own."""
    monkeypatch.setattr(why_page, "DRY_RUNS", Window("dry-runs", seconds=60))
    monkeypatch.setattr("issuance.client_auth.throttle.FAILURES", Window("auth-failures", seconds=60))


def asked(browser: Client, pasted: str, **more: object) -> Any:
    return browser.post(reverse("admin:why"), {"pasted": pasted, **more})


def steps(answer: Any) -> dict[str, str]:
    assert not answer.context["form"].errors, answer.context["form"].errors
    (one,) = answer.context["answers"]
    return {step.name: step.state.name for step in one.steps}


def failed(answer: Any) -> tuple[str, str]:
    (one,) = answer.context["answers"]
    (step,) = [step for step in one.steps if step.advice]
    return step.name, step.advice.why


def problem(answer: Any) -> str:
    (errors,) = answer.context["form"].errors.values()
    return " ".join(errors)


def curl(cast: Cast, more: str = "") -> str:
    return f"curl {URL} -u 'billing:{cast.secrets['billing']}' -d grant_type=client_credentials {more}"


def raw(cast: Cast, body: str = "grant_type=client_credentials") -> str:
    return f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nAuthorization: {cast.basic('billing')}\r\n\r\n{body}"


def in_body(cast: Cast) -> str:
    return f"grant_type=client_credentials&client_id=reports&client_secret={cast.secrets['reports']}"


GOOD: dict[str, Callable[[Cast], str]] = {
    "curl": curl,
    "curl over lines": lambda cast: curl(cast).replace(" -", " \\\n  -"),
    "curl with letters together": lambda cast: (
        f"curl -sSu billing:{cast.secrets['billing']} -dgrant_type=client_credentials --max-time 10 {URL}"
    ),
    "curl with a header": lambda cast: (
        f"curl -X POST {URL} -H 'Authorization: {cast.basic('billing')}' --data-urlencode grant_type=client_credentials"
    ),
    "curl without a scheme": lambda cast: curl(cast).replace("http://", ""),
    "the seed's URL": lambda cast: curl(cast).replace("oidc_m2m/token", "api/oidc_m2m"),
    "a request": raw,
    "a request with line feeds": lambda cast: raw(cast).replace("\r", ""),
    "a request without its line": lambda cast: raw(cast).partition("\r\n")[2],
    "a body": in_body,
}


@pytest.mark.parametrize("form", GOOD)
def test_a_request_that_would_get_a_token(cast: Cast, auditor: Client, form: str) -> None:
    answer = asked(auditor, GOOD[form](cast), issuer=cast.oidc_m2m.pk)
    assert steps(answer) == dict.fromkeys(DONE, "PASSED") | {"Recorded": "LATER", "Signed": "LATER"}
    assert "It would get a token" in answer.content.decode()
    assert "not done in a dry run" in answer.content.decode()


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        (lambda cast: curl(cast, "-d scope=invoices.delete"), "Access"),
        (lambda cast: curl(cast, "-d resource=https://elsewhere.example"), "Access"),
        (lambda cast: curl(cast, "-d a=%zz"), "Request read"),
        (lambda cast: curl(cast, "-H 'Content-Type: application/json'"), "Request read"),
        (lambda cast: curl(cast, "-d client_secret=x"), "Client proved"),
        (lambda cast: curl(cast).replace("billing:", "bilking:"), "Client active"),
        (lambda cast: curl(cast).replace("billing:", "billing:x"), "Client proved"),
        (lambda cast: curl(cast).replace("oidc_m2m", "nowhere"), "Client active"),
        (lambda cast: f"curl {URL} --cert c.pem -d client_id=billing -d grant_type=client_credentials",
         "Client proved"),
        (lambda cast: f"curl {URL}?scope=a -d grant_type=client_credentials", "Request read"),
    ],
)  # fmt: skip
def test_a_request_that_would_be_refused(
    cast: Cast, auditor: Client, pasted: Callable[[Cast], str], expected: str
) -> None:
    answer = asked(auditor, pasted(cast))
    assert failed(answer)[0] == expected
    assert "It would be refused" in answer.content.decode()


def test_the_answer_is_that_of_the_token_endpoint(cast: Cast, auditor: Client) -> None:
    cast.billing.is_active = False
    cast.billing.save()
    ask(auth=cast.basic("billing"))
    (one,) = asked(auditor, curl(cast)).context["answers"]
    real = last_event()
    columns = ("issuer", "client_id", "error", "detail", "http_status", "auth_method", "outcome")
    assert [getattr(one.event, name) for name in columns] == [getattr(real, name) for name in columns]


def test_networks_are_checked_if_the_address_is_given(cast: Cast, auditor: Client) -> None:
    cast.billing.allowed_networks = ["10.20.0.0/16"]
    cast.billing.save()
    unchecked = asked(auditor, curl(cast))
    assert steps(unchecked)["Network"] == "PASSED"
    assert "not checked: no address was given" in unchecked.content.decode()
    assert failed(asked(auditor, curl(cast), address="127.0.0.1")) == (
        "Network", "127.0.0.1 is outside 10.20.0.0/16.",
    )  # fmt: skip


def test_a_dry_run_spends_no_quota_and_sees_one_that_is_used_up(cast: Cast, auditor: Client) -> None:
    cast.billing.requests_per_minute = 1
    cast.billing.save()
    QUOTAS.forget(str(cast.billing.pk))
    for _ in range(2):
        assert steps(asked(auditor, curl(cast)))["Quota"] == "PASSED"
    assert ask(auth=cast.basic("billing")).status == 200
    assert failed(asked(auditor, curl(cast))) == ("Quota", "Quota 1 a minute used up.")


def test_a_disabled_issuer_refuses(cast: Cast, auditor: Client) -> None:
    cast.oidc_m2m.is_active = False
    cast.oidc_m2m.save()
    step, why = failed(asked(auditor, curl(cast)))
    assert step == "Client active"
    assert why.startswith("The issuer M2M was disabled by ")


def test_a_dry_run_uses_up_no_assertion_and_sees_one_that_was_used(cast: Cast, auditor: Client) -> None:
    new_robot(cast)
    sent = pair(own(cast, signer("ES256")).made())
    body = urlencode({"grant_type": "client_credentials", **sent})
    for _ in range(2):
        assert steps(asked(auditor, body, issuer=cast.oidc_m2m.pk))["Client proved"] == "PASSED"
    assert ask(sent).status == 200
    step, why = failed(asked(auditor, body, issuer=cast.oidc_m2m.pk))
    assert (step, why) == (
        "Client proved", "The client assertion was used before: make a new one for each request.",
    )  # fmt: skip


def test_the_steps_of_a_recorded_request(cast: Cast, auditor: Client) -> None:
    request_id = ask({"scope": "invoices.delete"}, auth=cast.basic("billing")).headers["X-Request-ID"]
    answer = asked(auditor, f" {request_id}\n")
    assert failed(answer)[0] == "Access"
    assert f"Row {last_event().pk} of the record" in answer.content.decode()


def test_a_request_id_of_no_request(cast: Cast, auditor: Client) -> None:
    assert problem(asked(auditor, "0" * 32)) == "The record has no request with this ID."


@pytest.mark.parametrize(
    "form",
    ["{}", "Bearer {}", "Authorization: Bearer {}", '"{}"', '{{"access_token": "{}", "expires_in": 1}}'],
)
def test_a_token_leads_to_its_request(cast: Cast, auditor: Client, form: str) -> None:
    token = ask(auth=cast.basic("billing")).json["access_token"]
    answer = asked(auditor, form.format(token))
    assert set(steps(answer).values()) == {"PASSED"}
    assert "Ours, and good now" in answer.content.decode()
    assert token not in answer.content.decode()


def test_a_forged_token_has_no_request(cast: Cast, auditor: Client) -> None:
    head, claims, signature = ask(auth=cast.basic("billing")).json["access_token"].split(".")
    answer = asked(auditor, f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")
    assert "Not a token of this server" in answer.content.decode()
    assert answer.context["answers"] == []


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (f"curl {URL} -d 'a", "A quotation mark is not closed."),
        (f"curl {URL} -u billing -d a=b", "--user has no colon with the secret behind it."),
        (f'curl {URL} -u "billing:$SECRET" -d a=b', "--user has a variable of the shell"),
        (f"curl {URL} -d @secret.txt", "--data names a file"),
        (f"curl {URL} --data-urlencode client_secret@secret.txt", "--data-urlencode names a file"),
        (f"curl {URL} -F a=b", "The option -F is not known here"),
        (f"curl {URL} --form a=b", "The option --form is not known here"),
        (f"curl {URL} --S3cret -d a=b", "An option is not known here"),
        (f"curl {URL} -d", "The option --data has no value."),
        (f"curl {URL} {URL} -d a=b", "The command has two URLs."),
        ("curl -d a=b", "The command has no URL."),
        (f"curl {URL}", "sends no POST with a body"),
        (f"curl -X GET {URL} -d a=b", "sends no POST with a body"),
        (f"curl {URL} -H nonsense -d a=b", "A header has no colon."),
        (
            f"curl {URL} -u a:b -H 'Authorization: Basic x' -d a=b",
            "has both --user and a header Authorization",
        ),
        ("curl https://x.example/oidc_m2m/jwks -d a=b", "not that of a token endpoint"),
        ("curl 'http://[/token' -d a=b", "Its URL is malformed."),
        ("GET /oidc_m2m/token HTTP/1.1\n\na=b", "Its method is not POST"),
        ("grant_type=client_credentials", "Choose the issuer"),
    ],
)
def test_what_is_not_understood_is_said(cast: Cast, auditor: Client, pasted: str, why: str) -> None:
    assert why in problem(asked(auditor, pasted))


def test_guesses_are_counted_by_person_and_hold_no_service_up(
    cast: Cast, auditor: Client, operator: Client, settings: Any
) -> None:
    settings.AUTH_FAILURES_PER_MINUTE = 2
    add_chosen_secret(relying_party=cast.billing, text="chosen-by-a-person", label="chosen")
    right = f"curl {URL} -u billing:chosen-by-a-person -d grant_type=client_credentials"
    for _ in range(2):
        assert failed(asked(auditor, right.replace("person", "nobody")))[0] == "Client proved"
    refused = asked(auditor, right)
    assert "2 authentications from dry runs of aud failed within a minute" in failed(refused)[1]
    assert steps(asked(operator, right))["Client proved"] == "PASSED"
    assert ask(auth=basic("billing", "chosen-by-a-person")).status == 200


def test_a_person_has_so_many_dry_runs_a_minute(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why_page, "MAX_DRY_RUNS", 2)
    for _ in range(2):
        assert steps(asked(auditor, curl(cast)))
    assert re.match(
        r"You had 2 dry runs within a minute\. Wait \d+ seconds\.", problem(asked(auditor, curl(cast)))
    )


def test_nothing_of_what_is_pasted_is_kept_or_shown(
    cast: Cast, auditor: Client, log_lines: io.StringIO
) -> None:
    chosen = "Tr0ub4dor&3-of-billing"
    add_chosen_secret(relying_party=cast.billing, text=chosen, label="chosen")
    pasted = [
        f"curl {URL} -u 'billing:{chosen}' -d grant_type=client_credentials",
        f"curl {URL} -u 'billing:{chosen}' --nonsense",
        f"curl {URL} -u 'billing:wrong-{chosen}' -d grant_type=client_credentials",
        f"curl 'https://elsewhere.example/{chosen}' -d a=b",
        f"client_id=reports&client_secret={chosen}",
    ]
    before = kept()
    answers = [asked(auditor, text).content.decode() for text in pasted]
    assert kept() == before
    escaped = chosen.replace("&", "&amp;")
    sessions = str([session.get_decoded() for session in Session.objects.all()])
    everything = "".join([*answers, log_lines.getvalue(), sessions])
    assert not any(text in everything for text in (chosen, escaped, "Tr0ub4dor"))


def kept() -> tuple[object, ...]:
    counted = (LogEntry, Checkpoint, OperationalEvent, UsedJti)
    return (len(events()), *(model.objects.count() for model in counted))


def test_it_is_read_from_a_body_alone(cast: Cast, auditor: Client) -> None:
    answer = auditor.get(reverse("admin:why"), {"pasted": curl(cast)})
    assert "answers" not in answer.context
    assert cast.secrets["billing"] not in answer.content.decode()


def test_who_sees_no_record_asks_nothing(cast: Cast, roles: Roles) -> None:
    answers = [roles["nobody"].get(reverse("admin:why")), asked(roles["nobody"], curl(cast))]
    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_client_of_another_issuer_is_not_known(cast: Cast, auditor: Client) -> None:
    assert RelyingParty.objects.get(client_id="stranger").issuer == cast.other
    pasted = f"curl {URL} -u stranger:{cast.secrets['stranger']} -d grant_type=client_credentials"
    assert failed(asked(auditor, pasted))[1] == "No client of this issuer is called stranger."
