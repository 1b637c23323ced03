"""Who may ask."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.text import capfirst
from oauth2_provider.models import AbstractApplication

from issuers.models import Issuer, SigningAlg, TokenEndpointAuthMethod
from issuers.seconds import Seconds, at_least
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.models.claim_template import ClaimTemplate
from relying_parties.validation.issuer_limits import limit_problems
from relying_parties.validation.registration import KINDS_OF_KEYS, registration_problems

is_client_id = RegexValidator(
    re.compile(r"\A[\x21-\x7E]+\Z"), "Printable ASCII without spaces (RFC 6749 appendix A.1)."
)


SUBJECT_TEXTS = (
    "tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_email",
)  # fmt: skip


def one_subject() -> Q:
    """Exactly one name of the certificate is registered (RFC 8705 section 2.1.2)."""
    no_texts = Q(**dict.fromkeys(SUBJECT_TEXTS, ""))
    one = no_texts & Q(tls_client_auth_san_ip__isnull=False)
    for name in SUBJECT_TEXTS:
        others = Q(**{other: "" for other in SUBJECT_TEXTS if other != name})
        one |= others & ~Q(**{name: ""}) & Q(tls_client_auth_san_ip__isnull=True)
    return one


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
        help_text="The one method that this client uses (RFC 7591 section 2).",
    )  # fmt: skip
    client_jwks = models.JSONField(
        "client JWKS", null=True, blank=True,
        help_text="Its public keys, as a JWK Set; for self_signed_tls_client_auth each with its certificate (x5c).",
    )  # fmt: skip
    client_jwks_uri = models.URLField(
        "client JWKS URI", max_length=2048, blank=True, default="",
        help_text="Where its public keys are, instead: https only.",
    )  # fmt: skip
    accepts_token_endpoint_audience = models.BooleanField(
        default=False,
        help_text="Take assertions whose audience is the token endpoint too, as older clients write them.",
    )
    tls_client_auth_subject_dn = models.CharField(
        "certificate subject DN", max_length=1024, blank=True, default="",
        help_text="For tls_client_auth one of these: its certificate's subject, such as CN=billing,O=Example,",
    )  # fmt: skip
    tls_client_auth_san_dns = models.CharField(
        "certificate DNS name", max_length=255, blank=True, default="", help_text="or a DNS name that it holds,"
    )  # fmt: skip
    tls_client_auth_san_uri = models.CharField(
        "certificate URI", max_length=2048, blank=True, default="", help_text="or a URI, such as a SPIFFE ID,"
    )  # fmt: skip
    tls_client_auth_san_ip = models.GenericIPAddressField(
        "certificate IP address", null=True, blank=True, help_text="or an IP address,"
    )
    tls_client_auth_san_email = models.CharField(
        "certificate email address", max_length=320, blank=True, default="", help_text="or an email address."
    )  # fmt: skip
    tls_client_certificate_bound_access_tokens = models.BooleanField(
        "certificate-bound tokens", default=False,
        help_text="Bind its tokens to the TLS client certificate, which each request must then bring (RFC 8705).",
    )  # fmt: skip
    dpop_bound_access_tokens = models.BooleanField(
        "DPoP required", default=False, help_text="Refuse a request without a DPoP proof (RFC 9449 section 5.2)."
    )  # fmt: skip
    claim_template = models.ForeignKey(
        ClaimTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="relying_parties",
        help_text="Empty: the fixed claims only.",
    )  # fmt: skip
    access_token_ttl = Seconds(
        "access token TTL", null=True, blank=True, validators=[at_least(1)],
        help_text="Empty: the issuer's default.",
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
        null=True, blank=True, help_text="Record a trace of each request until this time, credentials masked."
    )

    history = configuration_history()

    class Meta(AbstractApplication.Meta):
        abstract = False
        verbose_name = "client"
        ordering = ["issuer", "client_id"]
        permissions = [("try_relyingparty", "Can get a test token as a client")]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "client_id"], name="client_id_once_per_issuer",
                violation_error_message="The issuer has a client of this client ID.",
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
            models.CheckConstraint(
                condition=Q(client_jwks__isnull=True) | Q(client_jwks_uri=""), name="client_keys_from_one_place",
                violation_error_message="Its keys are registered or fetched, not both (RFC 7591 section 2).",
            ),
            models.CheckConstraint(
                condition=~Q(token_endpoint_auth_method__in=tuple(KINDS_OF_KEYS))
                | Q(client_jwks__isnull=False) | ~Q(client_jwks_uri=""),
                name="client_has_the_keys_of_its_method",
                violation_error_message="Its method needs its public keys: a JWK Set here, or the URI where they are.",
            ),
            models.CheckConstraint(
                condition=~Q(token_endpoint_auth_method=TokenEndpointAuthMethod.TLS_CLIENT_AUTH) | one_subject(),
                name="client_has_one_certificate_subject",
                violation_error_message="tls_client_auth needs exactly one name of its certificate.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or self.client_id

    @property
    def topics(self) -> tuple[str, ...]:
        return (
            topic("relying_party", self.pk),
            topic("relying_parties", self.issuer_id),
            topic("registered", self.issuer_id, self.client_id),
        )

    def clean(self) -> None:
        """AbstractApplication's own `clean` is about fields that are not here."""
        problems: dict[str, str] = {}
        if self._identity_moved():
            problems["client_id"] = (
                "Issuer and client ID are fixed: secrets are bound to them. Make a new one."
            )
        if error := networks_problem(self.allowed_networks):
            problems["allowed_networks"] = error
        if self.issuer_id:
            problems |= {field: capfirst(problem) for field, problem in limit_problems(self).items()}
        is_on = "token_endpoint_auth_method" not in problems
        if is_on and self.token_endpoint_auth_method in TokenEndpointAuthMethod.values:
            problems |= registration_problems(self)
        if problems:
            raise ValidationError(problems)

    def _identity_moved(self) -> bool:
        if self.pk is None:
            return False
        same = RelyingParty.objects.filter(pk=self.pk, issuer_id=self.issuer_id, client_id=self.client_id)
        return not same.exists()


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
