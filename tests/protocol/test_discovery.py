"""P6: the provider's metadata, truthful and the same wherever it is asked for."""

import secrets

import pytest
from django.conf import settings
from django.utils import timezone

from issuers.models import Issuer, SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.record_key import make_record_key
from relying_parties.models import RelyingParty
from tests.support.cast import Cast, new_issuer, new_resource_server
from tests.support.failing import away
from tests.support.wire import Answer, ask, assert_well_formed_refusal, call, events, get

URL = "http://127.0.0.1:8000/oidc_m2m"
DISCOVERY = "/oidc_m2m/.well-known/openid-configuration"
DISCOVERY_URLS = (
    DISCOVERY, f"/api{DISCOVERY}", "/.well-known/openid-configuration/oidc_m2m",
    "/api/.well-known/openid-configuration/oidc_m2m", "/.well-known/oauth-authorization-server/oidc_m2m",
    "/oidc_m2m/.well-known/oauth-authorization-server", "/api/oidc_m2m/.well-known/oauth-authorization-server",
)  # fmt: skip
JWKS_URLS = (
    "/oidc_m2m/jwks", "/api/oidc_m2m/jwks", f"{DISCOVERY}/jwks", f"/api{DISCOVERY}/jwks",
    "/oidc_m2m/.well-known/jwks.json", "/api/oidc_m2m/.well-known/jwks.json",
)  # fmt: skip
AUTHORIZE_URLS = ("/oidc_m2m/authorize", "/api/oidc_m2m/authorize")
FORGED = {
    "Host": [("Host", "evil.example")],
    "no such host": [("Host", "x y/..\"<>")],
    "another port": [("Host", "127.0.0.1:9")],
    "X-Forwarded-Host": [("X-Forwarded-Host", "evil.example")],
    "X-Forwarded-Proto": [("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")],
    "Forwarded": [("Forwarded", "for=1.2.3.4;host=evil.example;proto=https")],
    "X-Original-URL": [("X-Original-URL", "/other/jwks"), ("X-Rewrite-URL", "/other"), ("X-Forwarded-Prefix", "/x")],
    "X-Script-Name": [("X-Script-Name", "/x"), ("Script-Name", "/x")],
    "method override": [("X-HTTP-Method-Override", "POST")],
}  # fmt: skip


@pytest.mark.contract("P6.2", "P6.1")
@pytest.mark.spec("RFC 8414", "2")
def test_the_metadata(cast: Cast) -> None:
    assert get(DISCOVERY).json == {
        "authorization_endpoint": f"{URL}/authorize",
        "issuer": URL,
        "token_endpoint": f"{URL}/token",
        "jwks_uri": f"{URL}/jwks",
        "scopes_supported": [
            "YourScope", "invoices.read", "invoices.write", "rabbitmq.read:*/*", "rabbitmq.write:*/*",
        ],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "your_claim"],
    }  # fmt: skip


@pytest.mark.contract("P6.1")
@pytest.mark.spec("RFC 8414", "3.1")
@pytest.mark.parametrize("urls", [DISCOVERY_URLS, JWKS_URLS])
def test_a_document_is_byte_identical_at_every_path(cast: Cast, urls: tuple[str, ...]) -> None:
    answers = [get(url) for url in urls]
    assert answers[0].status == 200
    assert all(answer.without_its_own == answers[0].without_its_own for answer in answers)


@pytest.mark.contract("P6.1", "P9.1")
@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("target", [DISCOVERY, "/oidc_m2m/jwks"])
def test_no_header_of_a_request_changes_a_document(cast: Cast, target: str, forged: str) -> None:
    assert get(target, headers=FORGED[forged]).without_its_own == get(target).without_its_own


@pytest.mark.contract("P6.1")
def test_the_port_of_a_request_changes_nothing(cast: Cast) -> None:
    assert get(DISCOVERY, server="192.0.2.1:9999").without_its_own == get(DISCOVERY).without_its_own


@pytest.mark.contract("P6.1", "P5.1")
@pytest.mark.parametrize("forged", FORGED)
def test_no_header_of_a_request_changes_iss(cast: Cast, forged: str) -> None:
    assert ask(auth=cast.basic("billing"), headers=FORGED[forged]).claims["iss"] == URL


@pytest.mark.contract("P6.1")
@pytest.mark.spec("RFC 8414", "3")
def test_a_root_issuer_has_the_bare_url(cast: Cast) -> None:
    root = new_issuer("", "Root", "EdDSA")  # type: ignore[arg-type]
    key = create_first_key(issuer=root, alg="EdDSA", now=timezone.now())
    metadata = get("/.well-known/openid-configuration").json
    assert metadata["issuer"] == settings.PUBLIC_URL
    assert metadata["token_endpoint"] == f"{settings.PUBLIC_URL}/token"
    assert metadata["jwks_uri"] == f"{settings.PUBLIC_URL}/jwks"
    assert get("/.well-known/oauth-authorization-server").json == metadata
    assert [shown["kid"] for shown in get("/jwks").json["keys"]] == [key.kid]
    assert [shown["kid"] for shown in get("/.well-known/jwks.json").json["keys"]] == [key.kid]
    assert get("/authorize").json["error"] == "unsupported_response_type"
    assert ask(auth="Basic junk", target="/token").status == 401
    assert ask(auth="Basic junk", target="/").status == 401


@pytest.mark.contract("P6.2")
def test_extra_members_are_shown_and_override_nothing(cast: Cast) -> None:
    extra = {
        "service_documentation": "https://docs.example",
        "authorization_endpoint": "https://a.example",
        "x": [1],
    }
    cast.oidc_m2m.extra_metadata = extra
    cast.oidc_m2m.checked().save()
    plain = get("/other/.well-known/openid-configuration").json
    told = get(DISCOVERY).json
    assert {name: told[name] for name in extra} == extra
    assert plain["authorization_endpoint"] == f"{settings.PUBLIC_URL}/other/authorize"
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(extra_metadata={"issuer": "https://evil.example"})
    assert get(DISCOVERY).json["issuer"] == URL


@pytest.mark.contract("P6.3")
def test_every_advertised_url_works(cast: Cast) -> None:
    metadata = get(DISCOVERY).json
    paths = {
        name: url.removeprefix(settings.PUBLIC_URL) for name, url in metadata.items() if isinstance(url, str)
    }
    assert get(paths["jwks_uri"]).status == 200
    assert get(paths["authorization_endpoint"]).json["error"] == "unsupported_response_type"
    assert ask(auth=cast.basic("billing"), target=paths["token_endpoint"]).status == 200


@pytest.mark.contract("P6.3")
def test_every_advertised_method_works_and_no_other(cast: Cast) -> None:
    works = {
        "client_secret_basic": lambda: ask(auth=cast.basic("billing")),
        "client_secret_post": lambda: ask(cast.in_body("reports")),
    }
    for methods in (["client_secret_basic"], ["client_secret_post"], list(works)):
        cast.oidc_m2m.token_endpoint_auth_methods = methods
        cast.oidc_m2m.checked().save()
        assert get(DISCOVERY).json["token_endpoint_auth_methods_supported"] == methods
        assert {method: works[method]().status for method in works} == {
            method: 200 if method in methods else 401 for method in works
        }


@pytest.mark.contract("P6.3")
def test_every_advertised_grant_type_and_algorithm_works(cast: Cast) -> None:
    create_first_key(issuer=cast.oidc_m2m, alg="ES384", now=timezone.now())
    RelyingParty.objects.filter(pk=cast.billing.pk).update(signing_alg="ES384")
    metadata = get(DISCOVERY).json
    (grant_type,) = metadata["grant_types_supported"]
    used = [
        ask(auth=cast.basic("billing"), grant_type=grant_type).header["alg"],
        ask(cast.in_body("reports")).header["alg"],
    ]
    assert sorted(metadata["id_token_signing_alg_values_supported"]) == sorted(used) == ["ES384", "RS256"]


@pytest.mark.contract("P6.3", "P6.2")
def test_scopes_and_claims_follow_the_configuration(cast: Cast) -> None:
    cast.invoices.scopes = ["invoices.read", "invoices.write", "invoices.void"]
    cast.invoices.checked().save()
    RelyingParty.objects.filter(pk=cast.reports.pk).update(claim_template=None)
    metadata = get(DISCOVERY).json
    assert "invoices.void" in metadata["scopes_supported"]
    assert "your_claim" not in metadata["claims_supported"]
    assert get("/other/.well-known/openid-configuration").json["scopes_supported"] == ["invoices.read"]


def caching(answer: Answer) -> dict[str, str | None]:
    return {name: answer.headers.get(name) for name in ("Content-Type", "Cache-Control", "Pragma")}


@pytest.mark.contract("P6.4")
def test_its_headers_are_the_seeds(cast: Cast) -> None:
    assert caching(get(DISCOVERY)) == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
    }


@pytest.mark.contract("P6.4")
def test_an_operator_may_let_it_be_cached(cast: Cast) -> None:
    cast.oidc_m2m.metadata_max_age = 600
    cast.oidc_m2m.checked().save()
    assert caching(get(DISCOVERY)) == {
        "Content-Type": "application/json",
        "Cache-Control": "public, max-age=600",
        "Pragma": None,
    }


@pytest.mark.contract("P6.1", "P1.1")
@pytest.mark.parametrize("target", [DISCOVERY, "/oidc_m2m/jwks"])
def test_a_document_is_only_read(cast: Cast, target: str) -> None:
    assert call("HEAD", target).status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = call(method, target)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.json["error"] == "invalid_request"


SIGN_IN = "?response_type=code&client_id=billing&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=x"


@pytest.mark.contract("P6.5", "P1.1")
@pytest.mark.spec("RFC 6749", "3.1")
@pytest.mark.parametrize("target", AUTHORIZE_URLS)
@pytest.mark.parametrize("query", ["", SIGN_IN, "?response_type=token", "?%zz"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_authorization_endpoint_refuses_every_request_without_a_redirect(
    cast: Cast, target: str, query: str, method: str
) -> None:
    answer = call(method, target + query)
    assert answer.status == 400
    assert_well_formed_refusal(answer)
    assert answer.json == {
        "error": "unsupported_response_type",
        "error_description": "This server has no sign-in. Clients ask the token endpoint with "
        "grant_type=client_credentials.",
    }
    assert "Location" not in answer.headers
    assert events() == []


@pytest.mark.contract("P6.5", "P6.3")
def test_an_issuer_can_do_without_an_authorization_endpoint(cast: Cast) -> None:
    cast.oidc_m2m.advertises_authorization_endpoint = False
    cast.oidc_m2m.checked().save()
    told = get(DISCOVERY).json
    assert (told["issuer"], "authorization_endpoint" in told) == (URL, False)
    assert get("/oidc_m2m/authorize").status == 404
    assert get("/other/authorize").status == 400


@pytest.mark.contract("P6.5")
def test_an_issuer_that_is_not_active_has_no_authorization_endpoint(cast: Cast) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(is_active=False)
    assert get("/oidc_m2m/authorize").status == 404


def new_documents(path: str) -> dict[str, str]:
    """Of an issuer and keys that no process has read. Returns a text that each document must have, by its URL."""
    issuer = new_issuer(path, path, SigningAlg.EDDSA)
    new_resource_server(issuer, "https://new.example", [path])
    key = create_first_key(issuer=issuer, alg=SigningAlg.EDDSA, now=timezone.now())
    return {
        f"/{path}/jwks": key.kid,
        f"/{path}/.well-known/openid-configuration": f'"scopes_supported":["{path}"]',
        "/audit/jwks": make_record_key(timezone.now()).kid,
    }


def new_path() -> str:
    """What a process read in another test it may still know."""
    return f"new-{secrets.token_hex(4)}"


@pytest.mark.contract("P5.4")
def test_a_token_request_reads_the_documents_of_every_issuer_ahead(cast: Cast) -> None:
    texts = new_documents(new_path())
    assert ask(auth=cast.basic("billing")).status == 200
    with away():
        assert all(text in get(url).body.decode() for url, text in texts.items())


@pytest.mark.contract("P5.4")
def test_without_the_database_what_was_never_read_is_unavailable(cast: Cast) -> None:
    path = new_path()
    new_documents(path)
    with away():
        answer = get(f"/{path}/jwks")
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert_well_formed_refusal(answer)
