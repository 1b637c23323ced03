"""Who may ask, and for what."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Any

import re2
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from oauth2_provider.models import AbstractApplication

from issuers.configuration import ConfigurationModel
from issuers.history import configuration_history
from issuers.models import Issuer, SigningAlg, TokenEndpointAuthMethod
from relying_parties.claim_template import CREDENTIAL_PARAMETERS, claims_problems, headers_problems
from relying_parties.client_secrets import SecretSnapshot

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+\Z")
"""RFC 6749 section 3.3."""

is_client_id = RegexValidator(
    re.compile(r"\A[\x21-\x7E]+\Z"), "Printable ASCII without spaces (RFC 6749 appendix A.1)."
)
is_identifier = RegexValidator(re.compile(r"\A[\x21-\x7E]+\Z"), "Printable ASCII without spaces.")
is_description = RegexValidator(
    re.compile(r"\A[\x20-\x21\x23-\x5B\x5D-\x7E]+\Z"), 'ASCII without " and \\ (RFC 6749 section 5.2).'
)
is_parameter = RegexValidator(
    re.compile(r"\A[A-Za-z0-9_.-]+\Z"), "Letters, digits, underscore, dot and hyphen."
)


def scopes_problem(scopes: Any) -> str | None:
    """What is wrong with a list of scopes, None if nothing is."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return 'A JSON list of strings, such as ["invoices.read"].'
    if bad := [scope for scope in scopes if not SCOPE_TOKEN.match(scope)]:
        return f'Not a scope (ASCII without spaces, " and \\): {bad[0]!r}.'
    if len(set(scopes)) < len(scopes):
        return "A scope stands twice."
    return None


class ClaimTemplate(ConfigurationModel):
    """Claims and headers of an access token, with `${...}` placeholders; many relying parties may use one."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    claims = models.JSONField(
        default=dict, blank=True,
        help_text='A JSON object, such as {"sub": "${client.client_id}", "region": "${globals.region}"}.',
    )  # fmt: skip
    headers = models.JSONField(default=dict, blank=True, help_text="Further members of the JOSE header.")
    with_x5t = models.BooleanField(
        "x5t header", default=False, help_text="Put the certificate's SHA-1 in the header."
    )
    with_x5c = models.BooleanField(
        "x5c header", default=False, help_text="Put the certificate chain in the header."
    )

    history = configuration_history()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        problems = {"claims": claims_problems(self.claims), "headers": headers_problems(self.headers)}
        if any(problems.values()):
            raise ValidationError({field: found for field, found in problems.items() if found})


class RelyingParty(ConfigurationModel, AbstractApplication):
    """A service that may ask for tokens: an OAuth client of one issuer."""

    # What only a browser flow, or a single stored secret, needs.
    redirect_uris = post_logout_redirect_uris = allowed_origins = skip_authorization = None  # type: ignore[assignment]
    algorithm = client_secret = hash_client_secret = None  # type: ignore[assignment]
    registration_source = cimd_expires_at = user = None  # type: ignore[assignment]

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="relying_parties")
    client_id = models.CharField(
        "client ID", max_length=255, validators=[is_client_id], help_text="Fixed: secrets are bound to it."
    )
    name = models.CharField(max_length=255)
    client_type = models.CharField(
        max_length=32, choices=AbstractApplication.CLIENT_TYPES, default=AbstractApplication.CLIENT_CONFIDENTIAL,
        editable=False,
    )  # fmt: skip
    authorization_grant_type = models.CharField(
        max_length=44, choices=AbstractApplication.GRANT_TYPES,
        default=AbstractApplication.GRANT_CLIENT_CREDENTIALS, editable=False,
    )  # fmt: skip
    description = models.TextField(blank=True)
    contact = models.CharField(max_length=255, blank=True, help_text="Whom to call: a team, an address.")
    is_active = models.BooleanField("active", default=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    token_endpoint_auth_method = models.CharField(
        "authentication method", max_length=64, choices=TokenEndpointAuthMethod.choices,
        default=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC,
        help_text="The one method that this relying party uses (RFC 7591 section 2).",
    )  # fmt: skip
    client_jwks = models.JSONField("client JWKS", null=True, blank=True)
    client_jwks_uri = models.URLField("client JWKS URI", max_length=2048, blank=True, default="")
    claim_template = models.ForeignKey(
        ClaimTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="relying_parties",
        help_text="Empty: the fixed claims only.",
    )  # fmt: skip
    access_token_ttl = models.PositiveIntegerField(
        "access token TTL", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Seconds. Empty: the issuer's default.",
    )  # fmt: skip
    signing_alg = models.CharField(
        "signing algorithm", max_length=10, choices=SigningAlg.choices, blank=True, default="",
        help_text="Empty: the issuer's.",
    )  # fmt: skip
    allowed_networks = models.JSONField(
        default=list, blank=True, help_text='CIDRs from which it may ask, such as ["10.0.0.0/8"]. Empty: any.'
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: no limit."
    )
    trace_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then each request's course is kept, credentials masked."
    )

    history = configuration_history()

    class Meta(AbstractApplication.Meta):
        abstract = False
        verbose_name_plural = "relying parties"
        ordering = ["issuer", "client_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "client_id"], name="client_id_once_per_issuer",
                violation_error_message="The issuer has a relying party of this client ID.",
            ),
            models.CheckConstraint(
                condition=Q(client_type=AbstractApplication.CLIENT_CONFIDENTIAL), name="client_is_confidential"
            ),
            models.CheckConstraint(
                condition=Q(authorization_grant_type=AbstractApplication.GRANT_CLIENT_CREDENTIALS),
                name="client_uses_client_credentials",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="valid_from_before_valid_until",
                violation_error_message="Valid from must be before valid until.",
            ),
            models.CheckConstraint(
                condition=Q(access_token_ttl__isnull=True) | Q(access_token_ttl__gte=1), name="client_ttl_positive"
            ),
            models.CheckConstraint(
                condition=Q(token_endpoint_auth_method__in=TokenEndpointAuthMethod.values), name="client_known_method"
            ),
            models.CheckConstraint(
                condition=Q(signing_alg="") | Q(signing_alg__in=SigningAlg.values), name="client_known_alg"
            ),
            models.CheckConstraint(
                condition=Q(requests_per_minute__isnull=True) | Q(requests_per_minute__gte=1),
                name="client_quota_positive",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or self.client_id

    def clean(self) -> None:
        """AbstractApplication's own `clean` is about fields that are not here."""
        problems: dict[str, str] = {}
        if self._identity_moved():
            problems["client_id"] = (
                "Issuer and client ID are fixed: secrets are bound to them. Make a new one."
            )
        if error := networks_problem(self.allowed_networks):
            problems["allowed_networks"] = error
        if self.issuer_id and (error := self._ttl_problem()):
            problems["access_token_ttl"] = error
        if self.issuer_id and self.token_endpoint_auth_method not in self.issuer.token_endpoint_auth_methods:
            on = ", ".join(self.issuer.token_endpoint_auth_methods)
            problems["token_endpoint_auth_method"] = f"Off at this issuer, where these are on: {on}."
        if problems:
            raise ValidationError(problems)

    def _identity_moved(self) -> bool:
        if self.pk is None:
            return False
        same = RelyingParty.objects.filter(pk=self.pk, issuer_id=self.issuer_id, client_id=self.client_id)
        return not same.exists()

    def _ttl_problem(self) -> str | None:
        greatest = self.issuer.max_access_token_ttl
        if self.access_token_ttl is None or self.access_token_ttl <= greatest:
            return None
        return f"{self.access_token_ttl} seconds is more than the issuer's greatest TTL, {greatest}."


class ResourceServer(ConfigurationModel):
    """An API that takes the tokens: a value of `aud` and the scopes it knows (RFC 8707, RFC 9068)."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="resource_servers")
    identifier = models.CharField(
        max_length=255, validators=[is_identifier], help_text="The value of aud: a name or a URI."
    )
    name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list, blank=True, help_text='A JSON list, such as ["invoices.read"].')

    history = configuration_history()

    class Meta:
        ordering = ["issuer", "identifier"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "identifier"], name="identifier_once_per_issuer",
                violation_error_message="The issuer has a resource server of this identifier.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or self.identifier

    def clean(self) -> None:
        if error := scopes_problem(self.scopes):
            raise ValidationError({"scopes": error})


class AccessGrant(ConfigurationModel):
    """What a relying party may ask for at one resource server."""

    relying_party = models.ForeignKey(RelyingParty, on_delete=models.CASCADE, related_name="grants")
    resource_server = models.ForeignKey(ResourceServer, on_delete=models.PROTECT, related_name="grants")
    scopes = models.JSONField(
        default=list, blank=True, help_text="Some or all of the resource server's scopes."
    )
    is_default = models.BooleanField(
        "default", default=False, help_text="Used when a request names no resource."
    )

    history = configuration_history()

    class Meta:
        ordering = ["relying_party", "resource_server"]
        constraints = [
            models.UniqueConstraint(
                fields=["relying_party", "resource_server"], name="one_grant_per_resource_server",
                violation_error_message="There is a grant for this resource server.",
            ),
            models.UniqueConstraint(
                fields=["relying_party"], condition=Q(is_default=True), name="one_default_grant",
                violation_error_message="Another grant is the default.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.relying_party} at {self.resource_server}"

    def clean(self) -> None:
        if error := scopes_problem(self.scopes):
            raise ValidationError({"scopes": error})
        if self.resource_server_id is None or self.relying_party_id is None:
            return
        if unknown := sorted(set(self.scopes) - set(self.resource_server.scopes)):
            raise ValidationError({"scopes": f"{self.resource_server} does not know {', '.join(unknown)}."})
        if self.resource_server.issuer_id != self.relying_party.issuer_id:
            raise ValidationError({"resource_server": "It belongs to another issuer."})


class ClientSecret(ConfigurationModel):
    """One secret of a relying party; several may be live, so that a rotation overlaps. Only a digest is kept."""

    relying_party = models.ForeignKey(RelyingParty, on_delete=models.CASCADE, related_name="secrets")
    label = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=100, unique=True, editable=False)
    hint = models.CharField(max_length=4, blank=True, editable=False, help_text="Its last four characters.")
    chosen = models.BooleanField(default=False, editable=False, help_text="A person chose it: replace it.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    history = configuration_history(excluded_fields=("digest",))

    class Meta:
        ordering = ["relying_party", "-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(chosen=False) | Q(hint=""), name="chosen_secret_no_hint")
        ]

    def __str__(self) -> str:
        return self.label or f"secret {self.pk}"

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.snapshot.is_live(now)

    @property
    def snapshot(self) -> SecretSnapshot:
        return SecretSnapshot(id=self.pk, digest=self.digest, chosen=self.chosen, expires_at=self.expires_at)


class RequestRule(ConfigurationModel):
    """A request parameter that must match, or the request is refused."""

    relying_party = models.ForeignKey(RelyingParty, on_delete=models.CASCADE, related_name="rules")
    parameter = models.CharField(max_length=64, validators=[is_parameter])
    regex = models.CharField(
        "regular expression", max_length=500,
        help_text="RE2 syntax, matched against the whole value; a parameter that is missing counts as empty.",
    )  # fmt: skip
    message = models.CharField(
        max_length=200, validators=[is_description], help_text="The error_description of the refusal."
    )

    history = configuration_history()

    class Meta:
        ordering = ["relying_party", "parameter"]

    def __str__(self) -> str:
        return f"{self.parameter} of {self.relying_party}"

    def clean(self) -> None:
        if self.parameter in CREDENTIAL_PARAMETERS:
            raise ValidationError({"parameter": "A rule cannot read a credential."})
        try:
            re2.compile(self.regex, _quiet())
        except re2.error as error:
            text = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise ValidationError({"regex": f"RE2 cannot use it: {text}."}) from error


class CredentialUse(models.Model):
    """When a credential last proved its client; `maintain` writes it from the record. No history, no revision."""

    credential = models.CharField(max_length=100, unique=True)
    last_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_used_at"]

    def __str__(self) -> str:
        return self.credential


def networks_problem(networks: Any) -> str | None:
    """What is wrong with a list of CIDRs, None if nothing is."""
    if not isinstance(networks, list) or not all(isinstance(network, str) for network in networks):
        return 'A JSON list of CIDRs, such as ["10.0.0.0/8"].'
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            return f"Not a CIDR: {error}."
    return None


def _quiet() -> Any:
    """RE2's options without its own lines on standard error."""
    options = re2.Options()
    options.log_errors = False
    return options
