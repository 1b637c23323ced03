"""What a request must hold beside its credentials."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from formats.patterns import pattern_problem
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.claims.language import CREDENTIAL_PARAMETERS
from relying_parties.models.relying_party import RelyingParty

is_description = RegexValidator(
    re.compile(r"\A[\x20-\x21\x23-\x5B\x5D-\x7E]+\Z"), 'ASCII without " and \\ (RFC 6749 section 5.2).'
)
is_parameter = RegexValidator(
    re.compile(r"\A[A-Za-z0-9_.-]+\Z"), "Letters, digits, underscore, dot and hyphen."
)


class RequestRule(ConfigurationModel):
    """A request parameter that must match, or the request is refused."""

    relying_party = models.ForeignKey(
        RelyingParty, on_delete=models.CASCADE, related_name="rules", verbose_name="client"
    )
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
        constraints = [
            models.CheckConstraint(
                condition=~Q(parameter__in=sorted(CREDENTIAL_PARAMETERS)), name="rule_reads_no_credential",
                violation_error_message="A rule cannot read a credential.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.parameter} of {self.relying_party}"

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("relying_party", self.relying_party_id),)

    def clean(self) -> None:
        if self.parameter in CREDENTIAL_PARAMETERS:
            raise ValidationError({"parameter": "A rule cannot read a credential."})
        if error := pattern_problem(self.regex):
            raise ValidationError({"regex": error})
