"""Trusted issuers and federated credentials in the console."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.federation.credential import Federated
from relying_parties.jwks.client_keys import client_keys
from relying_parties.models import CredentialUse, FederatedCredential, KeysFrom, RelyingParty, TrustedIssuer
from tests.console.forms import act, form_of
from tests.console.pages import CLUSTER, act_urls, body_of, federate, url
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, x5c_of
from tests.support.platforms import PLATFORMS, Platform, jwks

KUBERNETES, GOOGLE = PLATFORMS[0], PLATFORMS[7]


def answered(platform: Platform, **fields: str) -> dict[str, str]:
    parts = {f"part_{part.name}": platform.answers[part.name] for part in platform.preset.parts}
    return {"label": "workload", "issuer_name": platform.preset.issuer_name, "jwks": "", **parts, **fields}


def add(client: Client, cast: Cast, platform: Platform, **fields: str) -> Any:
    return client.post(
        url(RelyingParty, "preset", cast.billing.pk, platform.preset.slug), answered(platform, **fields)
    )


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["form"].errors)


def state() -> tuple[int, int, int]:
    return TrustedIssuer.objects.count(), FederatedCredential.objects.count(), LogEntry.objects.count()


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_a_preset_makes_both_and_says_so(cast: Cast, operator: Client, platform: Platform) -> None:
    response = add(operator, cast, platform)
    assert response.headers["Location"].endswith("#federated")
    credential = FederatedCredential.objects.get()
    trusted = credential.trusted_issuer
    assert Federated.of(credential).has_subject(platform.claims["sub"])
    assert (credential.subject_is_pattern, credential.relying_party) == (
        platform.preset.subject_is_pattern, cast.billing,
    )  # fmt: skip
    assert platform.preset.subject_is_pattern or credential.subject == platform.claims["sub"]
    assert (trusted.issuer_url, trusted.keys_from) == (platform.claims["iss"], KeysFrom.DISCOVERY)
    assert trusted.history.get().history_user_id == credential.history.get().history_user_id == "olga"
    assert LogEntry.objects.count() == 2


def test_a_preset_asks_for_the_parts_and_tells_what_it_pins(cast: Cast, operator: Client) -> None:
    page = body_of(operator, url(RelyingParty, "preset", cast.billing.pk, "kubernetes"))
    for part in KUBERNETES.preset.parts:
        assert f'name="part_{part.name}"' in page
    assert KUBERNETES.preset.pins[0].why in page
    assert f"audience {cast.oidc_m2m.url}" in page


def test_each_wrong_answer_is_reported_at_its_field(cast: Cast, operator: Client) -> None:
    response = add(operator, cast, KUBERNETES, part_namespace="prod:x", part_cluster="http://c", label="")
    assert {name: messages[0] for name, messages in errors_of(response).items()} == {
        "label": "This field is required.",
        "part_namespace": "Not of the right form. In small letters, such as prod.",
        "part_cluster": f"Not of the right form. {KUBERNETES.preset.parts[0].help_text}",
    }
    assert state() == (0, 0, 0)


def test_a_trusted_issuer_that_is_there_is_taken_as_it_stands(cast: Cast, operator: Client) -> None:
    add(operator, cast, GOOGLE)
    TrustedIssuer.objects.update(name="Ours")
    response = add(operator, cast, GOOGLE, label="second")
    assert response.status_code == 302
    assert TrustedIssuer.objects.get().name == "Ours"
    assert FederatedCredential.objects.count() == 2


def test_one_of_another_issuer_is_not_taken(cast: Cast, operator: Client) -> None:
    TrustedIssuer(issuer=cast.other, name="Google", issuer_url=GOOGLE.claims["iss"]).checked().save()
    add(operator, cast, GOOGLE)
    assert FederatedCredential.objects.get().trusted_issuer.issuer == cast.oidc_m2m


def test_keys_are_not_put_in_the_place_of_those_that_are_there(cast: Cast, operator: Client) -> None:
    add(operator, cast, GOOGLE)
    before = state()
    response = add(operator, cast, GOOGLE, label="second", jwks=json.dumps(jwks()))
    (problem,) = errors_of(response)["jwks"]
    assert "has this URL, and keys of its own" in problem
    assert state() == before


def test_another_audience_than_the_trusted_issuers_is_refused(cast: Cast, operator: Client) -> None:
    platform = PLATFORMS[6]
    add(operator, cast, platform)
    before = state()
    response = add(operator, cast, platform, label="second", part_audience=platform.answers["tenant"])
    (problem,) = errors_of(response)["__all__"]
    assert "change it on its page first" in problem
    assert state() == before


def test_a_label_that_is_taken_leaves_no_trusted_issuer(cast: Cast, operator: Client) -> None:
    federate(cast.billing)
    before = state()
    response = add(operator, cast, GOOGLE, label="pod")
    assert errors_of(response)["__all__"] == ["The client has a federated credential of this label."]
    assert state() == before


def test_a_key_that_is_private_is_refused_at_its_field(cast: Cast, operator: Client) -> None:
    response = add(operator, cast, GOOGLE, jwks=json.dumps({"keys": [jwk_of(new_key(), d="AA")]}))
    (problem,) = errors_of(response)["jwks"]
    assert problem.startswith("This holds a private key")
    assert state() == (0, 0, 0)


def test_a_preset_that_is_none_is_not_found(cast: Cast, operator: Client) -> None:
    assert operator.get(url(RelyingParty, "preset", cast.billing.pk, "nonsense")).status_code == 404


def test_a_credential_is_added_changed_and_deleted(cast: Cast, operator: Client) -> None:
    federate(cast.reports)
    trusted = TrustedIssuer.objects.get()
    sent = {"label": "job", "trusted_issuer": trusted.pk, "subject": "repo:a/b", "claims": '{"ref": "main"}'}
    operator.post(url(RelyingParty, "add_federated", cast.billing.pk), sent)
    credential = FederatedCredential.objects.get(relying_party=cast.billing)
    page = url(RelyingParty, "change_federated", cast.billing.pk, credential.pk)
    act(operator, page, sent | {"subject": "repo:a/c"})
    assert FederatedCredential.objects.get(pk=credential.pk).subject == "repo:a/c"
    operator.get(url(RelyingParty, "delete_federated", cast.billing.pk, credential.pk))
    act(operator, url(RelyingParty, "delete_federated", cast.billing.pk, credential.pk))
    assert not FederatedCredential.objects.filter(pk=credential.pk).exists()
    told = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert told == [
        "Added federated credential “job”.",
        "Changed what it takes for federated credential “job”.",
        "Deleted federated credential “job”.",
    ]
    changes = operator.get(url(RelyingParty, "history", cast.billing.pk)).context["changes"]
    assert [change.kind for change in changes if change.what == "federated credential job"] == [
        "Deleted", "Changed", "Created",
    ]  # fmt: skip


def test_the_limits_of_a_credential_are_set_and_shown(cast: Cast, operator: Client) -> None:
    trusted = federate(cast.reports).trusted_issuer
    page = url(RelyingParty, "add_federated", cast.billing.pk)
    form = operator.get(page).context["form"]
    assert (form["caps_token_lifetime"].value(), form["is_single_use"].value()) == (True, False)
    sent = {"label": "job", "trusted_issuer": trusted.pk, "subject": "repo:a/b", "claims": "{}"}
    operator.post(page, sent | {"is_single_use": "on"})
    credential = FederatedCredential.objects.get(relying_party=cast.billing)
    assert (credential.caps_token_lifetime, credential.is_single_use) == (False, True)
    shown = body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))
    assert "single use" in shown
    assert "lifetime capped" not in shown


def test_the_preview_says_that_a_proof_caps_the_lifetime(cast: Cast, auditor: Client) -> None:
    pages = url(RelyingParty, "claims", cast.billing.pk), act_urls(cast)["preview"]
    note = "Proven by pod, the token ends with the token that proves the client if that one ends earlier."
    credential = federate(cast.billing)
    assert not any(note in body_of(auditor, page) for page in pages)
    methods = ["client_secret_basic", "client_secret_post", "federated_jwt"]
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=methods)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(token_endpoint_auth_method="federated_jwt")
    assert all(note in body_of(auditor, page) for page in pages)
    credential.caps_token_lifetime = False
    credential.save()
    assert not any(note in body_of(auditor, page) for page in pages)


def test_only_the_trusted_issuers_of_the_same_issuer_are_offered(cast: Cast, operator: Client) -> None:
    own = federate(cast.billing).trusted_issuer
    foreign = TrustedIssuer(issuer=cast.other, name="Foreign", issuer_url="https://foreign.example")
    foreign.checked().save()
    page = url(RelyingParty, "add_federated", cast.billing.pk)
    assert list(operator.get(page).context["form"].fields["trusted_issuer"].queryset) == [own]
    response = operator.post(
        page, {"label": "x", "trusted_issuer": foreign.pk, "subject": "s", "claims": "{}"}
    )
    assert errors_of(response)["trusted_issuer"]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("claims", '{"iss": "x"}', "Checked already, cannot be pinned: iss."),
        ("claims", "{", "Not JSON. Line 1, column 2: Expecting property name enclosed in double quotes."),
        ("subject", "(", "RE2 cannot use it: missing ): (."),
        ("label", "pod", "The client has a federated credential of this label."),
    ],
)
def test_a_fault_of_a_credential_is_reported_at_its_field(
    cast: Cast, operator: Client, field: str, value: str, problem: str
) -> None:
    trusted = federate(cast.billing).trusted_issuer
    sent = {
        "label": "x",
        "trusted_issuer": trusted.pk,
        "subject": "s",
        "subject_is_pattern": "on",
        "claims": "{}",
    }
    response = operator.post(url(RelyingParty, "add_federated", cast.billing.pk), sent | {field: value})
    assert errors_of(response) == {"__all__" if field == "label" else field: [problem]}


def test_a_credential_of_another_relying_party_is_not_found(cast: Cast, operator: Client) -> None:
    credential = federate(cast.billing)
    for page in ("change_federated", "delete_federated"):
        assert operator.post(url(RelyingParty, page, cast.reports.pk, credential.pk)).status_code == 404


def test_the_page_tells_the_last_use_of_a_credential(cast: Cast, auditor: Client) -> None:
    credential = federate(cast.billing)
    page = url(RelyingParty, "credentials", cast.billing.pk)
    assert "not known yet" in body_of(auditor, page)
    made = credential.history.get().history_date
    CredentialUse.objects.create(credential=f"federated:{credential.pk}", last_used_at=made)
    assert f"{made:%Y-%m-%d %H:%M}" in body_of(auditor, page)
    assert "pod" in body_of(auditor, page)


def test_a_credential_that_the_method_does_not_take_says_so(cast: Cast, operator: Client) -> None:
    federate(cast.billing)
    page = body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))
    assert "They are not taken: its method is client_secret_basic." in page


def test_the_page_shows_the_keys_and_certificates_of_a_relying_party(cast: Cast, auditor: Client) -> None:
    key = new_key()
    end = cast.key.activates_at.replace(year=2099)
    jwk = jwk_of(key, kid="billing-1", x5c=x5c_of(certificate_until(key, end)))
    use_keys(cast, jwk)
    page = url(RelyingParty, "credentials", cast.billing.pk)
    assert all(
        text in body_of(auditor, page) for text in ("billing-1", "EC, P-256", "ES256", "2099-", "CN=billing")
    )
    other = CredentialUse.objects.create(
        credential=f"key:{cast.billing.pk}:thumbprint", last_used_at=cast.key.activates_at
    )
    assert "no use on record" in body_of(auditor, page)
    (shown,) = auditor.get(page).context["other_uses"]
    assert (shown.kind, shown.name, shown.last_used_at) == ("key", "thumbprint", other.last_used_at)
    CredentialUse.objects.update(credential=f"key:{cast.billing.pk}:{thumbprint_of(cast)}")
    assert auditor.get(page).context["other_uses"] == []
    assert auditor.get(page).context["key_lines"][0].last_used_at == other.last_used_at


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"token_endpoint_auth_method": "private_key_jwt"}, "client_jwks", "needs its public keys"),
        (
            {"token_endpoint_auth_method": "tls_client_auth"},
            "tls_client_auth_subject_dn",
            "needs exactly one",
        ),
        ({"client_jwks": '{"keys": []}'}, "client_jwks", "A JWK Set of 1 to 20 keys"),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "client_jwks": "-----BEGIN PUBLIC KEY-----"},
            "client_jwks",
            "The PEM is cut off: give it whole",
        ),
        (
            {
                "client_jwks": json.dumps({"keys": [jwk_of(new_key())]}),
                "client_jwks_uri": "https://billing.example/jwks",
            },
            "client_jwks_uri",
            "not both",
        ),
        ({"client_jwks_uri": "nonsense:"}, "client_jwks_uri", "Enter a valid URL."),
    ],
)
def test_a_fault_of_a_relying_party_is_reported_at_its_field(
    cast: Cast, operator: Client, fields: dict[str, str], field: str, problem: str
) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = list(TokenEndpointAuthMethod.values)
    cast.oidc_m2m.save()
    page = url(RelyingParty, "credentials", cast.billing.pk)
    response = operator.post(page, form_of(operator, page) | fields)
    (told,) = response.context["adminform"].form.errors[field]
    assert problem in told


def test_a_trusted_issuer_is_made_with_pasted_keys_and_shows_them(cast: Cast, operator: Client) -> None:
    page = url(TrustedIssuer, "add")
    sent = form_of(operator, page) | {
        "issuer": cast.oidc_m2m.pk, "name": "Cluster", "issuer_url": CLUSTER, "keys_from": "jwks",
        "jwks": json.dumps(jwks()),
    }  # fmt: skip
    operator.post(page, sent)
    trusted = TrustedIssuer.objects.get()
    assert "RSA, 2048 bits" in body_of(operator, url(TrustedIssuer, "change", trusted.pk))


@pytest.mark.contract("P7.13")
@pytest.mark.parametrize("name", ["../token", "/etc/passwd", ".token"])
def test_a_token_file_is_named_without_a_directory(cast: Cast, operator: Client, name: str) -> None:
    page = url(TrustedIssuer, "change", federate(cast.billing).trusted_issuer.pk)
    response = operator.post(page, form_of(operator, page) | {"fetch_token_file": name})
    (problem,) = response.context["adminform"].form.errors["fetch_token_file"]
    assert problem.startswith("It must be the name of a file, without a directory")
    assert operator.post(page, form_of(operator, page) | {"fetch_token_file": "token"}).status_code == 302
    assert "sends the bearer token in its file <code>token</code>" in body_of(operator, page)


@pytest.mark.contract("P7.13")
def test_pasted_keys_have_no_token_file(cast: Cast, operator: Client) -> None:
    page = url(TrustedIssuer, "change", federate(cast.billing).trusted_issuer.pk)
    sent = {"keys_from": "jwks", "jwks": json.dumps(jwks()), "fetch_token_file": "token"}
    response = operator.post(page, form_of(operator, page) | sent)
    (problem,) = response.context["adminform"].form.non_field_errors()
    assert problem == "A JWKS pasted here is not fetched: leave the token file empty."


def test_a_trusted_issuer_saved_as_it_stands_is_accepted(cast: Cast, operator: Client) -> None:
    page = url(TrustedIssuer, "change", federate(cast.billing).trusted_issuer.pk)
    form = form_of(operator, page)
    assert form["jwks"] == ""
    assert operator.post(page, form).status_code == 302
    assert TrustedIssuer.objects.get().jwks is None


def test_keys_from_two_places_are_refused(cast: Cast, operator: Client) -> None:
    page = url(TrustedIssuer, "change", federate(cast.billing).trusted_issuer.pk)
    response = operator.post(page, form_of(operator, page) | {"jwks_uri": "https://cluster.example/jwks"})
    (problem,) = response.context["adminform"].form.non_field_errors()
    assert problem.startswith("Fill in the JWKS URI or the JWKS")


def test_a_trusted_issuer_in_use_is_not_deleted(cast: Cast, operator: Client) -> None:
    trusted = federate(cast.billing).trusted_issuer
    page = url(TrustedIssuer, "delete", trusted.pk)
    shown = body_of(operator, page)
    assert "cannot be deleted while federated credentials trust it" in shown
    assert f'{url(RelyingParty, "credentials", cast.billing.pk)}#federated">billing</a>' in shown
    act(operator, page, {"post": "yes"})
    assert TrustedIssuer.objects.exists()
    FederatedCredential.objects.all().delete()
    act(operator, page, {"post": "yes"})
    assert not TrustedIssuer.objects.exists()


def test_the_page_of_a_trusted_issuer_tells_whom_it_proves(cast: Cast, auditor: Client) -> None:
    page = body_of(auditor, url(TrustedIssuer, "change", federate(cast.billing).trusted_issuer.pk))
    assert f'{url(RelyingParty, "credentials", cast.billing.pk)}#federated">billing</a>' in page


def use_keys(cast: Cast, *keys: dict[str, Any]) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        token_endpoint_auth_method="private_key_jwt", client_jwks={"keys": list(keys)}
    )


def thumbprint_of(cast: Cast) -> str:
    return client_keys(RelyingParty.objects.get(pk=cast.billing.pk).client_jwks)[0].thumbprint


def test_a_trusted_issuer_without_the_keys_that_it_shall_have_says_what_is_missing(
    cast: Cast, operator: Client
) -> None:
    page = url(TrustedIssuer, "add")
    made = {"issuer": cast.oidc_m2m.pk, "name": "Cluster", "issuer_url": CLUSTER, "keys_from": "jwks"}
    response = operator.post(page, form_of(operator, page) | made)
    told = 'It must be a JWK Set: {"keys": [...]} (RFC 7517 section 5).'
    assert response.context["adminform"].form.errors == {"jwks": [told]}
