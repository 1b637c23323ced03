"""issuers/models: what an issuer and a global variable may be, by validation and in the database itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from pytest_django import Settings

from issuers.directory import IssuerSnapshot
from issuers.metadata import COMPUTED_MEMBERS
from issuers.models import RESERVED_PATHS, GlobalVariable, Issuer
from tests.support.cast import Cast


def problems(row: models.Model) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return caught.value.message_dict


def issuer(**values: Any) -> Issuer:
    return Issuer(**({"path": "new", "name": "New"} | values))


def test_the_url_is_the_settings_and_the_path(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://idp.example.com"
    assert issuer(path="oidc_m2m").url == "https://idp.example.com/oidc_m2m"
    assert issuer(path="").url == "https://idp.example.com"


def test_the_snapshot_has_the_same_url(cast: Cast) -> None:
    assert IssuerSnapshot.of(cast.oidc_m2m).url == cast.oidc_m2m.url


def test_there_is_one_root_issuer(cast: Cast) -> None:
    issuer(path="").checked().save()
    assert problems(issuer(path="")) == {"path": ["Issuer with this Path already exists."]}
    with pytest.raises(IntegrityError):
        issuer(path="").save()


@pytest.mark.parametrize(
    "path", ["a/b", "a b", ".well-known", "ä", "a\n", "\n", "%61", "a.b", "../x", "a" * 101, "\u202e"]
)
def test_a_path_is_a_slug(db: None, path: str) -> None:
    assert "path" in problems(issuer(path=path))


@pytest.mark.parametrize("path", RESERVED_PATHS)
def test_a_reserved_path_is_refused_by_validation_and_database(db: None, path: str) -> None:
    assert problems(issuer(path=path)) == {"__all__": ["This path is reserved."]}
    with pytest.raises(IntegrityError):
        issuer(path=path).save()


def test_the_path_is_fixed_once_a_key_exists(cast: Cast) -> None:
    cast.oidc_m2m.path = "elsewhere"
    assert problems(cast.oidc_m2m) == {
        "path": ["Fixed: tokens signed with this issuer's keys carry its URL."]
    }


def test_the_path_of_an_issuer_without_keys_may_change(cast: Cast) -> None:
    keyless = issuer().checked()
    keyless.save()
    keyless.path = "elsewhere"
    keyless.checked()


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"jwks_max_age": 600, "announce_period": 659}, "announce_period",
         "At least 660 seconds: copies of the JWKS live 600, clocks differ by 60."),
        ({"max_access_token_ttl": 7200, "jwks_max_age": 300, "retire_period": 7559}, "retire_period",
         "At least 7560 seconds: tokens live 7200, copies of the JWKS 300, clocks differ by 60."),
        ({"announce_period": 5000, "rotation_period": 4999}, "rotation_period",
         "At least the announce period, 5000 seconds."),
        ({"max_access_token_ttl": 3600, "default_access_token_ttl": 3601}, "default_access_token_ttl",
         "At most the greatest TTL, 3600 seconds."),
    ],
)  # fmt: skip
def test_periods_that_contradict_each_other_are_named_in_numbers(
    db: None, values: dict[str, int], field: str, text: str
) -> None:
    assert problems(issuer(**values))[field] == [text]
    with pytest.raises(IntegrityError):
        issuer(**values).save()


@pytest.mark.parametrize(
    "values",
    [
        {"jwks_max_age": 600, "announce_period": 660},
        {"max_access_token_ttl": 7200, "jwks_max_age": 300, "retire_period": 7560},
        {"announce_period": 5000, "rotation_period": 5000},
        {"max_access_token_ttl": 3600, "default_access_token_ttl": 3600},
    ],
)
def test_periods_that_just_fit_are_taken(db: None, values: dict[str, int]) -> None:
    issuer(**values).checked().save()


@pytest.mark.parametrize(
    "values",
    [{"signing_alg": "HS256"}, {"signing_alg": "none"}, {"signing_alg": ""}, {"default_access_token_ttl": 0},
     {"default_access_token_ttl": -1}, {"metadata_max_age": -1}, {"jwks_max_age": -1}],
)  # fmt: skip
def test_validation_and_database_refuse_alike(db: None, values: dict[str, Any]) -> None:
    assert problems(issuer(**values))
    with pytest.raises(IntegrityError):
        issuer(**values).save()


@pytest.mark.parametrize("field", ["default_access_token_ttl", "announce_period", "jwks_max_age"])
def test_a_period_that_is_missing_is_named(db: None, field: str) -> None:
    assert problems(issuer(**{field: None})) == {field: ["This field cannot be null."]}


@pytest.mark.parametrize(
    "methods",
    ["client_secret_basic", [], {}, None, ["none"], ["client_secret_jwt"], [["client_secret_basic"]],
     ["client_secret_basic", "client_secret_basic"], [1]],
)  # fmt: skip
def test_methods_are_a_list_of_those_offered(db: None, methods: Any) -> None:
    assert "token_endpoint_auth_methods" in problems(issuer(token_endpoint_auth_methods=methods))


@pytest.mark.parametrize("member", sorted(COMPUTED_MEMBERS))
def test_extra_metadata_cannot_override_a_computed_member(db: None, member: str) -> None:
    text = problems(issuer(extra_metadata={member: "x", "mine": 1}))["extra_metadata"]
    assert text == [f"Computed from the configuration, cannot be set: {member}."]


@pytest.mark.parametrize("members", [[1], "x", 1, {"x": "y" * 16_384}])
def test_extra_metadata_is_a_small_object(db: None, members: Any) -> None:
    assert "extra_metadata" in problems(issuer(extra_metadata=members))


def variable(**values: Any) -> GlobalVariable:
    return GlobalVariable(**({"name": "new", "value": 1} | values))


def test_a_variable_stands_once_per_issuer_and_once_shared(cast: Cast) -> None:
    variable(name="region", value="shared").checked().save()
    assert problems(variable(name="region")) == {"__all__": ["There is a shared variable of this name."]}
    assert problems(variable(name="region", issuer=cast.oidc_m2m)) == {
        "__all__": ["This issuer has a variable of this name."]
    }
    variable(name="region", issuer=cast.other).checked().save()
    for taken in (None, cast.oidc_m2m, cast.other):
        with pytest.raises(IntegrityError):
            variable(name="region", issuer=taken).save()


@pytest.mark.parametrize("name", ["", "1x", "a-b", "a.b", "a b", "é", "a\n", "x" * 65])
def test_a_variables_name_is_a_name(db: None, name: str) -> None:
    assert "name" in problems(variable(name=name))


def test_a_variable_is_small(db: None) -> None:
    assert problems(variable(value="x" * 8192)) == {"value": ["At most 8,192 characters of JSON."]}


NOT_STORABLE = (
    float("nan"),
    float("inf"),
    ["a", {"b": float("-inf")}],
    "\x00",
    {"\x00": 1},
    "\ud800",
    ["\udfff"],
)


@pytest.mark.parametrize("value", NOT_STORABLE, ids=ascii)
@pytest.mark.parametrize(
    ("made", "field"),
    [(lambda value: variable(value=value), "value"),
     (lambda value: issuer(extra_metadata={"x": value}), "extra_metadata")],
)  # fmt: skip
def test_what_no_database_stores_is_refused_before(
    db: None, made: Callable[[Any], models.Model], field: str, value: Any
) -> None:
    assert field in problems(made(value))
