"""A file against the database, which starts from the cast."""

import pytest

from issuers.models import ConfigurationRevision, GlobalVariable, Issuer
from issuers.versioning.history import Source
from keys.models import SigningKey
from relying_parties.models import RelyingParty
from tests.configuration.files import applied, details, problems_of
from tests.support.cast import Cast
from tests.support.wire import ask

SHOP = """
    name: shop
    issuers:
      - {path: shop, name: Shop, signing_alg: ES256, allow_missing_grant_type: true}
    signing_keys:
      - {issuer: shop, alg: ES256}
    global_variables:
      - {issuer: shop, name: region, value: eu-north}
      - {name: tier, value: [1, {gold: true}]}
    resource_servers:
      - {issuer: shop, identifier: stock, scopes: [stock.read, stock.write]}
    claim_templates:
      - name: shop
        claims: {region: "${globals.region}", tier: "${globals.tier}", env: "${request.param_env|prod}"}
        headers: {typ: JWT}
    relying_parties:
      - issuer: shop
        client_id: till
        client_name: Till
        token_endpoint_auth_method: client_secret_post
        secrets:
          - {label: first, secret_from: {env: TILL_SECRET}}
        claim_template: shop
        access_token_ttl: 60
        allowed_networks: [192.0.2.0/24]
        grants:
          - {resource_server: stock, scopes: [stock.read], default: true}
        rules:
          - {parameter: env, regex: "prod|test|", message: env must be prod or test}
"""
ENVIRONMENT = {"TILL_SECRET": "correct horse battery staple"}


def revision() -> int:
    return ConfigurationRevision.objects.get().number


@pytest.mark.django_db
def test_a_relying_party_of_a_file_gets_its_token() -> None:
    applied(SHOP, environment=ENVIRONMENT)

    answer = ask({"client_id": "till", "client_secret": ENVIRONMENT["TILL_SECRET"]}, target="/shop/token")

    assert answer.status == 200
    assert answer.header["typ"] == "JWT"
    assert answer.claims["aud"] == "stock"
    assert answer.claims["exp"] - answer.claims["iat"] == 60
    assert (answer.claims["region"], answer.claims["tier"], answer.claims["env"]) == (
        "eu-north", [1, {"gold": True}], "prod",
    )  # fmt: skip


@pytest.mark.django_db
def test_the_plan_tells_what_is_added() -> None:
    plan = applied(SHOP, environment=ENVIRONMENT)

    assert list(plan.lines()) == [
        "shop:",
        "+ issuer shop",
        "+ signing key ES256 of shop",
        "+ global variable region of shop",
        "+ global variable tier of all issuers",
        "+ API stock of shop",
        "+ claim template shop",
        "+ client till of shop",
        "+ client secret first of client till of shop",
        "+ access grant stock of client till of shop",
        "+ request rule env of client till of shop",
    ]


@pytest.mark.django_db
def test_a_second_run_changes_nothing_and_leaves_no_trace() -> None:
    applied(SHOP, environment=ENVIRONMENT)
    before = revision(), Issuer.history.count(), RelyingParty.history.count(), SigningKey.history.count()

    plan = applied(SHOP, environment=ENVIRONMENT)

    assert list(plan.lines()) == ["shop:", "= 10 unchanged", "no changes"]
    assert (
        revision(),
        Issuer.history.count(),
        RelyingParty.history.count(),
        SigningKey.history.count(),
    ) == before


@pytest.mark.django_db
def test_many_changes_raise_the_revision_once() -> None:
    before = revision()

    applied(SHOP, environment=ENVIRONMENT)

    assert revision() == before + 1


@pytest.mark.django_db
def test_history_tells_that_a_file_did_it() -> None:
    applied(SHOP, environment=ENVIRONMENT)

    assert Issuer.objects.get(path="shop").history.get().source == Source.FILE


@pytest.mark.django_db
def test_a_dry_run_tells_the_same_plan_and_changes_nothing() -> None:
    before = revision()

    plan = applied(SHOP, environment=ENVIRONMENT, dry_run=True)

    assert not Issuer.objects.filter(path="shop").exists()
    assert revision() == before
    assert plan == applied(SHOP, environment=ENVIRONMENT)


def test_a_change_is_shown_with_both_values(cast: Cast) -> None:
    plan = applied("""
        claim_templates:
          - {name: seed, claims: {aud: your_application, n: 1}}
        relying_parties:
          - {issuer: oidc_m2m, client_id: reports, access_token_ttl: 600, claim_template: null, description: "a\\eb"}
    """)

    assert details(plan) == [
        (
            '~ claim template seed: claims {"aud": "your_application", "iss": "${issuer.url}", "your_claim": "value"}'
            ' -> {"aud": "your_application", "n": 1}'
        ),
        (
            "~ client reports of oidc_m2m: access_token_ttl 300 -> 600, "
            'claim_template "seed" -> null, description "" -> "a\\u001bb"'
        ),
    ]
    cast.reports.refresh_from_db()
    assert (cast.reports.access_token_ttl, cast.reports.claim_template) == (600, None)


def test_what_a_file_does_not_say_stays(cast: Cast) -> None:
    applied("relying_parties: [{issuer: oidc_m2m, client_id: reports, contact: ops}]")

    reports = RelyingParty.objects.get(pk=cast.reports.pk)
    assert (reports.contact, reports.access_token_ttl, reports.name) == ("ops", 300, "Reports")
    assert reports.grants.count() == reports.secrets.count() == 1


@pytest.mark.django_db
def test_the_root_issuer_has_an_empty_path() -> None:
    plan = applied("""
        issuers: [{path: "", name: Root}]
        resource_servers: [{issuer: "", identifier: a}]
    """)

    assert details(plan) == ["+ issuer /", "+ API a of /"]


@pytest.mark.parametrize(
    ("old", "new", "is_change"),
    [("1", "1.0", False), ("1", "true", True), ("{a: 1, b: 2}", "{b: 2, a: 1}", False), ("[1, 2]", "[2, 1]", True),
     ("[false]", "[0]", True), ("'1'", "1", True), ("[1]", "[1, 2]", True), ("1e2", "100", False)],
)  # fmt: skip
@pytest.mark.django_db
def test_values_are_compared_as_json(old: str, new: str, is_change: bool) -> None:  # noqa: FBT001
    applied(f"global_variables: [{{name: x, value: {old}}}]")

    plan = applied(f"global_variables: [{{name: x, value: {new}}}]")

    assert bool(plan.changes) == is_change


@pytest.mark.django_db
def test_a_key_is_made_only_where_there_is_none(cast: Cast) -> None:
    plan = applied("signing_keys: [{issuer: oidc_m2m, alg: RS256}, {issuer: oidc_m2m, alg: EdDSA}]")

    assert details(plan) == ["+ signing key EdDSA of oidc_m2m"]
    assert SigningKey.objects.filter(issuer=cast.oidc_m2m).count() == 2


@pytest.mark.django_db
def test_every_problem_is_reported_at_its_line_and_nothing_is_changed() -> None:
    before = revision()

    lines = problems_of("""
        issuers:
          - {path: good, name: Good}
          - {path: admin, name: Reserved}
          - {path: nameless}
          - {path: short, name: Short, default_access_token_ttl: 0, announce_period: 1}
        signing_keys:
          - {issuer: nameless, alg: RS256}
          - {issuer: nowhere, alg: RS256}
        global_variables:
          - {name: 1region, value: 1}
          - {name: empty}
        claim_templates:
          - {name: bad, claims: {iat: 1, x: "${nope.y}"}}
        relying_parties:
          - issuer: oidc_m2m
            client_id: billing
            access_token_ttl: 900000
            claim_template: nowhere
          - issuer: oidc_m2m
            client_id: reports
            access_token_ttl: 900000
            grants:
              - {resource_server: your_application, scopes: [unknown]}
            rules:
              - {parameter: env, regex: "(", message: no}
    """)

    assert lines == [
        "f:4:5: This path is reserved.",
        "f:5:5: name is missing.",
        "f:6:58: default_access_token_ttl: At least 1 s.",
        "f:6:78: announce_period: At least 360 seconds: copies of the JWKS live 300, clocks differ by 60.",
        'f:9:14: There is no issuer "nowhere", neither in the file nor stored.',
        "f:11:12: name: A letter or underscore, then letters, digits and underscores.",
        "f:12:5: value is missing.",
        "f:14:25: claims: x: ${nope.y}: the namespaces are client, globals, grant, issuer, request.",
        'f:19:21: There is no claim template "nowhere", neither in the file nor stored.',
        "f:22:23: access_token_ttl: Its TTL of 900000 seconds is more than the issuer's greatest, 86400.",
        "f:24:53: scopes: your_application does not know unknown.",
        "f:26:33: regex: RE2 cannot use it: missing ): (.",
    ]
    assert revision() == before
    assert not Issuer.objects.filter(path="good").exists()


@pytest.mark.django_db
def test_a_value_is_refused_once() -> None:
    assert problems_of("issuers: [{path: shop, name: 5}]") == [
        "f:1:30: name must be a text, is a whole number: put it in quotes."
    ]


@pytest.mark.django_db
def test_what_does_not_fit_together_is_reported_at_the_entry_that_did_it() -> None:
    lines = problems_of("""
        issuers:
          - {path: oidc_m2m, signing_alg: ES384}
        resource_servers:
          - {issuer: oidc_m2m, identifier: "https://invoices.example", scopes: [invoices.read]}
        claim_templates:
          - {name: seed, claims: {aud: nowhere}}
    """)

    assert lines == [
        "f:3:5: M2M has no active ES384 key. Create one first: manage.py create_key oidc_m2m ES384",
        "f:5:5: billing: its grant for https://invoices.example has scopes not known there: invoices.write.",
        (
            "f:7:5: reports: aud in its claim template is nowhere, "
            "for which it has no access grant: add one, or change aud."
        ),
    ]


@pytest.mark.django_db
def test_what_does_not_fit_is_reported_at_the_relying_party_where_the_file_has_it() -> None:
    lines = problems_of("""
        claim_templates:
          - {name: seed, claims: {x: "${globals.unknown}"}}
        relying_parties:
          - {issuer: oidc_m2m, client_id: reports}
    """)

    assert lines == [
        "f:5:5: reports: its claim template seed uses ${globals.unknown}, which is not defined for this issuer."
    ]


def test_a_name_leads_to_what_the_database_holds(cast: Cast) -> None:
    applied("""
        relying_parties:
          - {issuer: other, client_id: new, client_name: New, grants: [{resource_server: "https://invoices.example"}]}
    """)

    grant = RelyingParty.objects.get(client_id="new").grants.get()
    assert grant.resource_server.issuer == cast.other


@pytest.mark.django_db
def test_a_shared_variable_and_an_issuers_own_are_two() -> None:
    applied("""
        global_variables:
          - {name: region, value: shared}
          - {issuer: oidc_m2m, name: region, value: own}
    """)

    assert set(GlobalVariable.objects.values_list("issuer__path", "value")) == {
        (None, "shared"),
        ("oidc_m2m", "own"),
    }
