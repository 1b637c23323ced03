"""P3.1 to P3.7, P3.9: who asks, proven in exactly one way."""

import base64

import pytest
from django.utils import timezone

from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import add_chosen_secret, add_generated_secret, revoke_secret
from tests.support.cast import Cast, new_grant, new_relying_party
from tests.support.wire import Answer, ask, assert_refused, basic, last_event, raw_basic

AWKWARD = ("a:b", "a+b", "a%b", "a%20b", "a b", "é", "100%", ":+% é%zz", "&=?/\\\"'", "秘密")
ASSERTION = {
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "e30.e30.e30",
}


def assert_invalid_client(answer: Answer) -> None:
    assert_refused(answer, 401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')


@pytest.mark.contract("P3.1")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize("client_id", ["billing", "reports", "retired", "nobody"])
def test_an_id_alone_proves_nothing(cast: Cast, client_id: str) -> None:
    ClientSecret.objects.filter(relying_party=cast.reports).delete()
    for attempt in (
        {"parameters": {"client_id": client_id}},
        {"parameters": {"client_id": client_id, "client_secret": ""}},
        {"auth": basic(client_id, "")},
        {"auth": raw_basic(client_id.encode())},
    ):
        assert_invalid_client(ask(**attempt))


@pytest.mark.contract("P3.1")
@pytest.mark.parametrize("secret", ["", " ", "none:", "None", "null"])
def test_a_client_without_a_secret_never_authenticates(cast: Cast, secret: str) -> None:
    bare = new_relying_party(cast.oidc_m2m, "bare")
    new_grant(bare, cast.invoices, ["invoices.read"], is_default=True)
    assert_invalid_client(ask(auth=basic("bare", secret)))
    assert_invalid_client(ask({"client_id": "bare", "client_secret": secret}))


@pytest.mark.contract("P3.2")
@pytest.mark.spec("RFC 6749", "2.3")
@pytest.mark.parametrize("basic_secret", ["right", "wrong"])
@pytest.mark.parametrize("other", ["secret", "wrong secret", "assertion", "assertion alone", "type alone"])
def test_it_refuses_two_authentication_methods(cast: Cast, basic_secret: str, other: str) -> None:
    auth = cast.basic("billing") if basic_secret == "right" else basic("billing", "wrong")
    beside = {
        "secret": cast.in_body("billing"),
        "wrong secret": {"client_secret": "wrong"},
        "assertion": ASSERTION,
        "assertion alone": {"client_assertion": "x"},
        "type alone": {"client_assertion_type": "x"},
    }[other]
    assert_refused(ask(beside, auth=auth), 400, "invalid_request")


@pytest.mark.contract("P3.2")
def test_it_refuses_a_body_secret_beside_an_assertion_or_another_scheme(cast: Cast) -> None:
    assert_refused(ask({**cast.in_body("reports"), **ASSERTION}), 400, "invalid_request")
    assert_refused(ask(cast.in_body("reports"), auth="Bearer x"), 400, "invalid_request")
    assert_refused(ask(ASSERTION, auth="Bearer x"), 400, "invalid_request")


@pytest.mark.contract("P3.3")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize("named", ["reports", "retired", "nobody", "BILLING", "billing "])
def test_basic_and_body_must_name_one_client(cast: Cast, named: str) -> None:
    assert_refused(ask({"client_id": named}, auth=cast.basic("billing")), 400, "invalid_request")


@pytest.mark.contract("P3.3")
def test_basic_and_body_may_name_the_same_client(cast: Cast) -> None:
    assert ask({"client_id": "billing"}, auth=cast.basic("billing")).claims["client_id"] == "billing"


@pytest.mark.contract("P3.4")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize("secret", AWKWARD)
def test_an_awkward_secret_comes_form_encoded_or_by_a_lax_client_raw(cast: Cast, secret: str) -> None:
    add_chosen_secret(relying_party=cast.billing, text=secret)
    assert ask(auth=basic("billing", secret)).status == 200
    assert ask(auth=raw_basic(f"billing:{secret}".encode())).status == 200
    assert_invalid_client(ask(auth=basic("billing", secret + "x")))


@pytest.mark.contract("P3.4")
@pytest.mark.parametrize("secret", AWKWARD)
def test_an_awkward_secret_comes_in_the_body(cast: Cast, secret: str) -> None:
    add_chosen_secret(relying_party=cast.reports, text=secret)
    assert ask({"client_id": "reports", "client_secret": secret}).status == 200


@pytest.mark.contract("P3.4")
def test_of_a_generated_secret_only_the_standard_form_counts(cast: Cast) -> None:
    secret = cast.secrets["billing"]
    escaped = "".join(f"%{ord(character):02X}" for character in secret)
    assert ask(auth=raw_basic(f"billing:{escaped}".encode())).status == 200
    assert_invalid_client(ask(auth=raw_basic(f"billing:{escaped.replace('%', '%25')}".encode())))


@pytest.mark.contract("P3.4")
def test_an_awkward_client_id_comes_form_encoded(cast: Cast) -> None:
    client_id = "https://svc.example/a+b%c:d"
    service = new_relying_party(cast.oidc_m2m, client_id)
    new_grant(service, cast.invoices, ["invoices.read"], is_default=True)
    secret = add_generated_secret(relying_party=service)[1]
    assert ask(auth=basic(client_id, secret)).claims["sub"] == client_id


AWKWARD_IDS = ("a+b", "a%2Bb", "a%", "50%25", "urn:example:svc", "https://svc.example/a+b%c:d")


def with_awkward_id(cast: Cast, client_id: str) -> RelyingParty:
    service = new_relying_party(cast.oidc_m2m, client_id)
    new_grant(service, cast.invoices, ["invoices.read"], is_default=True)
    return service


@pytest.mark.contract("P3.4")
@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize("client_id", AWKWARD_IDS)
@pytest.mark.parametrize("names", [(), ("client_id",)])
def test_an_awkward_client_id_comes_raw_from_a_lax_client(
    cast: Cast, client_id: str, names: tuple[str, ...]
) -> None:
    secret = add_generated_secret(relying_party=with_awkward_id(cast, client_id))[1]
    body = dict.fromkeys(names, client_id)
    for auth in (basic(client_id, secret), raw_basic(f"{client_id}:{secret}".encode())):
        assert ask(body, auth=auth).claims["client_id"] == client_id
        assert last_event().client_id == client_id
    wrong = ask(body, auth=raw_basic(f"{client_id}:wrong".encode()))
    assert assert_refused(wrong, 401, "invalid_client").client_id == client_id


@pytest.mark.contract("P3.4")
def test_a_raw_id_with_colons_and_a_chosen_secret_with_colons(cast: Cast) -> None:
    add_chosen_secret(relying_party=cast.billing, text="a:b:c")
    assert ask(auth=raw_basic(b"billing:a:b:c")).claims["client_id"] == "billing"


@pytest.mark.contract("P3.4")
def test_of_two_clients_that_one_text_may_name_the_standard_reading_counts(cast: Cast) -> None:
    secrets = {
        client_id: add_generated_secret(relying_party=with_awkward_id(cast, client_id))[1]
        for client_id in ("a+b", "a%2Bb")
    }
    for client_id, secret in secrets.items():
        assert ask(auth=basic(client_id, secret)).claims["client_id"] == client_id
    raw = raw_basic(f"a%2Bb:{secrets['a%2Bb']}".encode())
    assert assert_refused(ask(auth=raw), 401, "invalid_client").client_id == "a+b"


@pytest.mark.contract("P3.4", "P3.8")
@pytest.mark.parametrize(
    ("around", "told"),
    [
        ("{}\n", "a line end after it"),
        ("{}\r\n", "a line end after it"),
        ("  {}", "white space before it"),
        ('"{}"', "quotation marks before it and quotation marks after it"),
        ("\"'`\u2018\u2019\u201c\u201d{}", "quotation marks before it"),
        ("\ufeff{}", "invisible characters before it"),
        ("\u00a0\u200b\ufeff{}", "invisible characters before it"),
        ("'{}'\n", "quotation marks before it and white space and quotation marks after it"),
    ],
)
def test_of_a_nearly_right_secret_the_record_alone_tells_what_stands_around_it(
    cast: Cast, around: str, told: str
) -> None:
    sent = around.format(cast.secrets["billing"])
    nearly = ask(auth=basic("billing", sent))
    event = assert_refused(nearly, 401, "invalid_client")
    assert event.detail == f"The secret is secret:1, but for {told}: send it without."
    wrong = ask(auth=basic("billing", around.format("wrong")))
    assert assert_refused(wrong, 401, "invalid_client").detail == "The secret is none of those registered."
    assert nearly.without_its_own == wrong.without_its_own


@pytest.mark.contract("P3.5")
@pytest.mark.spec("RFC 7235", "2.1")
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_scheme_is_read_in_any_case(cast: Cast, scheme: str) -> None:
    credentials = f"billing:{cast.secrets['billing']}".encode()
    assert ask(auth=raw_basic(credentials, scheme=scheme)).status == 200


@pytest.mark.contract("P3.5")
def test_right_credentials_among_junk_are_refused(cast: Cast) -> None:
    _, _, encoded = cast.basic("billing").partition(" ")
    for junk in (f"Basic YTpi {encoded}", f"Basic !{encoded}", f"Basic x Basic {encoded}"):
        assert_invalid_client(ask(auth=junk))


@pytest.mark.contract("P3.5")
@pytest.mark.parametrize(
    "auth", ["Basic", "Basic ", "Basic !!!!", "Basic YQ", "Basic YmlsbGluZw==", "Basic Og==", "Basic YTpi YTpi",
             "Basic=", "Basic ====", "Basic \xff\xfe", "Bearer x", "Digest a", "x", ", Basic YTpi",
             "Basic " + 9000 * "A"],
)  # fmt: skip
def test_junk_in_the_header_is_refused(cast: Cast, auth: str) -> None:
    answer = ask(auth=auth)
    assert answer.status in {400, 401}
    assert_refused(answer, answer.status, answer.json["error"])


@pytest.mark.contract("P3.5")
def test_credentials_without_a_colon_are_named(cast: Cast) -> None:
    assert_refused(ask(auth="Basic " + base64.b64encode(b"billing").decode()), 401, "invalid_client")
    assert last_event().detail == "The Basic credentials have no colon."


@pytest.mark.contract("P3.5")
def test_credentials_without_their_padding_are_refused(cast: Cast) -> None:
    credentials = f"billing:{cast.secrets['billing']}".encode()
    assert len(credentials) % 3, "choose a client id that needs padding"
    answer = ask(auth="Basic " + base64.b64encode(credentials).decode().rstrip("="))
    assert answer.status in {400, 401}


@pytest.mark.contract("P3.6")
@pytest.mark.spec("RFC 6749", "5.2")
def test_every_failure_is_one_answer_with_a_challenge(cast: Cast) -> None:
    attempts = [
        ask(),
        ask(auth=basic("billing", "wrong")),
        ask(auth=basic("nobody", "wrong")),
        ask(auth="Bearer x"),
        ask({"client_id": "reports", "client_secret": "wrong"}),
        ask({"client_id": "reports"}),
        ask(ASSERTION),
    ]
    assert_invalid_client(attempts[-1])
    assert all(answer.without_its_own == attempts[0].without_its_own for answer in attempts)
    assert attempts[0].json == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }


@pytest.mark.contract("P3.7")
@pytest.mark.spec("RFC 7591", "2")
def test_a_client_uses_the_method_it_is_registered_for(cast: Cast) -> None:
    by_basic = ask(auth=cast.basic("reports"))
    assert_invalid_client(by_basic)
    event = assert_refused(by_basic, 401, "invalid_client")
    assert (event.auth_method, "client_secret_post" in event.detail) == ("client_secret_basic", True)
    by_post = ask(cast.in_body("billing"))
    event = assert_refused(by_post, 401, "invalid_client")
    assert (event.auth_method, "client_secret_basic" in event.detail) == ("client_secret_post", True)
    assert by_basic.without_its_own == by_post.without_its_own


@pytest.mark.contract("P3.7", "P6.3")
def test_a_method_that_is_off_at_the_issuer_is_refused(cast: Cast) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = ["client_secret_basic"]
    cast.oidc_m2m.save()
    assert_invalid_client(ask(cast.in_body("reports")))
    assert ask(auth=cast.basic("billing")).status == 200


@pytest.mark.contract("P3.9")
def test_a_stored_digest_is_no_secret(cast: Cast) -> None:
    digest = cast.billing.secrets.get().digest
    for secret in (digest, digest.partition(":")[2], digest.partition(":")[2].upper()):
        assert_invalid_client(ask(auth=basic("billing", secret)))
        assert_invalid_client(ask(auth=raw_basic(f"billing:{secret}".encode())))


@pytest.mark.contract("P3.8", "P3.11")
def test_two_live_secrets_overlap_until_one_is_revoked(cast: Cast) -> None:
    secret, text = add_generated_secret(relying_party=cast.billing, label="second")
    assert ask(auth=basic("billing", text)).status == 200
    assert ask(auth=cast.basic("billing")).status == 200
    revoke_secret(secret, now=timezone.now())
    assert_invalid_client(ask(auth=basic("billing", text)))
    assert ask(auth=cast.basic("billing")).status == 200
