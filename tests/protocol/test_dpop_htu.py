"""P8.3: a proof is for one URL: PUBLIC_URL and the request's path, compared as RFC 3986 normalises."""

import pytest
from django.utils import timezone
from pytest_django import Settings

from issuers.models import SigningAlg
from keys.lifecycle.creation import create_first_key
from relying_parties.secrets.credentials import add_generated_secret
from tests.protocol.dpop import assert_refused_for, billing
from tests.support.cast import Cast, new_grant, new_issuer, new_relying_party, new_resource_server
from tests.support.proofs import ENDPOINT, proof
from tests.support.wire import ask, assert_refused, basic

HERE = "http://127.0.0.1:8000"
PATHS = ("/oidc_m2m/token", "/oidc_m2m", "/api/oidc_m2m/token", "/api/oidc_m2m")
SAME = {
    "query": f"{ENDPOINT}?grant_type=client_credentials",
    "empty query": f"{ENDPOINT}?",
    "fragment": f"{ENDPOINT}#part",
    "query and fragment": f"{ENDPOINT}?a=%20/../b#c?d",
    "scheme in capitals": "HTTP://127.0.0.1:8000/oidc_m2m/token",
    "unreserved letters escaped": f"{HERE}/%6Fidc%5fm2m/%74oken",
    "dot segment": f"{HERE}/oidc_m2m/./token",
    "dot segments": f"{HERE}/x/y/../../oidc_m2m/z/../token",
    "escaped dot segments": f"{HERE}/x/%2e%2E/oidc_m2m/%2e/token",
    "dot segments above the root": f"{HERE}/../../oidc_m2m/token",
}
OTHER = {
    "host": "http://localhost:8000/oidc_m2m/token",
    "host that begins so": "http://127.0.0.1.evil.example:8000/oidc_m2m/token",
    "host behind this one": "http://127.0.0.1:8000@evil.example/oidc_m2m/token",
    "scheme": "https://127.0.0.1:8000/oidc_m2m/token",
    "no scheme": "//127.0.0.1:8000/oidc_m2m/token",
    "no host": "http:/oidc_m2m/token",
    "path alone": "/oidc_m2m/token",
    "port": "http://127.0.0.1:8001/oidc_m2m/token",
    "default port": "http://127.0.0.1/oidc_m2m/token",
    "port that is none": "http://127.0.0.1:80x0/oidc_m2m/token",
    "port out of range": "http://127.0.0.1:73536/oidc_m2m/token",
    "no path": HERE,
    "path of another issuer": f"{HERE}/other/token",
    "path in capitals": f"{HERE}/OIDC_M2M/TOKEN",
    "trailing slash": f"{ENDPOINT}/",
    "trailing dot segment": f"{ENDPOINT}/.",
    "double slash": f"{HERE}//oidc_m2m/token",
    "slash escaped": f"{HERE}/oidc_m2m%2Ftoken",
    "escaped twice": f"{HERE}/%256Fidc_m2m/token",
    "parameters of a segment": f"{ENDPOINT};x=1",
    "up and away": f"{ENDPOINT}/../jwks",
    "trailing dot segments that go up": f"{ENDPOINT}/x/..",
    "user": "http://billing@127.0.0.1:8000/oidc_m2m/token",
    "empty user": "http://@127.0.0.1:8000/oidc_m2m/token",
    "user and password": "http://billing:x@127.0.0.1:8000/oidc_m2m/token",
    "space before": f" {ENDPOINT}",
    "space behind": f"{ENDPOINT} ",
    "line break inside": "http://127.0.0.1:8000/oidc_m2m\n/token",
    "tab inside": "ht\ttp://127.0.0.1:8000/oidc_m2m/token",
    "NUL": f"{ENDPOINT}\x00",
    "backslash": "http://127.0.0.1:8000\\oidc_m2m\\token",
    "bad escape": f"{ENDPOINT}?%zz",
    "half an escape": f"{ENDPOINT}#%2",
    "full-width letters": f"{HERE}/oidc_m2m/\uff54oken",
    "full-width digits in the port": "http://127.0.0.1:\uff18000/oidc_m2m/token",
    "bad IPv6 host": "http://[::1/oidc_m2m/token",
    "two URIs": f"{ENDPOINT} {ENDPOINT}",
    "the issuer": f"{HERE}/oidc_m2m",
    "no URI": "token",
}
FORGED = [("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https")]


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("path", PATHS)
def test_a_proof_is_for_one_of_the_endpoints_urls(dpop: Cast, path: str) -> None:
    works = [
        other for other in PATHS if billing(dpop, proof({"htu": f"{HERE}{other}"}), target=path).status == 200
    ]
    assert works == [path]


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 3986", "6.2.2")
@pytest.mark.parametrize("written", SAME)
def test_the_same_url_in_other_words_is_the_same(dpop: Cast, written: str) -> None:
    assert billing(dpop, proof({"htu": SAME[written]})).status == 200


@pytest.mark.contract("P8.3")
@pytest.mark.parametrize("written", OTHER)
def test_another_url_is_refused(dpop: Cast, written: str) -> None:
    answer = billing(dpop, proof({"htu": OTHER[written]}))
    assert_refused_for(answer, f"The DPoP proof is refused. Its htu is not {ENDPOINT}.")


@pytest.mark.contract("P8.3")
def test_the_path_of_a_request_is_normalised_too(dpop: Cast) -> None:
    # The server hands over a path whose escapes are undone.
    assert billing(dpop, proof({"htu": f"{HERE}/oidc%5Fm2m/token"}), target="/oidc_m2m/token").status == 200


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 3986", "6.2.2")
def test_an_escape_that_stays_is_compared_whole(dpop: Cast, settings: Settings) -> None:
    settings.PUBLIC_URL = f"{HERE}/a%2Fb"
    paths = ("a%2Fb", "a%2fb", "a2Fb", "a/b", "a%2Eb", "a%5Fb")
    works = [
        path for path in paths if billing(dpop, proof({"htu": f"{HERE}/{path}/oidc_m2m/token"})).status == 200
    ]
    assert works == ["a%2Fb", "a%2fb"]


@pytest.mark.contract("P8.3")
def test_no_header_of_a_request_changes_the_url(dpop: Cast) -> None:
    assert billing(dpop, proof(), headers=FORGED).status == 200
    for host in ("http://evil.example", "https://evil.example"):
        answer = billing(dpop, proof({"htu": f"{host}/oidc_m2m/token"}), headers=FORGED)
        assert_refused(answer, 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 3986", "6.2.3")
@pytest.mark.parametrize(
    ("public_url", "same", "other"),
    [
        (
            "https://id.example",
            [
                "https://id.example",
                "https://ID.Example:443",
                "https://id.example:",
                "HTTPS://id.example:0443",
            ],
            [
                "http://id.example",
                "https://id.example:80",
                "https://id.example:0",
                "https://id.example.",
                HERE,
            ],
        ),
        (
            "https://id.example:8443",
            ["https://ID.EXAMPLE:8443"],
            ["https://id.example", "https://id.example:443", "http://id.example:8443"],
        ),
        ("http://[::1]:80", ["http://[::1]", "http://[::1]:80"], ["http://[::1]:0", "http://[::2]"]),
        # The Kelvin sign is a k in small letters, and no letter of a host.
        ("https://kelvin.example", ["https://KELVIN.example"], ["https://\u212aelvin.example"]),
    ],
)
def test_scheme_host_and_port_are_those_of_the_public_url(
    dpop: Cast, settings: Settings, public_url: str, same: list[str], other: list[str]
) -> None:
    settings.PUBLIC_URL = public_url
    works = [
        written
        for written in (*same, *other)
        if billing(dpop, proof({"htu": f"{written}/oidc_m2m/token"})).status == 200
    ]
    assert works == same


@pytest.mark.contract("P8.3")
@pytest.mark.parametrize("written", [HERE, f"{HERE}/", f"{HERE}?x", f"{HERE}/."])
def test_the_root_issuers_url_has_an_empty_path(dpop: Cast, written: str) -> None:
    root = new_issuer("", "Root", SigningAlg.ES256)
    root.accepts_dpop = True
    root.checked().save()
    create_first_key(issuer=root, alg="ES256", now=timezone.now())
    ledger = new_relying_party(root, "ledger")
    new_grant(ledger, new_resource_server(root, "ledgers", []), [], is_default=True)
    _, secret = add_generated_secret(relying_party=ledger, label="first")
    sent = proof({"htu": written})
    assert ask(auth=basic("ledger", secret), target="/", headers=[("DPoP", sent)]).status == 200
