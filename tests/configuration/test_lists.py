"""The grants and rules of a relying party: where the file has the list, nothing else is kept."""

import pytest

from relying_parties.models import AccessGrant, RequestRule
from tests.configuration.files import applied, details, problems_of
from tests.support.cast import Cast


def billing(lists: str) -> str:
    return f"relying_parties: [{{issuer: oidc_m2m, client_id: billing, {lists}}}]"


def grants(cast: Cast) -> dict[str, tuple[list[str], bool]]:
    rows = cast.billing.grants.select_related("resource_server")
    return {row.resource_server.identifier: (row.scopes, row.is_default) for row in rows}


def test_a_grant_that_the_list_leaves_out_is_removed(cast: Cast) -> None:
    plan = applied(billing("grants: [{resource_server: rabbitmq, scopes: ['rabbitmq.read:*/*']}]"))

    assert details(plan) == [
        "- access grant https://invoices.example of client billing of oidc_m2m",
        "- access grant your_application of client billing of oidc_m2m",
    ]
    assert grants(cast) == {"rabbitmq": (["rabbitmq.read:*/*"], False)}


def test_an_empty_list_removes_all_grants(cast: Cast) -> None:
    applied(billing("grants: []"))

    assert grants(cast) == {}


def test_an_absent_list_removes_none(cast: Cast) -> None:
    before = grants(cast)

    applied(billing("contact: ops"))

    assert grants(cast) == before


def test_the_default_moves_from_one_grant_to_another(cast: Cast) -> None:
    plan = applied(
        billing("""grants: [
            {resource_server: rabbitmq, scopes: ['rabbitmq.read:*/*'], default: true},
            {resource_server: your_application, scopes: [invoices.read]},
            {resource_server: "https://invoices.example", scopes: [invoices.read, invoices.write]}]""")
    )

    assert details(plan) == [
        "~ access grant https://invoices.example of client billing of oidc_m2m: default true -> false",
        "~ access grant rabbitmq of client billing of oidc_m2m: default false -> true",
    ]
    assert [name for name, (_, is_default) in grants(cast).items() if is_default] == ["rabbitmq"]


@pytest.mark.django_db
def test_two_defaults_are_refused() -> None:
    lines = problems_of(
        billing("""grants: [
            {resource_server: rabbitmq, default: true},
            {resource_server: your_application, default: true}]""")
    )

    assert lines == ["f:3:13: Another grant is the default."]


@pytest.mark.django_db
def test_a_resource_server_of_another_issuer_is_not_found() -> None:
    applied("resource_servers: [{issuer: other, identifier: elsewhere}]")

    assert problems_of(billing("grants: [{resource_server: elsewhere}]")) == [
        'f:1:85: There is no API "elsewhere", neither in the file nor stored.'
    ]


def test_a_removed_grant_that_the_template_needs_is_refused(cast: Cast) -> None:
    lines = problems_of("relying_parties: [{issuer: oidc_m2m, client_id: reports, grants: []}]")

    aud = "aud in its claim template is your_application, for which it has no access grant: add one, or change aud."
    assert lines == [f"f:1:19: reports: {aud}"]
    assert cast.reports.grants.count() == 1


def test_rules_of_one_parameter_are_identified_by_their_order(cast: Cast) -> None:
    applied(
        billing("rules: [{parameter: a, regex: '1', message: one}, {parameter: a, regex: '2', message: two}]")
    )

    plan = applied(
        billing("rules: [{parameter: a, regex: '1', message: uno}, {parameter: b, regex: x, message: three}]")
    )

    assert details(plan) == [
        '~ request rule a of client billing of oidc_m2m: message "one" -> "uno"',
        "+ request rule b of client billing of oidc_m2m",
        "- request rule a of client billing of oidc_m2m",
    ]
    assert set(cast.billing.rules.values_list("parameter", "regex", "message")) == {
        ("a", "1", "uno"),
        ("b", "x", "three"),
    }


@pytest.mark.django_db
def test_what_an_entry_of_a_list_leaves_out_is_the_default() -> None:
    applied(billing("grants: [{resource_server: rabbitmq, scopes: ['rabbitmq.read:*/*'], default: true}]"))

    applied(billing("grants: [{resource_server: rabbitmq}]"))

    grant = AccessGrant.objects.get(relying_party__client_id="billing")
    assert (grant.scopes, grant.is_default) == ([], False)


@pytest.mark.django_db
def test_every_change_of_a_list_leaves_history() -> None:
    before = AccessGrant.history.count(), RequestRule.history.count()

    applied(billing("grants: [], rules: [{parameter: a, regex: '1', message: one}]"))

    assert (AccessGrant.history.count(), RequestRule.history.count()) == (before[0] + 3, before[1] + 1)
