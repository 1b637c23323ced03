"""Who we are."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from formats.origins import origins_problem
from issuers.assertion_algs import algs_problem, all_algs
from issuers.auth_methods import default_methods, methods_problem
from issuers.client_authorities import ca_certificates_problem
from issuers.metadata import extra_metadata_problem
from issuers.seconds import Seconds, at_least, at_most
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic

RESERVED_PATHS = (
    "api", "admin", "static", "media", "accounts", "management", "authorize", "token", "jwks", "introspect", "revoke",
    "audit", "livez", "readyz", "metrics",
)  # fmt: skip

CLOCK_SKEW = timedelta(seconds=60)
"""How far the clocks of two parties may differ."""

is_slug = RegexValidator(re.compile(r"\A[A-Za-z0-9_-]+\Z"), "Letters, digits, hyphens and underscores only.")


class SigningAlg(models.TextChoices):
    """RFC 7518 section 3.1, RFC 8037."""

    RS256 = "RS256", "RS256"
    PS256 = "PS256", "PS256"
    ES256 = "ES256", "ES256"
    ES384 = "ES384", "ES384"
    EDDSA = "EdDSA", "EdDSA"


def days(number: int) -> int:
    return number * 86_400


AT_MOST_TEN_YEARS = at_most(days(3660))
"""Instants computed from a longer period are outside the calendar."""


class Issuer(ConfigurationModel):
    """One OpenID Provider: a URL, its keys, its relying parties. Durations are in seconds."""

    path = models.CharField(
        max_length=100, unique=True, blank=True, validators=[is_slug],
        help_text="The last part of the issuer's URL; empty for the one root issuer. Fixed once a key exists.",
    )  # fmt: skip
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(
        "active", default=True, help_text="An inactive issuer issues nothing; its JWKS is still served."
    )
    signing_alg = models.CharField(
        "signing algorithm", max_length=10, choices=SigningAlg.choices, default=SigningAlg.RS256,
        help_text="Can be changed to an algorithm that has an active key.",
    )  # fmt: skip
    token_endpoint_auth_methods = models.JSONField(
        default=default_methods,
        help_text="The methods that are on. A client's method must be one of them.",
    )
    allow_missing_grant_type = models.BooleanField(
        default=False,
        help_text="Take a request without grant_type as client_credentials. RFC 6749 requires it.",
    )
    client_ca_certificates = models.TextField(
        "client CA certificates", blank=True, default="",
        help_text="In PEM: who issues the certificates that prove clients of tls_client_auth (RFC 8705 section 2.1).",
    )  # fmt: skip
    accepts_dpop = models.BooleanField(
        "accepts DPoP", default=False,
        help_text="Bind a token to the key of a DPoP proof that comes with the request (RFC 9449).",
    )  # fmt: skip
    token_endpoint_auth_signing_alg_values_supported = models.JSONField(
        "algorithms of client assertions", default=all_algs,
        help_text="With which a client assertion may be signed. FAPI 2.0 accepts PS256, ES256 and EdDSA.",
    )  # fmt: skip
    dpop_signing_alg_values_supported = models.JSONField(
        "algorithms of DPoP proofs", default=all_algs, help_text="With which a DPoP proof may be signed."
    )
    default_access_token_ttl = Seconds(
        default=3600,
        validators=[at_least(1)],
        help_text="How long a token lives, unless its client says otherwise.",
    )
    max_access_token_ttl = Seconds(
        default=days(1), validators=[at_least(1), at_most(days(366))],
        help_text="No client's tokens live longer.",
    )  # fmt: skip
    iat_backdating = Seconds(
        "set back iat by", default=0, validators=[at_most(60)],
        help_text="At most 1 min. For APIs whose clocks are slow and whose libraries allow no leeway.",
    )  # fmt: skip
    max_client_secret_age = Seconds(
        "greatest age of client secrets", null=True, blank=True,
        validators=[at_least(1), AT_MOST_TEN_YEARS],
        help_text="A secret ends so long after it was made. Empty: it may live until it is revoked.",
    )  # fmt: skip
    advertises_authorization_endpoint = models.BooleanField(
        "advertises an authorization endpoint", default=True,
        help_text="Some client libraries refuse a discovery document without one. The endpoint refuses every request.",
    )  # fmt: skip
    cors_origins = models.JSONField(
        "origins that may read tokens", default=list, blank=True,
        help_text="Origins of browser applications that may ask for tokens (CORS), such as https://app.example. "
        "Empty: none. The public documents may be read from every origin.",
    )  # fmt: skip
    allows_test_tokens = models.BooleanField(
        "allows test tokens", default=True,
        help_text="Let operators try its clients in the console: a token of at most a minute, recorded as a test.",
    )  # fmt: skip
    metadata_max_age = Seconds(
        default=0, validators=[at_most(days(7))],
        help_text="How long the discovery document may be cached; 0 is no-store.",
    )  # fmt: skip
    jwks_max_age = Seconds(
        default=300,
        validators=[at_most(days(7))],
        help_text="How long the JWKS may be cached.",
    )
    old_copies_until = models.DateTimeField(
        null=True, blank=True, editable=False,
        help_text="Set when jwks_max_age is lowered: copies with the old age may live until then.",
    )  # fmt: skip
    rotation_period = Seconds(
        default=days(90), validators=[AT_MOST_TEN_YEARS], help_text="How long a key signs."
    )
    announce_period = Seconds(
        default=days(14),
        validators=[AT_MOST_TEN_YEARS],
        help_text="How long a key is published before it signs.",
    )
    retire_period = Seconds(
        default=days(2),
        validators=[AT_MOST_TEN_YEARS],
        help_text="How long a key is published after its last signature.",
    )
    extra_metadata = models.JSONField(
        default=dict, blank=True, help_text="Further members of the discovery document, as a JSON object."
    )

    history = configuration_history()

    class Meta:
        ordering = ["path"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(path__in=RESERVED_PATHS), name="issuer_path_not_reserved",
                violation_error_message="This path is reserved.",
            ),
            models.CheckConstraint(
                condition=Q(default_access_token_ttl__gte=1, default_access_token_ttl__lte=F("max_access_token_ttl")),
                name="issuer_default_ttl_within_max",
                violation_error_message="The default TTL must be at least 1 second and at most the greatest TTL.",
            ),
            models.CheckConstraint(condition=Q(signing_alg__in=SigningAlg.values), name="issuer_known_alg"),
            models.CheckConstraint(condition=Q(iat_backdating__lte=60), name="issuer_iat_backdating_within_skew"),
            models.CheckConstraint(
                condition=Q(announce_period__gte=F("jwks_max_age") + 60), name="issuer_announce_outlives_copies",
                violation_error_message="The announce period is shorter than the age of a cached JWKS.",
            ),
            models.CheckConstraint(
                condition=Q(retire_period__gte=F("max_access_token_ttl") + F("jwks_max_age") + 60),
                name="issuer_retire_outlives_tokens",
                violation_error_message="The retire period is shorter than the life of a token and a cached JWKS.",
            ),
            models.CheckConstraint(
                condition=Q(rotation_period__gte=F("announce_period")), name="issuer_rotation_after_announce",
                violation_error_message="A key must sign at least as long as its successor is announced.",
            ),
            models.CheckConstraint(
                condition=Q(max_access_token_ttl__lte=days(366)), name="issuer_tokens_end_within_a_year",
                violation_error_message="The greatest TTL is at most 366 days.",
            ),
            models.CheckConstraint(
                condition=Q(rotation_period__lte=days(3660), retire_period__lte=days(3660)),
                name="issuer_periods_within_the_calendar",
                violation_error_message="A period is at most ten years.",
            ),
            models.CheckConstraint(
                condition=Q(max_client_secret_age__isnull=True)
                | Q(max_client_secret_age__gte=1, max_client_secret_age__lte=days(3660)),
                name="issuer_secrets_live",
                violation_error_message="The greatest age of a secret is 1 second to ten years.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or self.path

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("issuer", self.pk),)

    @property
    def url(self) -> str:
        """The issuer identifier: from the settings, never from a request (RFC 8414 section 2)."""
        return f"{settings.PUBLIC_URL}/{self.path}" if self.path else str(settings.PUBLIC_URL)

    def clean(self) -> None:
        problems: dict[str, Any] = {}
        if error := methods_problem(self.token_endpoint_auth_methods):
            problems["token_endpoint_auth_methods"] = error
        pem = self.client_ca_certificates
        if pem and (error := ca_certificates_problem(pem)):
            problems["client_ca_certificates"] = error
        if error := origins_problem(self.cors_origins):
            problems["cors_origins"] = error
        if error := extra_metadata_problem(self.extra_metadata):
            problems["extra_metadata"] = error
        if self._path_moved() and self.signing_keys.exists():
            problems["path"] = "Fixed: tokens signed with this issuer's keys carry its URL."
        problems |= self._alg_problems() | self._period_problems()
        if problems:
            raise ValidationError(problems)
        self._remember_old_copies()

    def _alg_problems(self) -> dict[str, str]:
        names = ("token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported")
        return {name: problem for name in names if (problem := algs_problem(getattr(self, name)))}

    def _path_moved(self) -> bool:
        return self.pk is not None and not Issuer.objects.filter(pk=self.pk, path=self.path).exists()

    def _remember_old_copies(self) -> None:
        """After jwks_max_age was lowered, older copies of the JWKS live on: no new key may sign before they expire."""
        if self.jwks_max_age is None:
            return
        before = Issuer.objects.filter(pk=self.pk, jwks_max_age__gt=self.jwks_max_age).first()
        if before is None:
            return
        gone = timezone.now() + timedelta(seconds=before.jwks_max_age)
        self.old_copies_until = max(gone, before.old_copies_until or gone)

    def _period_problems(self) -> dict[str, str]:
        """The periods that contradict each other, in numbers."""
        values = (self.jwks_max_age, self.max_access_token_ttl, self.announce_period, self.retire_period,
                  self.rotation_period, self.default_access_token_ttl)  # fmt: skip
        if any(value is None for value in values):
            return {}
        skew = int(CLOCK_SKEW.total_seconds())
        problems = {}
        if self.announce_period < (least := self.jwks_max_age + skew):
            problems["announce_period"] = (
                f"At least {least} seconds: copies of the JWKS live {self.jwks_max_age}, clocks differ by {skew}."
            )
        if self.retire_period < (least := self.max_access_token_ttl + self.jwks_max_age + skew):
            problems["retire_period"] = (
                f"At least {least} seconds: tokens live {self.max_access_token_ttl}, copies of the JWKS "
                f"{self.jwks_max_age}, clocks differ by {skew}."
            )
        if self.rotation_period < self.announce_period:
            problems["rotation_period"] = f"At least the announce period, {self.announce_period} seconds."
        if self.default_access_token_ttl > self.max_access_token_ttl:
            problems["default_access_token_ttl"] = (
                f"At most the greatest TTL, {self.max_access_token_ttl} seconds."
            )
        return problems
