"""P8.2: which certificate is a request's, and to what a token is bound (RFC 8705 section 3)."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.models import Trace
from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.protocol.certificates import (
    PROXY,
    ask_with,
    assert_proven,
    assert_refused_for,
    new_certified,
    passed_on,
    thumbprint,
)
from tests.support.assertions import new_robot, own, pair
from tests.support.authority import CLIENT, Authority, Issued
from tests.support.cast import Cast
from tests.support.certificate_headers import FORMS, header
from tests.support.forging import signer
from tests.support.proofs import key_for, proof
from tests.support.proofs import thumbprint as jkt
from tests.support.wire import Answer, ask, assert_refused, basic, get, last_event

DISCOVERY = "/oidc_m2m/.well-known/openid-configuration"
NO_CERTIFICATE = "No authentication was sent, and no client certificate came with the request."

pytestmark = pytest.mark.usefixtures("behind_a_proxy")


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Issued:
    return authority.issue("bound", CLIENT)


@pytest.fixture
def certified(cast: Cast, authority: Authority) -> RelyingParty:
    return new_certified(cast, authority)


@pytest.fixture
def bound(cast: Cast) -> Cast:
    """The tokens of billing and reports are bound to a certificate."""
    RelyingParty.objects.filter(issuer=cast.oidc_m2m).update(tls_client_certificate_bound_access_tokens=True)
    return cast


def billing(cast: Cast, issued: Issued | None, **options: object) -> Answer:
    return ask_with(issued, client_id="", auth=cast.basic("billing"), **options)


def assertion(cast: Cast) -> dict[str, str]:
    """What proves robot."""
    return pair(own(cast, signer("ES256")).made())


def assert_bound_to(answer: Answer, issued: Issued) -> None:
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
    assert answer.claims["cnf"] == {"x5t#S256": thumbprint(issued)}
    assert last_event().confirmation == f"x5t#S256:{thumbprint(issued)}"


@pytest.mark.contract("P8.2")
@pytest.mark.spec("RFC 8705", "3")
def test_a_client_of_a_secret_can_have_its_tokens_bound(
    bound: Cast, certificate: Issued, stranger_authority: Authority
) -> None:
    """To any certificate whose key it holds: no authority is asked (RFC 8705 section 4)."""
    for issued in (certificate, stranger_authority.issue("bound-too", CLIENT)):
        assert_bound_to(billing(bound, issued), issued)
        assert last_event().credential == f"secret:{bound.billing.secrets.get().pk}"
        answer = ask_with(issued, client_id="", parameters=bound.in_body("reports"))
        assert_bound_to(answer, issued)


@pytest.mark.contract("P8.2")
def test_a_client_of_an_assertion_can_have_its_tokens_bound(cast: Cast, certificate: Issued) -> None:
    new_robot(cast, tls_client_certificate_bound_access_tokens=True)
    answer = ask_with(certificate, client_id="", parameters=assertion(cast))
    assert_bound_to(answer, certificate)
    assert last_event().credential.startswith("key:")


@pytest.mark.contract("P8.2")
def test_whose_tokens_are_bound_gets_none_without_a_certificate(cast: Cast, bound: Cast) -> None:
    new_robot(cast, tls_client_certificate_bound_access_tokens=True)
    attempts: tuple[dict[str, Any], ...] = (
        {"auth": bound.basic("billing")},
        {"parameters": bound.in_body("reports")},
        {"parameters": assertion(cast)},
    )
    for attempt in attempts:
        answer = ask_with(None, client_id="", **attempt)
        event = assert_refused(answer, 400, "invalid_request")
        assert answer.json == {
            "error": "invalid_request",
            "error_description": "A TLS client certificate is required.",
        }
        assert event.detail == (
            "The client's tokens are bound to its TLS client certificate, and none came with the request."
        )
        assert (event.confirmation, event.jti) == (None, "")
        assert event.credential


@pytest.mark.contract("P8.2", "P3.6")
def test_without_the_secret_nothing_is_said_of_the_binding(bound: Cast) -> None:
    answer = ask_with(None, client_id="", auth=basic("billing", "wrong"))
    assert_refused_for(answer, "The secret is none of those registered.")


@pytest.mark.contract("P8.2", "P3.2")
def test_a_certificate_beside_a_secret_changes_nothing(cast: Cast, certificate: Issued) -> None:
    plain = billing(cast, None)
    for answer in (
        billing(cast, certificate),
        billing(cast, certificate, parameters={"client_id": "billing"}),
    ):
        assert (answer.status, answer.json.keys()) == (200, plain.json.keys())
        assert answer.claims.keys() == plain.claims.keys()
        assert "cnf" not in answer.claims
        assert (last_event().auth_method, last_event().confirmation) == ("client_secret_basic", None)
    right, wrong = (ask_with(each, client_id="", auth=basic("billing", "x")) for each in (None, certificate))
    assert right.without_its_own == wrong.without_its_own
    assert right.status == 401


@pytest.mark.contract("P3.7", "P8.1")
@pytest.mark.parametrize("client_id", ["billing", "reports", "robot"])
def test_a_certificate_proves_no_client_of_another_method(
    cast: Cast, certificate: Issued, client_id: str
) -> None:
    new_robot(cast)
    method = RelyingParty.objects.get(client_id=client_id).token_endpoint_auth_method
    assert_refused_for(
        ask_with(certificate, client_id=client_id),
        f"Registered for {method}, came by tls_client_auth or self_signed_tls_client_auth.",
    )


@pytest.mark.contract("P3.7", "P8.1")
def test_a_client_of_a_certificate_is_not_proven_by_another_way_beside_it(
    certified: RelyingParty, certificate: Issued
) -> None:
    attempts: dict[str, dict[str, Any]] = {
        "client_secret_basic": {"client_id": "", "auth": basic("certified", "x")},
        "client_secret_post": {"parameters": {"client_secret": "x"}},
    }
    for name, attempt in attempts.items():
        assert_refused_for(
            ask_with(certificate, **attempt), f"Registered for tls_client_auth, came by {name}."
        )
    assert_refused_for(
        ask_with(certificate, auth="Bearer x"), "The Authorization header has another scheme than Basic."
    )
    assert_proven(ask_with(certificate), certified, certificate)


@pytest.mark.contract("P8.1", "P8.2", "P3.2")
def test_two_ways_beside_a_certificate_are_two(cast: Cast, certificate: Issued) -> None:
    answer = ask_with(
        certificate, client_id="", auth=cast.basic("billing"), parameters=cast.in_body("reports")
    )
    assert_refused(answer, 400, "invalid_request")


@pytest.mark.contract("P8.2")
@pytest.mark.spec("RFC 8705", "3.1")
@pytest.mark.spec("RFC 9449", "6.1")
def test_a_token_is_bound_to_both_a_proof_and_a_certificate(
    dpop: Cast, authority: Authority, certificate: Issued
) -> None:
    new_certified(dpop, authority)
    answer = ask_with(certificate, headers=[("DPoP", proof())])
    name, key = thumbprint(certificate), jkt(key_for("ES256"))
    assert (answer.status, answer.json["token_type"]) == (200, "DPoP")
    assert answer.claims["cnf"] == {"x5t#S256": name, "jkt": key}
    assert last_event().confirmation == f"x5t#S256:{name} jkt:{key}"


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.parametrize("form", FORMS)
def test_one_configured_header_of_a_proxy_counts(
    certified: RelyingParty, certificate: Issued, settings: Settings, form: str
) -> None:
    asked = {"client_id": "certified"}
    for configured in FORMS:
        settings.CLIENT_CERTIFICATE_HEADER = configured
        answer = ask(asked, headers=[header(form, certificate)], peer=PROXY)
        if configured == form:
            assert_proven(answer, certified, certificate)
        else:
            assert_refused_for(answer, NO_CERTIFICATE)
    settings.CLIENT_CERTIFICATE_HEADER = ""
    assert_refused_for(ask(asked, headers=[header(form, certificate)], peer=PROXY), NO_CERTIFICATE)


@pytest.mark.contract("P8.2", "P9.1")
@pytest.mark.usefixtures("certified")
def test_from_any_other_peer_no_header_counts_well_formed_or_not(certificate: Issued) -> None:
    every = [header(form, certificate) for form in FORMS]
    for headers in ([*every], [("Client-Cert", "junk")], [*every, ("X-Forwarded-For", PROXY)]):
        for peer in ("192.0.2.8", "127.0.0.1", "2001:db8::1", ""):
            assert_refused_for(ask({"client_id": "certified"}, headers=headers, peer=peer), NO_CERTIFICATE)


@pytest.mark.contract("P8.2")
def test_a_malformed_header_of_the_proxy_is_a_malformed_request(
    cast: Cast, certified: RelyingParty, certificate: Issued
) -> None:
    (name, value), *_ = passed_on(certificate)
    bad = {
        "junk": [(name, "junk")],
        "no base64": [(name, ":%%:")],
        "no certificate": [(name, ":AAAA:")],
        "twice": [(name, value), (name, value)],
        "a chain alone": [("Client-Cert-Chain", value)],
        "a bad chain": [(name, value), ("Client-Cert-Chain", "junk")],
        "long": [(name, ":" + 20_000 * "A" + ":")],
    }
    for headers in bad.values():
        answer = ask({"client_id": certified.client_id}, headers=headers, peer=PROXY)
        event = assert_refused(answer, 400, "invalid_request")
        assert event.detail.startswith(("The header Client-Cert ", "The header Client-Cert-Chain "))
        assert (event.credential, event.confirmation) == ("", None)
        assert ask(headers=headers, peer=PROXY, auth=cast.basic("billing")).status == 200, "it needs none"


@pytest.mark.contract("P6.2", "P6.3", "P8.1")
@pytest.mark.spec("RFC 8705", "3.3")
def test_discovery_tells_of_certificates_where_a_token_can_be_bound_to_one(
    cast: Cast, authority: Authority, certificate: Issued
) -> None:
    def told() -> tuple[bool | None, bool, list[str]]:
        metadata = get(DISCOVERY).json
        bound, claims = (
            metadata.get("tls_client_certificate_bound_access_tokens"),
            metadata["claims_supported"],
        )
        return bound, "cnf" in claims, metadata["token_endpoint_auth_methods_supported"]

    secrets = list(cast.oidc_m2m.token_endpoint_auth_methods)
    assert told() == (None, False, secrets)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(tls_client_certificate_bound_access_tokens=True)
    assert told() == (True, True, secrets)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(tls_client_certificate_bound_access_tokens=False)
    assert told() == (None, False, secrets)
    certified = new_certified(cast, authority)
    assert told() == (True, True, [*secrets, "tls_client_auth"])
    assert_proven(ask_with(certificate), certified, certificate)
    other = get("/other/.well-known/openid-configuration").json
    assert "tls_client_certificate_bound_access_tokens" not in other
    assert "cnf" not in other["claims_supported"]


@pytest.mark.contract("P6.3", "P8.1")
@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_each_method_of_certificates_is_enough_for_discovery(cast: Cast, method: str) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=[method])
    metadata = get(DISCOVERY).json
    assert metadata["token_endpoint_auth_methods_supported"] == [method]
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert metadata["claims_supported"].count("cnf") == 1
    assert "token_endpoint_auth_signing_alg_values_supported" not in metadata


@pytest.mark.contract("P8.2", "P10.4")
def test_a_trace_tells_the_binding_and_holds_no_certificate(
    certified: RelyingParty, certificate: Issued, log_lines: io.StringIO
) -> None:
    certified.trace_until = timezone.now() + timedelta(hours=1)
    certified.save()
    assert_proven(ask_with(certificate), certified, certificate)
    content = Trace.objects.get(event_id=last_event().pk).content
    confirmation = f"x5t#S256:{thumbprint(certificate)}"
    assert ["bind", {"token_type": "Bearer", "confirmation": confirmation}] in content["steps"]
    assert content["claims"]["cnf"] == {"x5t#S256": thumbprint(certificate)}
    assert content["request"]["headers"]["client-cert"].endswith(" characters)")
    assert passed_on(certificate)[0][1][1:60] not in log_lines.getvalue()
