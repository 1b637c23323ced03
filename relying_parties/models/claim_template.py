"""What a relying party's tokens say, beside the fixed claims."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.claims.language import claims_problems, headers_problems


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

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("claim_template", self.pk),)

    def clean(self) -> None:
        problems = {"claims": claims_problems(self.claims), "headers": headers_problems(self.headers)}
        if any(problems.values()):
            raise ValidationError({field: found for field, found in problems.items() if found})
