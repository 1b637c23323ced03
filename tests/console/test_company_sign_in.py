"""Signing in at the company's provider: node-oidc-provider, asked by a browser over HTTP."""

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core import signing
from django.test import Client

from audit.models import OperationalEvent
from console.models import ConsoleSession
from console.sign_in.company.journey import SALT
from console.sign_in.company.provider import forget_metadata
from console.sign_in.company.registration import CompanySignIn
from tests.interop.node import HERE, NODE
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.processes import running
from tests.support.server import free_port

pytestmark = [pytest.mark.contract("P10.48"), pytest.mark.slow]

SECRET = "the secret of the console, +&% and all"
BEGIN, CALLBACK = "/admin/login/company/", "/admin/login/company/callback/"
ORIGIN = "http://127.0.0.1:8000"
PEOPLE = {
    "sub-olga": {"preferred_username": "olga", "groups": ["staff", "idp-operators"]},
    "sub-aud": {"preferred_username": "aud", "groups": ["idp-auditors"]},
    "sub-root": {"preferred_username": "root", "groups": ["idp-admins", "idp-operators"]},
    "sub-guest": {"preferred_username": "guest", "groups": ["staff"]},
    "sub-none": {"preferred_username": "none"},
    "sub-odd": {"preferred_username": "two words", "groups": ["idp-auditors"]},
    "sub-double": {"preferred_username": "olga", "groups": ["idp-auditors"]},
}
ROLES = {"idp-operators": "Operators", "idp-auditors": "Auditors", "idp-admins": "superuser"}


@pytest.fixture(scope="module")
def provider(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its issuer."""
    port, tls = free_port(), authority.tls()
    environment = {
        "PORT": str(port),
        "CERTIFICATE": str(tls.certificate),
        "KEY": str(tls.key),
        "CLIENT_SECRET": SECRET,
        "CALLBACK": ORIGIN + CALLBACK,
        "PEOPLE": json.dumps(PEOPLE),
        "NODE_ENV": "test",
    }
    log = tmp_path_factory.mktemp("provider") / "log"
    script = [str(NODE), str(HERE / "sign_in_provider.mjs")]
    with running(script, port, log=log, environment=environment):
        yield f"https://localhost:{port}"


@pytest.fixture(autouse=True)
def _company(cast: Cast, provider: str, authority: Authority, settings: Any) -> Iterator[None]:
    settings.CONSOLE_URL = ORIGIN
    settings.FETCH_CA_FILE = str(authority.own.certificate)
    settings.FETCH_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    settings.COMPANY_SIGN_IN = CompanySignIn(
        issuer=provider,
        client_id="console",
        client_secret=SECRET,
        scopes="openid profile",
        username_claim="preferred_username",
        groups_claim="groups",
        roles=ROLES,
    )
    forget_metadata()
    yield
    forget_metadata()


def at_the_provider(url: str, login: str, ca: Path) -> str:
    """Log in there and consent; the address to which the provider sends the browser back."""
    browser = requests.Session()
    # A bundle that the environment names would come first.
    browser.trust_env, browser.verify = False, str(ca)
    answer = browser.get(url, allow_redirects=False, timeout=20)
    while not (where := urljoin(answer.url, answer.headers.get("Location", ""))).startswith(
        ORIGIN + CALLBACK
    ):
        if answer.is_redirect:
            answer = browser.get(where, allow_redirects=False, timeout=20)
            continue
        assert answer.status_code == 200, answer.text
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        action = re.search(r'action="([^"]+)"', answer.text)
        assert prompt
        assert action
        form = {"prompt": prompt[1], "login": login, "password": "any"}
        answer = browser.post(urljoin(answer.url, action[1]), data=form, allow_redirects=False, timeout=20)
    return where.removeprefix(ORIGIN)


@pytest.fixture
def ca(authority: Authority) -> Path:
    return authority.own.certificate


def away(browser: Client, following: str = "/admin/sessions/") -> str:
    answer = browser.get(BEGIN, {"next": following})
    assert answer.status_code == 302
    return answer.headers["Location"]


def sign_in(login: str, ca: Path, browser: Client | None = None) -> Any:
    browser = browser or Client()
    return browser.get(at_the_provider(away(browser), login, ca))


def why_refused(answer: Any) -> str:
    """As the record has it: the page says less where the provider was not reached."""
    assert answer.status_code == 403
    row = OperationalEvent.objects.filter(kind=OperationalEvent.Kind.SIGN_IN_FAILED).latest("pk")
    company: Any = settings.COMPANY_SIGN_IN
    return row.detail.removeprefix(f"At {company.issuer}: ")


def test_the_browser_is_sent_with_pkce_state_and_nonce(provider: str) -> None:
    url = away(Client())
    query = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{provider}/auth?")
    assert {name: query[name] for name in ("client_id", "redirect_uri", "response_type", "scope")} == {
        "client_id": "console",
        "redirect_uri": ORIGIN + CALLBACK,
        "response_type": "code",
        "scope": "openid profile",
    }
    assert query["code_challenge_method"] == "S256"
    assert min(len(query[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert SECRET not in url


@pytest.mark.parametrize(
    ("login", "name", "roles", "is_superuser"),
    [
        ("sub-olga", "olga", ["Operators"], False),
        ("sub-aud", "aud", ["Auditors"], False),
        ("sub-root", "root", ["Operators"], True),
    ],
)
def test_a_person_of_a_mapped_group_signs_in_with_its_role(
    ca: Path, login: str, name: str, roles: list[str], *, is_superuser: bool
) -> None:
    browser = Client()
    answer = sign_in(login, ca, browser)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/sessions/")
    assert browser.get("/admin/").status_code == 200
    user = User.objects.get(username=name)
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, is_superuser, False)
    assert [group.name for group in user.groups.all()] == roles
    (row,) = OperationalEvent.objects.filter(kind="sign_in")
    assert (row.actor, row.address) == (name, "127.0.0.1")
    made = OperationalEvent.objects.filter(target=f"user {name}", kind="account_changed")
    assert {each.actor for each in made} == {name}


def test_roles_are_set_at_every_sign_in_and_the_account_stays(ca: Path, settings: Any) -> None:
    assert sign_in("sub-olga", ca).status_code == 302
    olga = User.objects.get(username="olga")
    olga.groups.set([Group.objects.get(name="Auditors")])
    olga.is_superuser = True
    olga.save()
    assert sign_in("sub-olga", ca).status_code == 302
    again = User.objects.get(username="olga")
    assert (again.pk, again.is_superuser) == (olga.pk, False)
    assert [group.name for group in again.groups.all()] == ["Operators"]


@pytest.mark.parametrize("login", ["sub-guest", "sub-none"])
def test_a_person_of_no_mapped_group_is_refused_in_words(ca: Path, login: str) -> None:
    browser = Client()
    refused = why_refused(sign_in(login, ca, browser))
    assert refused.startswith("You are in none of the groups that may use this console (claim groups): ")
    assert (browser.get("/admin/").status_code, User.objects.count()) == (302, 0)
    (row,) = OperationalEvent.objects.filter(kind="sign_in_failed")
    assert (row.actor, refused in row.detail) == ("unknown", True)


def test_who_has_the_name_of_another_is_refused(ca: Path) -> None:
    User.objects.create_superuser("root", password="correct horse battery")
    assert why_refused(sign_in("sub-root", ca)) == "There is another user of the name root here."
    assert sign_in("sub-olga", ca).status_code == 302
    assert why_refused(sign_in("sub-double", ca)) == "There is another user of the name olga here."
    assert "is no user name" in why_refused(sign_in("sub-odd", ca))


def test_an_account_that_is_disabled_here_stays_so(ca: Path) -> None:
    assert sign_in("sub-olga", ca).status_code == 302
    User.objects.update(is_active=False)
    assert why_refused(sign_in("sub-olga", ca)) == "Your account is disabled here."
    assert not User.objects.get(username="olga").is_active


def test_a_role_that_is_not_here_signs_nobody_in(ca: Path) -> None:
    Group.objects.filter(name="Operators").delete()
    assert "names roles that are not here: Operators." in why_refused(sign_in("sub-olga", ca))
    assert not User.objects.exists()


def test_an_answer_is_good_in_the_browser_that_asked_and_once(ca: Path, provider: str) -> None:
    asking, other = Client(), Client()
    answer = at_the_provider(away(asking), "sub-olga", ca)
    assert "did not begin a sign-in" in why_refused(other.get(answer))
    away(other)
    assert "belongs to another sign-in" in why_refused(other.get(answer))
    assert asking.get(answer).status_code == 302
    assert "did not begin a sign-in" in why_refused(asking.get(answer))
    assert ConsoleSession.objects.filter(user__isnull=False).count() == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": "https://other.example"}, "not from OIDC_SIGN_IN_ISSUER"),
        ({"iss": None}, "not from OIDC_SIGN_IN_ISSUER"),
        ({"state": "forged"}, "belongs to another sign-in"),
        ({"code": None}, "has no code"),
        ({"code": "forged"}, "answered 400"),
        ({"error": "access_denied"}, "The provider refused: access_denied."),
    ],
)
def test_an_answer_that_was_changed_signs_nobody_in(ca: Path, changed: dict[str, Any], why: str) -> None:
    browser = Client()
    query = parse_qs(urlsplit(at_the_provider(away(browser), "sub-olga", ca)).query)
    sent = {name: value for name, value in ({**query, **changed}).items() if value is not None}
    assert why in why_refused(browser.get(CALLBACK, sent))
    assert not User.objects.exists()


def test_a_code_of_another_sign_in_fits_no_verifier(ca: Path) -> None:
    """PKCE: a stolen code is worth nothing in another browser (RFC 7636)."""
    victim, thief = Client(), Client()
    stolen = parse_qs(urlsplit(at_the_provider(away(victim), "sub-root", ca)).query)
    own = parse_qs(urlsplit(at_the_provider(away(thief), "sub-guest", ca)).query)
    assert "answered 400" in why_refused(thief.get(CALLBACK, {**own, "code": stolen["code"]}))


def test_an_id_token_of_another_sign_in_is_refused(ca: Path, settings: Any) -> None:
    browser = Client()
    answer = at_the_provider(away(browser), "sub-olga", ca)
    cookie = settings.COMPANY_COOKIE_NAME
    packed = signing.loads(browser.cookies[cookie].value, salt=SALT)
    browser.cookies[cookie] = signing.dumps(packed | {"nonce": "another"}, salt=SALT)
    assert "Its nonce is that of another sign-in." in why_refused(browser.get(answer))
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("client_secret", "wrong", "correct the client ID and the client secret"),
        ("groups_claim", "roles", "none of the groups"),
        ("username_claim", "nick", "The claim nick is no user name"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    ca: Path, settings: Any, name: str, value: str, why: str
) -> None:
    given = {field: getattr(settings.COMPANY_SIGN_IN, field) for field in CompanySignIn.__dataclass_fields__}
    settings.COMPANY_SIGN_IN = CompanySignIn(**{**given, name: value})
    assert why in why_refused(sign_in("sub-olga", ca))
    assert SECRET not in str(list(OperationalEvent.objects.values()))


def test_a_provider_that_is_not_trusted_or_not_allowed_is_not_asked(settings: Any) -> None:
    settings.FETCH_CA_FILE = ""
    assert "is not trusted" in why_refused(Client().get(BEGIN))
    settings.FETCH_ALLOWED_NETWORKS = ()
    assert "which is not public" in why_refused(Client().get(BEGIN))


@pytest.mark.parametrize(
    "following", ["https://evil.example/", "//evil.example", "/elsewhere", "", "/admin//\\x"]
)
def test_nobody_is_sent_elsewhere_afterwards(ca: Path, following: str) -> None:
    browser = Client()
    answer = browser.get(at_the_provider(away(browser, following), "sub-olga", ca))
    assert answer.headers["Location"].startswith("/admin/")
    assert "evil" not in answer.headers["Location"]


def test_the_second_factor_is_the_companys_affair(ca: Path, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    browser = Client()
    sign_in("sub-olga", ca, browser)
    assert browser.get("/admin/").status_code == 200


def test_passwords_can_be_turned_off(provider: str, settings: Any) -> None:
    User.objects.create_superuser("ann", password="correct horse battery")
    form = {"username": "ann", "password": "correct horse battery"}
    page = Client().get("/admin/login/").content.decode()
    assert f"Sign in at {provider}" in page
    assert 'name="password"' in page
    settings.TAKES_PASSWORDS = False
    page = Client().get("/admin/login/").content.decode()
    assert (f"Sign in at {provider}" in page, 'name="password"' in page) == (True, False)
    browser = Client()
    assert browser.post("/admin/login/", form).status_code == 403
    assert browser.get("/admin/").status_code == 302


def test_without_a_provider_there_is_no_such_page(settings: Any) -> None:
    settings.COMPANY_SIGN_IN = None
    assert [Client().get(page).status_code for page in (BEGIN, CALLBACK)] == [404, 404]
    assert "Sign in at" not in Client().get("/admin/login/").content.decode()
