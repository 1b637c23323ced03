"""What a file cannot register of a client without a secret: reported at its line, and nothing is changed."""

import json
from pathlib import Path

import pytest

from issuers.models import ConfigurationRevision
from tests.configuration.assertions import jwks_of, private_jwks_of
from tests.configuration.files import interpreted, problems_of
from tests.configuration.key_files import certificate_pem, p256, pem

PRIVATE = json.dumps(private_jwks_of(p256()))
PUBLIC = json.dumps(jwks_of(p256()))
NO_AUTHORITY = json.dumps(certificate_pem(p256()).decode())
PEM = pem(p256()).decode()
PGP = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
METHODS = (
    "token_endpoint_auth_methods: [client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth]"
)
ONE_SUBJECT = "tls_client_auth needs exactly one of subject DN, DNS name, URI, IP address and email address."
TWO_SUBJECTS = (
    "token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: billing.example, "
    "tls_client_auth_san_uri: spiffe://billing.example/a"
)
BILLING, CI = "{issuer: oidc_m2m, client_id", "{issuer: oidc_m2m, name"
"""Where the entries stand."""
ISSUER = f"issuers: [{{path: oidc_m2m, {METHODS}}}]\n"


def billing(rest: str) -> str:
    return f"{ISSUER}relying_parties: [{{issuer: oidc_m2m, client_id: billing, {rest}}}]"


def trusted(rest: str) -> str:
    return f"trusted_issuers: [{{issuer: oidc_m2m, name: ci, {rest}}}]"


def credential(rest: str) -> str:
    return f"{trusted('issuer_url: https://ci.example')}\n" + billing(f"federated_credentials: [{{{rest}}}]")


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        (billing(f"jwks: {PRIVATE}"), "{\"keys",
         "jwks: Key 1: It holds d, which is private: register the public half, and replace the key."),
        (billing("jwks: {}"), "{}", 'jwks: It must be a JWK Set: {"keys": [...]} (RFC 7517 section 5).'),
        (billing("token_endpoint_auth_method: private_key_jwt"), BILLING,
         "jwks: private_key_jwt needs its public keys: a JWK Set here, or the URI where they are."),
        (billing("token_endpoint_auth_method: federated_jwt"), "federated_jwt}",
         f"token_endpoint_auth_method: Its method federated_jwt is off at M2M, where these are on: {METHODS[30:-1]}."),
        (billing("token_endpoint_auth_method: tls_client_auth"), BILLING,
         f"tls_client_auth_subject_dn: {ONE_SUBJECT}"),
        (billing(TWO_SUBJECTS), "spiffe:", f"tls_client_auth_san_uri: {ONE_SUBJECT}"),
        (billing("tls_client_auth_san_ip: '::x'"), "'::x'", "tls_client_auth_san_ip must be an IP address."),
        (billing("tls_client_auth_san_ip: 192.0.2.256"), "192.0.2",
         "tls_client_auth_san_ip: Enter a valid IPv4 or IPv6 address."),
        (billing("dpop_bound_access_tokens: 1"), "1}", "dpop_bound_access_tokens must be true or false"),
        (billing("jwks_uri: nowhere"), "nowhere", "jwks_uri: Enter a valid URL."),
        (trusted("issuer_url: https://ci.example, keys_from: jwks, jwks: " + PRIVATE), "{\"keys",
         "jwks: Key 1: It holds d, which is private: register the public half, and replace the key."),
        (trusted("issuer_url: https://ci.example, keys_from: jwks"), CI, "jwks: It must be a JWK Set"),
        (trusted("issuer_url: https://ci.example, keys_from: jwks_uri"), CI,
         "Fill in the JWKS URI or the JWKS if the keys come from there, else neither."),
        (trusted("issuer_url: https://ci.example, keys_from: paper"), "paper",
         "keys_from must be one of discovery, jwks_uri, jwks."),
        (trusted("keys_from: discovery"), CI, "issuer_url is missing."),
        (trusted("issuer_url: http://127.0.0.1:8000/other"), "http://",
         "issuer_url: It is this server's own: its access tokens prove nobody here."),
        ("trusted_issuers: [{name: ci}]", "{name", "issuer is missing."),
        ("trusted_issuers: [{issuer: nowhere, name: ci}]", "nowhere",
         'There is no issuer "nowhere", neither in the file nor stored.'),
        (trusted("issuer_url: https://ci.example, color: red"), "color", 'Unknown key "color".'),
        (credential("label: main, trusted_issuer: nobody, subject: a"), "nobody",
         'There is no trusted issuer "nobody", neither in the file nor stored.'),
        (credential("label: main, subject: a"), "{label", "trusted_issuer is missing."),
        (credential("label: main, trusted_issuer: ci"), "{label", "subject is missing."),
        (credential("trusted_issuer: ci, subject: a"), "{trusted_issuer", "label is missing."),
        (credential("label: '', trusted_issuer: ci, subject: a"), "''", "label: This field cannot be blank."),
        (credential("label: main, trusted_issuer: ci, subject: '(', subject_is_pattern: true"), "'('",
         "subject: RE2 cannot use it: missing ): (."),
        (credential("label: main, trusted_issuer: ci, subject: '.*', subject_is_pattern: true"), "'.*'",
         "subject: It matches a stranger's subject too, such as stranger: name what the workload cannot choose."),
        (credential("label: main, trusted_issuer: ci, subject: a, claims: {exp: 1}"), "{exp",
         "claims: Checked already, cannot be pinned: exp."),
        (f"issuers: [{{path: oidc_m2m, client_ca_certificates: {json.dumps(PEM)}}}]", '"-----BEGIN',
         "client_ca_certificates: This holds a private key: give the certificates alone."),
        ("issuers: [{path: oidc_m2m, client_ca_certificates: none}]", "none",
         "client_ca_certificates: These cannot be read as certificates in PEM."),
        (f"issuers: [{{path: oidc_m2m, client_ca_certificates: {NO_AUTHORITY}}}]", '"-----BEGIN',
         "client_ca_certificates: The certificate CN=old idp says nothing of a CA (basicConstraints)"),
         (f"issuers: [{{path: oidc_m2m, client_ca_certificates: '{PGP}'}}]", "'-----BEGIN",
          "client_ca_certificates: This holds a private key: give the certificates alone."),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_what_cannot_be_registered_is_refused_where_it_stands(text: str, at: str, problem: str) -> None:
    before = ConfigurationRevision.objects.get().number

    lines = problems_of(text)

    number, line = next((number, line) for number, line in enumerate(text.split("\n"), 1) if at in line)
    location = f"f:{number}:{line.index(at) + 1}: "
    assert {told[: len(location)] for told in lines} == {location}
    assert any(told.startswith(location + problem) for told in lines)
    assert ConfigurationRevision.objects.get().number == before


@pytest.mark.django_db
def test_a_url_that_is_missing_is_reported_once() -> None:
    assert problems_of(trusted("keys_from: discovery")) == ["f:1:19: issuer_url is missing."]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"", "is empty, or longer than 262144 bytes."),
        (b"[" * 262_145, "is empty, or longer than 262144 bytes."),
        (b"\xff", "is not UTF-8."),
        (b"{", "is not JSON: Expecting property name enclosed in double quotes."),
        (b'{"keys": [], "keys": []}', "is not JSON: the member 'keys' is repeated in one object."),
        (b"[" * 100_000, "is nested too deep."),
        (PEM.encode(), "holds a private key: give what is public alone."),
        (PGP.encode(), "holds a private key: give what is public alone."),
    ],
)
@pytest.mark.django_db
def test_a_file_without_public_keys_is_refused_once(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)

    lines = problems_of(
        billing("token_endpoint_auth_method: private_key_jwt, jwks_from: {file: x}"), folder=tmp_path
    )

    assert lines == [f"f:2:114: jwks_from: {tmp_path / 'x'} {problem}"]


@pytest.mark.django_db
def test_a_private_jwk_in_a_file_is_refused_at_the_key_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(PRIVATE)

    lines = problems_of(billing("jwks_from: {file: x}"), folder=tmp_path)

    assert lines == [
        "f:2:69: jwks: Key 1: It holds d, which is private: register the public half, and replace the key."
    ]


@pytest.mark.django_db
def test_a_private_key_behind_the_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(certificate_pem(p256()) + PEM.encode())

    lines = problems_of(
        "issuers: [{path: oidc_m2m, client_ca_certificates_from: {file: x}}]", folder=tmp_path
    )

    told = f"client_ca_certificates_from: {tmp_path / 'x'} holds a private key: give what is public alone."
    assert lines == [f"f:1:57: {told}"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("issuers: [{path: a, client_ca_certificates: x, client_ca_certificates_from: {file: x}}]",
         "f:1:48: client_ca_certificates_from stands beside client_ca_certificates: give one of them."),
        ("trusted_issuers: [{issuer: a, name: b, jwks: {}, jwks_from: {file: x}}]",
         "f:1:50: jwks_from stands beside jwks: give one of them."),
        ("relying_parties: [{issuer: a, client_id: b, jwks_from: {file: x}, jwks: {}}]",
         "f:1:45: jwks_from stands beside jwks: give one of them."),
        ("relying_parties: [{issuer: a, client_id: b, jwks_from: {env: X}}]",
         "f:1:56: jwks_from must be {file: PATH}."),
        ("relying_parties: [{issuer: a, client_id: b, jwks_from: x.json}]",
         "f:1:56: jwks_from must be a mapping, is a text."),
        ("relying_parties: [{issuer: a, client_id: b, jwks_from: {file: ''}}]",
         "f:1:56: jwks_from file is the path of a file."),
        ("relying_parties: [{issuer: a, client_id: b, client_jwks: {}}]",
         'f:1:45: Unknown key "client_jwks". Did you mean client_id?'),
        ("trusted_issuers: [{issuer: a, name: b}, {issuer: a, name: b}]",
         "f:1:41: This trusted issuer is in the file twice."),
        ("relying_parties: [{issuer: a, client_id: b, federated_credentials: [{label: x}, {label: x}]}]",
         "f:1:81: This federated credential is in the file twice."),
    ],
)  # fmt: skip
def test_what_a_file_cannot_say_is_refused_where_it_stands(text: str, line: str) -> None:
    assert interpreted(text)[1] == [line]
