import pytest

from configuration.reading.shape import SECTIONS
from tests.configuration.files import interpreted


def test_values_have_the_names_of_the_models_fields() -> None:
    configuration, problems = interpreted("""
        name: shop
        relying_parties:
          - {issuer: a, client_id: b, client_name: B, contact: C, access_token_ttl: null}
    """)

    (entry,) = configuration.sections["relying_parties"]
    assert problems == []
    assert configuration.name == "shop"
    assert entry.values == {
        "issuer": "a",
        "client_id": "b",
        "name": "B",
        "contact": "C",
        "access_token_ttl": None,
    }


def test_sections_are_listed_in_the_order_in_which_they_refer_to_each_other() -> None:
    configuration, _ = interpreted("relying_parties: []\nclaim_templates: []\nissuers: []\n")

    assert list(configuration.sections) == ["issuers", "claim_templates", "relying_parties"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- 1", f"f:1:1: The file must be a mapping with name, {', '.join(SECTIONS)}."),
        ("isuers: []", 'f:1:1: Unknown key "isuers". Did you mean issuers?'),
        ("name: 5", "f:1:7: name must be a text, is a whole number: put it in quotes."),
        ("issuers: {path: a}", "f:1:10: issuers must be a list, is a mapping."),
        ("issuers:", "f:1:9: issuers must be a list, is empty."),
        ("issuers: [a]", "f:1:11: Not a mapping: each issuer is one."),
        ("issuers: [{name: A}]", "f:1:11: path is missing."),
        ("issuers: [{path: a, is_active: yes}]", "f:1:32: is_active must be true or false, is a text."),
        ("issuers: [{path: a, jwks_max_age: '1'}]", "f:1:35: jwks_max_age must be a whole number, is a text."),
        ("issuers: [{path: a, jwks_max_age: true}]", "f:1:35: jwks_max_age must be a whole number, is true or false."),
        ("issuers: [{path: a, signing_alg: none}]",
         "f:1:34: signing_alg must be one of RS256, PS256, ES256, ES384, EdDSA."),
        ("issuers: [{path: a}, {path: a}]", "f:1:22: This issuer is in the file twice."),
        ("signing_keys: [{issuer: a, alg: RS256, private_key: s3cret}]",
         f'f:1:40: Unknown key "private_key". {SECTIONS["signing_keys"].hint}'),
        ("signing_keys: [{issuer: a, pkcs12: s3cret}]", "f:1:36: pkcs12 must be a mapping, is a text."),
        ("signing_keys: [{issuer: a, pkcs12: {file: x}, alias: ''}]",
         "f:1:54: alias must not be empty: leave it out otherwise."),
        ("relying_parties: [{issuer: a, client_id: b, valid_from: 2030-01-01}]",
         "f:1:57: valid_from must be an instant with its zone, such as 2030-01-31T12:00:00Z."),
        ("relying_parties: [{issuer: a, client_id: b, secrets: [{label: x, secret: s3cret}]}]",
         "f:1:55: Exactly one of secret_from, generate must be there."),
        ("relying_parties: [{issuer: a, client_id: b, secrets: [{label: x, secret_from: s3cret}]}]",
         "f:1:79: secret_from must be a mapping, is a text."),
        ("relying_parties: [{issuer: a, client_id: b, secrets: [{label: x, secret_from: {env: A, file: b}}]}]",
         "f:1:79: secret_from must be {env: NAME} or {file: PATH}."),
        ("relying_parties: [{issuer: a, client_id: b, secrets: [{label: x, secret_from: {env: not-a-name}}]}]",
         "f:1:79: secret_from env is the name of an environment variable, not a value."),
        ("relying_parties: [{issuer: a, client_id: b, secrets: [{label: x, generate: false}]}]",
         "f:1:76: generate must be true; leave it out otherwise."),
    ],
)  # fmt: skip
def test_what_a_file_cannot_say_is_refused_where_it_stands(text: str, line: str) -> None:
    _, problems = interpreted(text)

    assert problems[0] == line
    assert "s3cret" not in "".join(problems)


@pytest.mark.parametrize("key", ["id", "created_at", "digest", "revoked_at", "relying_party", "chosen"])
def test_a_file_cannot_set_what_is_not_its_own(key: str) -> None:
    _, problems = interpreted(f"""
        relying_parties:
          - issuer: a
            client_id: b
            secrets: [{{label: x, generate: true, {key}: 1}}]
    """)

    assert problems[0].startswith(f'f:5:42: Unknown key "{key}".')


def test_all_problems_are_found_in_one_go() -> None:
    _, problems = interpreted("""
        issuers:
          - {path: 5, color: red}
        relying_parties:
          - {client_id: [], grants: [{resource_server: a, scope: b}]}
    """)

    assert [problem.split(" ")[0] for problem in problems] == [
        "f:3:12:",
        "f:3:15:",
        "f:5:5:",
        "f:5:17:",
        "f:5:51:",
    ]
