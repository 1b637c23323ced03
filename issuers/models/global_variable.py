"""The values that the claim templates of an issuer share."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from formats.json_value import json_problem
from issuers.models.issuer import Issuer
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic

is_variable_name = RegexValidator(
    re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z"), "A letter or underscore, then letters, digits and underscores."
)


class GlobalVariable(ConfigurationModel):
    """A value that claim templates use as `${globals.NAME}`. An issuer's own wins over the shared one."""

    issuer = models.ForeignKey(
        Issuer, on_delete=models.CASCADE, null=True, blank=True, related_name="global_variables",
        help_text="Empty: for all issuers.",
    )  # fmt: skip
    name = models.CharField(max_length=64, validators=[is_variable_name])
    value = models.JSONField(help_text='JSON: "text" in quotes, a number, true, a list, an object.')

    history = configuration_history()

    class Meta:
        ordering = ["name", "issuer"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "name"], condition=Q(issuer__isnull=False), name="global_once_per_issuer",
                violation_error_message="This issuer has a variable of this name.",
            ),
            models.UniqueConstraint(
                fields=["name"], condition=Q(issuer__isnull=True), name="shared_global_once",
                violation_error_message="There is a shared variable of this name.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("global_variables", self.issuer_id or "all"),)

    def clean(self) -> None:
        if error := json_problem(self.value, longest=8_192):
            raise ValidationError({"value": error})
