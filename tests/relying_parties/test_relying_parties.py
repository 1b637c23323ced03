"""relying_parties/models.py: what a relying party and its rows may be, by validation and in the database itself."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError

from relying_parties.claims.language import CREDENTIAL_PARAMETERS
from relying_parties.client import Rule
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    CredentialUse,
    RelyingParty,
    RequestRule,
    ResourceServer,
)
from relying_parties.snapshots import snapshot_of
from tests.support.cast import INVOICES, Cast, new_relying_party

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def problems(row: models.Model) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return caught.value.message_dict


def party(cast: Cast, **values: Any) -> RelyingParty:
    return RelyingParty(**({"issuer": cast.oidc_m2m, "client_id": "new", "name": "New"} | values))


REFUSED: dict[str, dict[str, Any]] = {
    "a public client": {"client_type": "public"},
    "another grant type": {"authorization_grant_type": "authorization-code"},
    "an end before the beginning": {"valid_from": NOW, "valid_until": NOW - timedelta(days=1)},
    "an end at the beginning": {"valid_from": NOW, "valid_until": NOW},
    "a TTL of nothing": {"access_token_ttl": 0},
    "another method": {"token_endpoint_auth_method": "client_secret_jwt"},
    "no method": {"token_endpoint_auth_method": ""},
    "another algorithm": {"signing_alg": "HS256"},
    "a quota of nothing": {"requests_per_minute": 0},
    "a client ID that is taken": {"client_id": "billing"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_validation_and_database_refuse_alike(cast: Cast, what: str) -> None:
    assert problems(party(cast, **REFUSED[what]))
    with pytest.raises(IntegrityError):
        party(cast, **REFUSED[what]).save()


def test_a_client_id_is_unique_at_its_issuer_only(cast: Cast) -> None:
    party(cast, client_id="billing", issuer=cast.other).checked().save()
    assert RelyingParty.objects.filter(client_id="billing").count() == 2


@pytest.mark.parametrize("client_id", ["", "a b", "é", "a\n", "\x00", "\u202e", "a" * 256])
def test_a_client_id_is_printable(cast: Cast, client_id: str) -> None:
    assert "client_id" in problems(party(cast, client_id=client_id))


def test_who_it_is_stays_fixed(cast: Cast) -> None:
    fixed = {"client_id": ["Issuer and client ID are fixed: secrets are bound to them. Make a new one."]}
    cast.billing.client_id = "billing2"
    assert problems(cast.billing) == fixed
    cast.reports.issuer = cast.other
    assert problems(cast.reports) == fixed


def test_its_tokens_live_no_longer_than_the_issuers(cast: Cast) -> None:
    greatest = cast.oidc_m2m.max_access_token_ttl
    party(cast, access_token_ttl=greatest).checked()
    assert problems(party(cast, access_token_ttl=greatest + 1)) == {
        "access_token_ttl": [
            f"Its TTL of {greatest + 1} seconds is more than the issuer's greatest, {greatest}."
        ]
    }


def test_its_method_is_on_at_the_issuer(cast: Cast) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = ["client_secret_post"]
    assert problems(party(cast)) == {
        "token_endpoint_auth_method": [
            "Its method client_secret_basic is off at M2M, where these are on: client_secret_post."
        ]
    }


@pytest.mark.parametrize(
    "networks", [["10.0.0.1/8"], ["host"], [""], [10], "10.0.0.0/8", {"10.0.0.0/8": 1}, ["10.0.0.0/33"], None]
)
def test_networks_are_cidrs(cast: Cast, networks: Any) -> None:
    assert "allowed_networks" in problems(party(cast, allowed_networks=networks))


def test_it_has_no_field_of_a_browser_flow() -> None:
    names = {field.name for field in RelyingParty._meta.get_fields()}
    assert not names & {
        "redirect_uris",
        "allowed_origins",
        "skip_authorization",
        "client_secret",
        "algorithm",
        "user",
    }


def test_what_it_uses_cannot_be_deleted(cast: Cast) -> None:
    for row in (cast.seed_template, cast.oidc_m2m, cast.invoices):
        with pytest.raises(ProtectedError):
            row.delete()


@pytest.mark.parametrize("identifier", ["", "a b", "é", "x\n", "x" * 256, "\u202e"])
def test_an_identifier_is_printable(cast: Cast, identifier: str) -> None:
    assert "identifier" in problems(ResourceServer(issuer=cast.oidc_m2m, identifier=identifier))


def test_an_identifier_stands_once_at_its_issuer(cast: Cast) -> None:
    assert problems(ResourceServer(issuer=cast.oidc_m2m, identifier=INVOICES))
    with pytest.raises(IntegrityError):
        ResourceServer(issuer=cast.oidc_m2m, identifier=INVOICES).save()


@pytest.mark.parametrize(
    "scopes", ["a", [1], [["a"]], ["a b"], [""], ['"'], ["\\"], ["é"], ["a\n"], ["a", "a"], {"a": 1}]
)
def test_scopes_are_scope_tokens(cast: Cast, scopes: Any) -> None:
    server = ResourceServer(issuer=cast.oidc_m2m, identifier="new", scopes=scopes)
    assert "scopes" in problems(server)
    grant = AccessGrant(relying_party=cast.reports, resource_server=cast.invoices, scopes=scopes)
    assert "scopes" in problems(grant)


def test_every_character_of_a_scope_token_is_taken(cast: Cast) -> None:
    allowed = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\')
    ResourceServer(issuer=cast.oidc_m2m, identifier="new", scopes=[allowed]).checked().save()


def test_a_grant_is_of_scopes_that_the_resource_server_knows(cast: Cast) -> None:
    grant = AccessGrant(
        relying_party=cast.reports, resource_server=cast.invoices, scopes=["invoices.read", "x", "y"]
    )
    assert problems(grant) == {"scopes": [f"{INVOICES} does not know x, y."]}


def test_a_grant_stays_within_one_issuer(cast: Cast) -> None:
    grant = AccessGrant(relying_party=cast.stranger, resource_server=cast.invoices)
    assert problems(grant) == {"resource_server": ["It belongs to another issuer."]}


def test_one_grant_per_resource_server_and_one_default(cast: Cast) -> None:
    again = AccessGrant(relying_party=cast.billing, resource_server=cast.invoices)
    assert problems(again) == {"__all__": ["There is a grant for this API."]}
    with pytest.raises(IntegrityError):
        again.save()
    second = AccessGrant.objects.get(relying_party=cast.billing, resource_server=cast.rabbitmq)
    second.is_default = True
    assert problems(second) == {"__all__": ["Another grant is the default."]}
    with pytest.raises(IntegrityError):
        second.save()


def test_a_templates_name_stands_once_and_its_faults_are_named(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        ClaimTemplate(name="seed").save()
    assert problems(ClaimTemplate(name="new", claims={"exp": 1}, headers={"alg": "none"})) == {
        "claims": ["exp: set by the issuer, not by a template."],
        "headers": ["alg: set by the issuer, not by a template."],
    }


def test_a_credentials_use_stands_once(db: None) -> None:
    CredentialUse.objects.create(credential="secret:1", last_used_at=NOW)
    with pytest.raises(IntegrityError):
        CredentialUse.objects.create(credential="secret:1", last_used_at=NOW)


def rule(cast: Cast, **values: Any) -> RequestRule:
    return RequestRule(
        **({"relying_party": cast.billing, "parameter": "env", "regex": "a", "message": "No."} | values)
    )


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "regex", [r"(a)\1", r"(?P<x>a)(?P=x)", r"a(?=b)", r"a(?!b)", r"(?<=a)b", r"(?>a)", "(", "[", "*", "a**", "a{1001}",
              "((((a{100}){100}){100}){100})", r"\8", "(?i", "\\", "x" * 501, ""],
)  # fmt: skip
def test_a_regex_that_re2_cannot_use_is_refused(
    cast: Cast, regex: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "regex" in problems(rule(cast, regex=regex))
    assert capfd.readouterr().err == ""


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "regex", ["(a+)+", "(a|a)*", "(a|aa)+", "(.*)*x", "a?" * 50 + "a" * 50, "(([a-z])+.)+[A-Z]"]
)
def test_no_regex_hangs_a_worker(cast: Cast, regex: str) -> None:
    rule(cast, regex=regex).checked().save()
    (compiled,) = snapshot_of(cast.billing).rules
    started = time.process_time()
    assert not compiled.allows("a" * 60_000 + "!")
    assert time.process_time() - started < 1


def allows(cast: Cast, regex: str, value: str) -> bool:
    cast.billing.rules.all().delete()
    rule(cast, regex=regex).checked().save()
    (compiled,) = snapshot_of(cast.billing).rules
    assert isinstance(compiled, Rule)
    return compiled.allows(value)


def test_a_rule_is_about_the_whole_value(cast: Cast) -> None:
    assert allows(cast, "prod|test", "test")
    for value in ("prod2", "xtest", "prod\n", "", "PROD", "prod|test"):
        assert not allows(cast, "prod|test", value)
    assert allows(cast, ".?", "")
    assert allows(cast, r"\pL+", "é秘")


@pytest.mark.parametrize("parameter", sorted(CREDENTIAL_PARAMETERS))
def test_a_rule_reads_no_credential(cast: Cast, parameter: str) -> None:
    assert problems(rule(cast, parameter=parameter)) == {"parameter": ["A rule cannot read a credential."]}


@pytest.mark.parametrize("parameter", ["", "a b", "a=b", "é", "a\n", "x" * 65])
def test_a_rules_parameter_is_a_name(cast: Cast, parameter: str) -> None:
    assert "parameter" in problems(rule(cast, parameter=parameter))


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("message", ["", 'a "b"', "a\\b", "é", "a\nb", "\x7f", "x" * 201])
def test_a_rules_message_can_stand_in_an_answer(cast: Cast, message: str) -> None:
    assert "message" in problems(rule(cast, message=message))


def test_the_snapshot_of_a_relying_party_is_the_relying_party(cast: Cast) -> None:
    rule(cast).checked().save()
    fresh = new_relying_party(cast.oidc_m2m, "fresh", ttl=60)
    fresh.allowed_networks = ["10.0.0.0/8", "2001:db8::/32"]
    snapshot = snapshot_of(fresh)
    assert (snapshot.client_id, snapshot.access_token_ttl, snapshot.secrets, snapshot.grants) == (
        "fresh",
        60,
        (),
        (),
    )
    assert [str(network) for network in snapshot.allowed_networks] == ["10.0.0.0/8", "2001:db8::/32"]
    billing = snapshot_of(cast.billing)
    assert billing.parameters_read == {"env"}
    assert {grant.audience: grant.is_default for grant in billing.grants}[INVOICES]
    assert snapshot_of(cast.reports).template_audience == ("your_application",)
