"""Workloads that prove themselves by a token of another issuer, and need no stored secret (RFC 7521, RFC 7523)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from formats.json_value import json_problem
from formats.patterns import compiled_pattern, pattern_problem
from issuers.models import Issuer, days
from issuers.seconds import Seconds, at_least, at_most
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.jwks.client_keys import client_jwks_problem
from relying_parties.models.relying_party import RelyingParty
from relying_parties.models.resource_server import is_identifier
from runtime.outbound.fetch_tokens import token_name_problem
from runtime.outbound.remote_url import issuer_problem, url_problem

STRANGERS = (
    "stranger",
    "0" * 40,
    "x" * 40,
    "repo:stranger/stranger:ref:refs/heads/main",
    "project_path:stranger/stranger:ref_type:branch:ref:main",
    "system:serviceaccount:stranger:stranger",
    "spiffe://stranger.example/stranger",
    "https://stranger.example/stranger",
)
"""Example subjects that a pattern must not match: if it does, it matches what a stranger can get."""


class KeysFrom(models.TextChoices):
    DISCOVERY = "discovery", "discovery: the issuer URL's own metadata"
    JWKS_URI = "jwks_uri", "a JWKS URI"
    JWKS = "jwks", "a JWKS pasted here"


class TrustedIssuer(ConfigurationModel):
    """Another issuer whose tokens may prove relying parties: a cluster, a CI system, a cloud."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="trusted_issuers")
    name = models.CharField(max_length=100)
    issuer_url = models.CharField(
        "issuer URL", max_length=500, validators=[is_identifier],
        help_text="The value of iss in its tokens, to the letter.",
    )  # fmt: skip
    keys_from = models.CharField(max_length=10, choices=KeysFrom.choices, default=KeysFrom.DISCOVERY)
    jwks_uri = models.CharField(
        "JWKS URI", max_length=2048, blank=True, default="", help_text="Where its keys are, if not by discovery."
    )  # fmt: skip
    jwks = models.JSONField(
        "JWKS", null=True, blank=True, help_text="Its public keys, where this server cannot fetch them."
    )
    fetch_token_file = models.CharField(
        "token file", max_length=100, blank=True, default="",
        help_text="Name of the file with the bearer token to send when its keys are fetched, such as token. The server "
        "reads it in FETCH_TOKEN_DIRECTORY, in the directory named like the host. Empty: no token is sent.",
    )  # fmt: skip
    audience = models.CharField(
        max_length=500, blank=True, default="", validators=[is_identifier],
        help_text="The one value of aud in its tokens. Empty: this issuer's URL.",
    )  # fmt: skip
    max_assertion_lifetime = Seconds(
        default=days(1), validators=[at_least(1), at_most(days(366))],
        help_text="A token that ends later than this from now is refused.",
    )  # fmt: skip
    is_active = models.BooleanField(
        "active", default=True, help_text="While it is not, its tokens prove nobody."
    )

    history = configuration_history()

    class Meta:
        ordering = ["issuer", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "name"], name="trusted_issuer_name_once",
                violation_error_message="The issuer has a trusted issuer of this name.",
            ),
            models.UniqueConstraint(
                fields=["issuer", "issuer_url"], name="trusted_issuer_url_once",
                violation_error_message="The issuer trusts this URL already.",
            ),
            models.CheckConstraint(
                condition=Q(keys_from=KeysFrom.DISCOVERY, jwks_uri="", jwks__isnull=True)
                | Q(keys_from=KeysFrom.JWKS_URI, jwks__isnull=True) & ~Q(jwks_uri="")
                | Q(keys_from=KeysFrom.JWKS, jwks_uri="", jwks__isnull=False),
                name="trusted_issuer_keys_from_one_place",
                violation_error_message="Fill in the JWKS URI or the JWKS if the keys come from there, else neither.",
            ),
            models.CheckConstraint(
                condition=Q(fetch_token_file="") | ~Q(keys_from=KeysFrom.JWKS),
                name="trusted_issuer_token_is_for_fetching",
                violation_error_message="A JWKS pasted here is not fetched: leave the token file empty.",
            ),
            models.CheckConstraint(
                condition=Q(max_assertion_lifetime__gte=1, max_assertion_lifetime__lte=days(366)),
                name="trusted_issuer_assertions_live",
                violation_error_message="The greatest lifetime of an assertion is 1 second to 366 days.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def expected_audience(self) -> str:
        return self.audience or self.issuer.url

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("trusted_issuer", self.pk),)

    def clean(self) -> None:
        problems: dict[str, str] = {}
        if error := self._issuer_url_problem():
            problems["issuer_url"] = error
        if self.keys_from == KeysFrom.JWKS and (error := client_jwks_problem(self.jwks)):
            problems["jwks"] = error
        if self.keys_from == KeysFrom.JWKS_URI and self.jwks_uri and (error := url_problem(self.jwks_uri)):
            problems["jwks_uri"] = error
        if self.fetch_token_file and (error := token_name_problem(self.fetch_token_file)):
            problems["fetch_token_file"] = error
        if problems:
            raise ValidationError(problems)

    def _issuer_url_problem(self) -> str | None:
        """Tokens that were issued here prove no client: their holder would be the client that they were issued to."""
        if self._is_own():
            return "It is this server's own: its access tokens prove nobody here."
        is_fetched = self.issuer_url and self.keys_from == KeysFrom.DISCOVERY
        return issuer_problem(self.issuer_url) if is_fetched else None

    def _is_own(self) -> bool:
        return self.issuer_url == settings.PUBLIC_URL or self.issuer_url.startswith(f"{settings.PUBLIC_URL}/")

    def refuse_own_url(self) -> None:
        """Raises ValidationError: the server's URL may have become this one since the row was saved."""
        if self._is_own():
            raise ValidationError(f"the trusted issuer {self} is this server itself")


class FederatedCredential(ConfigurationModel):
    """Which tokens of a trusted issuer prove a relying party: a subject, and claims with these values."""

    relying_party = models.ForeignKey(
        RelyingParty, on_delete=models.CASCADE, related_name="federated_credentials", verbose_name="client"
    )
    trusted_issuer = models.ForeignKey(
        TrustedIssuer, on_delete=models.PROTECT, related_name="federated_credentials"
    )
    label = models.CharField(max_length=100)
    subject = models.CharField(
        max_length=1000, help_text="The value of sub, such as system:serviceaccount:prod:billing."
    )
    subject_is_pattern = models.BooleanField(
        "subject is a pattern", default=False,
        help_text="Read the subject as a regular expression (RE2) that matches the whole value of sub.",
    )  # fmt: skip
    claims = models.JSONField(
        "pinned claims", default=dict, blank=True,
        help_text="Further claims that the token must have with these values, as a JSON object.",
    )  # fmt: skip
    caps_token_lifetime = models.BooleanField(
        "cap the lifetime of access tokens", default=True,
        help_text="An access token ends when the token that proved the client ends, if not before.",
    )  # fmt: skip
    is_single_use = models.BooleanField(
        "single use", default=False,
        help_text="Take each token once, by its jti. For platforms that make a new token for each request.",
    )  # fmt: skip

    history = configuration_history()

    class Meta:
        ordering = ["relying_party", "label"]
        constraints = [
            models.UniqueConstraint(
                fields=["relying_party", "label"], name="federated_credential_label_once",
                violation_error_message="The client has a federated credential of this label.",
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="federated_credential_has_subject"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.label

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("relying_party", self.relying_party_id),)

    def clean(self) -> None:
        problems: dict[str, str] = {}
        if self.subject_is_pattern and (error := self._pattern_problem()):
            problems["subject"] = error
        if error := pinned_claims_problem(self.claims):
            problems["claims"] = error
        if self.relying_party_id and self.trusted_issuer_id and self._is_of_another_issuer():
            problems["trusted_issuer"] = "It belongs to another issuer."
        if problems:
            raise ValidationError(problems)

    def _is_of_another_issuer(self) -> bool:
        return self.trusted_issuer.issuer_id != self.relying_party.issuer_id

    def _pattern_problem(self) -> str | None:
        if error := pattern_problem(self.subject):
            return error
        pattern = compiled_pattern(self.subject)
        if stranger := next((each for each in STRANGERS if pattern.fullmatch(each)), None):
            return f"It matches a stranger's subject too, such as {stranger}: name what the workload cannot choose."
        return None


MAX_DEPTH = 8
OWN_CHECKS = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat"})


def pinned_claims_problem(claims: Any) -> str | None:
    """What is wrong with pinned claims, None if nothing is."""
    if not isinstance(claims, dict):
        return 'A JSON object, such as {"repository_owner_id": "123"}.'
    if found := sorted(OWN_CHECKS & claims.keys()):
        return f"Checked already, cannot be pinned: {', '.join(found)}."
    if problem := json_problem(claims, longest=4_096):
        return problem
    return None if _is_within(MAX_DEPTH, claims) else f"Nested deeper than {MAX_DEPTH}."


def _is_within(levels: int, value: Any) -> bool:
    """Whether objects and lists are nested at most so many levels deep."""
    if not isinstance(value, dict | list):
        return True
    members = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_within(levels - 1, member) for member in members)
