"""P4.1 to P4.5: what for. The full cast of grants stands in tests/support/cast.py."""

import pytest

from relying_parties.models import AccessGrant, ClaimTemplate
from tests.support.cast import INVOICES, RABBITMQ, YOUR_APPLICATION, Cast, new_grant, new_resource_server
from tests.support.wire import Answer, ask, assert_refused

UNTARGETABLE = (
    "https://unknown.example", "unknown", "https://invoices.example/", "https://invoices.example#x", "HTTPS://INVOICES.EXAMPLE",
    "invoices.example", "https://", "//x", "https://[", "https://ex ample", "\u2603", "x" * 5000, "http://127.0.0.1:8000/oidc_m2m",
)  # fmt: skip


@pytest.fixture
def ungranted(cast: Cast) -> str:
    """A resource server that nobody has a grant for."""
    return new_resource_server(cast.oidc_m2m, "https://payroll.example", ["payroll.read"]).identifier


@pytest.mark.contract("P4.1")
@pytest.mark.spec("RFC 8707", "2.2")
@pytest.mark.parametrize("parameter", ["resource", "audience"])
@pytest.mark.parametrize("target", [INVOICES, YOUR_APPLICATION, RABBITMQ])
def test_one_resource_is_one_audience(cast: Cast, parameter: str, target: str) -> None:
    assert ask({parameter: target}, auth=cast.basic("billing")).claims["aud"] == target


@pytest.mark.contract("P4.1")
@pytest.mark.spec("RFC 7519", "4.1.3")
def test_several_resources_are_an_array(cast: Cast) -> None:
    pairs = [("resource", YOUR_APPLICATION), ("resource", INVOICES), ("scope", "invoices.read")]
    assert ask(pairs, auth=cast.basic("billing")).claims["aud"] == [YOUR_APPLICATION, INVOICES]


@pytest.mark.contract("P4.1", "P1.2")
@pytest.mark.spec("RFC 8707", "2")
@pytest.mark.parametrize("target", UNTARGETABLE)
def test_it_refuses_every_bad_target_alike(cast: Cast, ungranted: str, target: str) -> None:
    plain = ask({"resource": ungranted}, auth=cast.basic("billing"))
    assert_refused(plain, 400, "invalid_target")
    for pairs in (
        [("resource", target)],
        [("audience", target)],
        [("resource", INVOICES), ("resource", target)],
    ):
        answer = ask(pairs, auth=cast.basic("billing"))
        assert_refused(answer, 400, "invalid_target")
        assert answer.without_its_own == plain.without_its_own


@pytest.mark.contract("P4.1")
def test_a_target_other_than_the_templates_is_refused_like_an_unknown_one(cast: Cast) -> None:
    new_grant(cast.reports, cast.invoices, ["invoices.read"])
    answer = ask({**cast.in_body("reports"), "resource": INVOICES})
    assert_refused(answer, 400, "invalid_target")
    unknown = ask({**cast.in_body("reports"), "resource": "unknown"})
    assert answer.without_its_own == unknown.without_its_own


@pytest.mark.contract("P4.1")
def test_the_templates_own_target_may_be_named(cast: Cast) -> None:
    assert ask({**cast.in_body("reports"), "resource": YOUR_APPLICATION}).claims["aud"] == YOUR_APPLICATION


@pytest.mark.contract("P4.1")
def test_resource_and_its_alias_exclude_each_other(cast: Cast) -> None:
    answer = ask({"resource": INVOICES, "audience": INVOICES}, auth=cast.basic("billing"))
    assert_refused(answer, 400, "invalid_request")


@pytest.mark.contract("P4.2")
@pytest.mark.spec("RFC 6749", "3.3")
@pytest.mark.parametrize(
    ("resources", "scope"),
    [
        ([INVOICES], "YourScope"),
        ([INVOICES], "invoices.read YourScope"),
        ([INVOICES], "unknown"),
        ([YOUR_APPLICATION], "invoices.write"),
        ([YOUR_APPLICATION], "YourScope"),
        ([INVOICES, YOUR_APPLICATION], "invoices.write"),
        ([INVOICES, YOUR_APPLICATION], "invoices.read invoices.write"),
        ([RABBITMQ], "rabbitmq.write:*/*"),
    ],
)
def test_a_scope_not_granted_everywhere_refuses_the_whole_request(
    cast: Cast, resources: list[str], scope: str
) -> None:
    pairs = [*(("resource", resource) for resource in resources), ("scope", scope)]
    assert_refused(ask(pairs, auth=cast.basic("billing")), 400, "invalid_scope")


@pytest.mark.contract("P4.3")
@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("invoices.read", INVOICES),
        ("invoices.write", INVOICES),
        ("invoices.read invoices.write", INVOICES),
        ("rabbitmq.read:*/*", RABBITMQ),
    ],
)
def test_without_resource_the_scopes_tell_it(cast: Cast, scope: str, audience: str) -> None:
    """`invoices.read` is granted at two resource servers; the default one wins."""
    answer = ask({"scope": scope}, auth=cast.basic("billing"))
    assert (answer.claims["aud"], answer.json["scope"]) == (audience, scope)


@pytest.mark.contract("P4.3")
@pytest.mark.parametrize("scope", ["invoices.write rabbitmq.read:*/*", "unknown", "YourScope"])
def test_scopes_that_no_single_resource_server_grants_are_refused(cast: Cast, scope: str) -> None:
    assert_refused(ask({"scope": scope}, auth=cast.basic("billing")), 400, "invalid_scope")


@pytest.mark.contract("P4.3")
def test_scopes_that_several_resource_servers_grant_are_refused(cast: Cast) -> None:
    AccessGrant.objects.filter(relying_party=cast.billing).update(is_default=False)
    assert_refused(ask({"scope": "invoices.read"}, auth=cast.basic("billing")), 400, "invalid_scope")
    assert ask({"scope": "invoices.write"}, auth=cast.basic("billing")).claims["aud"] == INVOICES


@pytest.mark.contract("P4.3")
def test_without_resource_a_templates_audience_stands(cast: Cast) -> None:
    answer = ask({**cast.in_body("reports"), "scope": "YourScope"})
    assert answer.claims["aud"] == YOUR_APPLICATION
    assert_refused(ask({**cast.in_body("reports"), "scope": "invoices.read"}), 400, "invalid_scope")


@pytest.mark.contract("P4.4")
def test_nothing_asked_is_the_default_grant(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"))
    assert answer.claims["aud"] == INVOICES
    assert answer.json["scope"] == "invoices.read invoices.write" == answer.claims["scope"]


@pytest.mark.contract("P4.4")
def test_nothing_asked_is_the_templates_audience(cast: Cast) -> None:
    new_grant(cast.reports, cast.invoices, ["invoices.read"], is_default=True)
    answer = ask(cast.in_body("reports"))
    assert (answer.claims["aud"], answer.json["scope"]) == (YOUR_APPLICATION, "YourScope")


@pytest.mark.contract("P4.4")
def test_a_template_may_name_two_audiences(cast: Cast) -> None:
    template = ClaimTemplate(name="two", claims={"aud": [INVOICES, YOUR_APPLICATION]})
    template.checked().save()
    cast.billing.claim_template = template
    cast.billing.save()
    answer = ask(auth=cast.basic("billing"))
    assert (answer.claims["aud"], answer.json["scope"]) == ([INVOICES, YOUR_APPLICATION], "invoices.read")


@pytest.mark.contract("P4.4")
def test_nothing_asked_and_no_default_is_no_target(cast: Cast) -> None:
    AccessGrant.objects.filter(relying_party=cast.billing).update(is_default=False)
    assert_refused(ask(auth=cast.basic("billing")), 400, "invalid_target")
    AccessGrant.objects.filter(relying_party=cast.billing).delete()
    assert_refused(ask(auth=cast.basic("billing")), 400, "invalid_target")


@pytest.mark.contract("P4.5")
@pytest.mark.spec("RFC 6749", "3.3")
@pytest.mark.parametrize(
    "scope", ['invoices"read', "invoices\\read", "é", "a\tb", "a\x7fb", "a\u00a0b", "invoices.read\n"]
)
def test_a_character_that_no_scope_has_is_refused(cast: Cast, scope: str) -> None:
    event = assert_refused(ask({"scope": scope}, auth=cast.basic("billing")), 400, "invalid_scope")
    assert "character" in event.detail


@pytest.mark.contract("P4.5")
@pytest.mark.parametrize(
    "scope",
    [
        "invoices.read invoices.write",
        "invoices.write invoices.read",
        "invoices.write invoices.read invoices.write",
        "  invoices.read   invoices.write ",
    ],
)
def test_order_and_repetition_do_not_matter(cast: Cast, scope: str) -> None:
    answer = ask({"scope": scope}, auth=cast.basic("billing"))
    assert answer.json["scope"].split() == ["invoices.read", "invoices.write"]


@pytest.mark.contract("P4.5")
@pytest.mark.parametrize("scope", ["Invoices.read", "INVOICES.READ", "rabbitmq.read:*/", "invoices"])
def test_case_and_every_character_matter(cast: Cast, scope: str) -> None:
    assert_refused(ask({"scope": scope}, auth=cast.basic("billing")), 400, "invalid_scope")


@pytest.mark.contract("P4.5", "P4.1")
def test_rabbitmqs_names_are_good_ones(cast: Cast) -> None:
    answer: Answer = ask({"resource": RABBITMQ, "scope": "rabbitmq.read:*/*"}, auth=cast.basic("billing"))
    assert (answer.claims["aud"], answer.claims["scope"]) == (RABBITMQ, "rabbitmq.read:*/*")


@pytest.mark.contract("P4.3")
def test_the_default_grant_comes_first_also_for_exactly_its_scopes(cast: Cast) -> None:
    cast.billing.grants.filter(is_default=True).update(scopes=["invoices.read"])
    assert ask({"scope": "invoices.read"}, auth=cast.basic("billing")).claims["aud"] == INVOICES


@pytest.mark.contract("P4.1")
@pytest.mark.parametrize(
    "resource",
    [f"{INVOICES}/", "HTTPS://Invoices.Example", f"{INVOICES}:443", f"{INVOICES}:443/"],
)
def test_the_record_names_the_resource_that_was_probably_meant(cast: Cast, resource: str) -> None:
    answer = ask({"resource": resource}, auth=cast.basic("billing"))
    event = assert_refused(answer, 400, "invalid_target")
    assert event.detail == (
        f"The resource {resource} is not granted. Granted is {INVOICES}: send it to the letter."
    )
    assert INVOICES not in answer.body.decode()


@pytest.mark.contract("P4.1")
@pytest.mark.parametrize("resource", [f"{INVOICES}:8443", f"{INVOICES}/v1", "http://invoices.example"])
def test_the_record_guesses_no_other_resource(cast: Cast, resource: str) -> None:
    event = assert_refused(ask({"resource": resource}, auth=cast.basic("billing")), 400, "invalid_target")
    assert event.detail == f"The resource {resource} is not granted."


@pytest.mark.contract("P4.1")
def test_the_record_names_a_resource_that_was_meant_without_its_usual_port(cast: Cast) -> None:
    plain = "http://plain.example"
    new_grant(cast.billing, new_resource_server(cast.oidc_m2m, plain, ["read"]), ["read"])
    event = assert_refused(
        ask({"resource": f"{plain}:80"}, auth=cast.basic("billing")), 400, "invalid_target"
    )
    assert (
        event.detail == f"The resource {plain}:80 is not granted. Granted is {plain}: send it to the letter."
    )
