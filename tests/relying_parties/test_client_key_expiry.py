"""What expires soon: the keys and certificates that prove relying parties, and the client CA certificates."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from issuance.outlook.expiry import expiries
from issuers.expiry import HORIZON, Expiry, Kind
from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, pem_of, x5c_of

NOW = timezone.now().replace(microsecond=0)
DAY = timedelta(days=1)
KEY, NEXT = new_key(), new_key()


def register(cast: Cast, *jwks: dict[str, Any], method: str = "private_key_jwt") -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = list(TokenEndpointAuthMethod.values)
    cast.oidc_m2m.checked().save()
    relying_party = RelyingParty.objects.get(pk=cast.billing.pk)
    relying_party.token_endpoint_auth_method = method
    relying_party.client_jwks = {"keys": list(jwks)}
    relying_party.checked().save()


def until(days: float) -> int:
    return int((NOW + days * DAY).timestamp())


def found() -> list[tuple[str, str, int, bool]]:
    return [(ending.kind, ending.name, ending.days, ending.is_replaced) for ending in expiries(NOW)]


def test_a_client_key_is_named(cast: Cast) -> None:
    register(cast, jwk_of(KEY, kid="2026", exp=until(10)))

    (ending,) = expiries(NOW)

    assert ending == Expiry(
        kind=Kind.CLIENT_KEY,
        id=cast.billing.pk,
        name="2026 of billing",
        issuer="M2M",
        page_id=cast.billing.pk,
        at=NOW + 10 * DAY,
        days=14,
        thumbprint=ending.thumbprint,
    )
    assert ending.advice.startswith("Register the next key")


@pytest.mark.parametrize(("exp", "is_replaced"), [(None, True), (11, True), (10, False), (9, False)])
def test_a_client_key_is_replaced_by_one_that_outlives_it(
    cast: Cast, exp: int | None, *, is_replaced: bool
) -> None:
    end = {} if exp is None else {"exp": until(exp)}
    register(cast, jwk_of(KEY, kid="old", exp=until(10)), jwk_of(NEXT, kid="next", **end))

    named = {ending.name: ending.is_replaced for ending in expiries(NOW)}

    assert named["old of billing"] == is_replaced


def test_two_keys_that_end_at_once_are_two_expiries(cast: Cast) -> None:
    register(cast, jwk_of(KEY, kid="a", exp=until(1)), jwk_of(NEXT, kid="b", exp=until(1)))

    assert len({ending.thumbprint for ending in expiries(NOW)}) == 2


def test_a_stored_key_that_is_refused_today_keeps_no_other_from_being_reported(cast: Cast) -> None:
    refused = jwk_of(NEXT, kid="old", use="enc")
    register(cast, jwk_of(KEY, kid="2026", exp=until(10)))
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        client_jwks={"keys": [refused, jwk_of(KEY, kid="2026", exp=until(10))]}
    )

    assert found() == [("client key", "2026 of billing", 14, False)]


def test_a_client_certificate_is_named(cast: Cast) -> None:
    certificate = certificate_until(KEY, NOW + 5 * DAY)
    register(cast, jwk_of(KEY, kid="tls", x5c=x5c_of(certificate)), method="self_signed_tls_client_auth")

    assert found() == [("client certificate", "tls of billing", 7, False)]


def test_a_key_without_a_certificate_replaces_no_certificate(cast: Cast) -> None:
    certificate = certificate_until(KEY, NOW + 5 * DAY)
    register(
        cast,
        jwk_of(KEY, kid="tls", x5c=x5c_of(certificate)),
        jwk_of(NEXT, kid="bare"),
        method="self_signed_tls_client_auth",
    )

    assert found() == [("client certificate", "tls of billing", 7, False)]


@pytest.mark.parametrize("days", [0, -1, 31])
def test_a_key_that_has_ended_or_ends_far_away_is_not_named(cast: Cast, days: int) -> None:
    register(cast, jwk_of(KEY, exp=until(days)))
    assert expiries(NOW) == ()


def test_a_key_that_the_method_does_not_take_is_not_named(cast: Cast) -> None:
    register(cast, jwk_of(KEY, exp=until(1)), method="client_secret_basic")
    assert expiries(NOW) == ()


@pytest.mark.parametrize("change", [{"is_active": False}, {"valid_until": NOW}])
def test_a_key_of_a_relying_party_that_is_out_of_use_is_not_named(cast: Cast, change: dict[str, Any]) -> None:
    register(cast, jwk_of(KEY, exp=until(1)))
    RelyingParty.objects.filter(pk=cast.billing.pk).update(**change)
    assert expiries(NOW) == ()


def trust(cast: Cast, pem: str, *, methods: list[str] | None = None) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(
        client_ca_certificates=pem, token_endpoint_auth_methods=methods or ["tls_client_auth"]
    )


def test_a_client_ca_certificate_is_named(cast: Cast) -> None:
    trust(cast, pem_of(certificate_until(KEY, NOW + 20 * DAY, name="Client CA", is_authority=True)))

    (ending,) = expiries(NOW)

    assert (ending.kind, ending.name, ending.days) == (Kind.CLIENT_CA_CERTIFICATE, "CN=Client CA", 30)
    assert (ending.id, ending.page_id, ending.at) == (cast.oidc_m2m.pk, cast.oidc_m2m.pk, NOW + 20 * DAY)


@pytest.mark.parametrize(
    ("key", "name", "is_replaced"),
    [(KEY, "Client CA", True), (NEXT, "Client CA", False), (KEY, "Other CA", False)],
)
def test_a_client_ca_certificate_is_replaced_by_a_longer_one_of_its_name_and_key(
    cast: Cast, key: Any, name: str, *, is_replaced: bool
) -> None:
    old = certificate_until(KEY, NOW + 20 * DAY, name="Client CA", is_authority=True)
    trust(cast, pem_of(old, certificate_until(key, NOW + HORIZON + DAY, name=name, is_authority=True)))

    assert [ending.is_replaced for ending in expiries(NOW)] == [is_replaced]


def test_a_client_ca_certificate_that_vouches_for_nobody_is_not_named(cast: Cast) -> None:
    pem = pem_of(certificate_until(KEY, NOW + DAY, is_authority=True))
    trust(cast, pem, methods=["client_secret_basic"])
    assert expiries(NOW) == ()
    trust(cast, pem)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(is_active=False)
    assert expiries(NOW) == ()


def test_a_text_that_is_no_certificate_keeps_no_other_ending_from_being_reported(cast: Cast) -> None:
    trust(cast, "no PEM")
    RelyingParty.objects.filter(pk=cast.billing.pk).update(valid_until=NOW + DAY)
    assert [ending.kind for ending in expiries(NOW)] == [Kind.RELYING_PARTY]
