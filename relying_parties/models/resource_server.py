"""Where tokens are used: the APIs that take them, and what each relying party may ask for there."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from issuers.models import Issuer
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.claims.token_types import TokenType
from relying_parties.models.relying_party import RelyingParty

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+\Z")
"""RFC 6749 section 3.3."""

is_identifier = RegexValidator(re.compile(r"\A[\x21-\x7E]+\Z"), "Printable ASCII without spaces.")


class ResourceServer(ConfigurationModel):
    """An API that takes the tokens: a value of `aud` and the scopes it knows (RFC 8707, RFC 9068)."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="resource_servers")
    identifier = models.CharField(
        max_length=255, validators=[is_identifier], help_text="The value of aud: a name or a URI."
    )
    name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list, blank=True, help_text='A JSON list, such as ["invoices.read"].')
    token_typ = models.CharField(
        "token type (typ)", max_length=10, choices=TokenType.choices, default=TokenType.AT_JWT,
        help_text="The header typ of tokens for this API. at+jwt is the standard (RFC 9068). Choose JWT if its library "
        "refuses that, as Spring's does by default. A claim template's own typ comes before it.",
    )  # fmt: skip

    history = configuration_history()
    is_renamed_on_purpose = False
    """Set on one object by relying_parties/renaming.py alone."""

    class Meta:
        verbose_name = "API"
        ordering = ["issuer", "identifier"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "identifier"], name="identifier_once_per_issuer",
                violation_error_message="The issuer has an API of this identifier.",
            ),
            models.CheckConstraint(condition=Q(token_typ__in=TokenType.values), name="resource_server_known_typ"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or self.identifier

    @property
    def topics(self) -> tuple[str, ...]:
        return topic("resource_server", self.pk), topic("resource_servers", self.issuer_id)

    @property
    def clients_in_words(self) -> str:
        clients = self.grants.count()
        return f"{clients} client{'' if clients == 1 else 's'}"

    def clean(self) -> None:
        problems: dict[str, str] = {}
        if error := scopes_problem(self.scopes):
            problems["scopes"] = error
        if not self.is_renamed_on_purpose and self._is_renamed() and self.grants.exists():
            problems["identifier"] = (
                f"Fixed: the tokens of {self.clients_in_words} carry it as aud. The page of the API has an "
                "act that changes it."
            )
        if problems:
            raise ValidationError(problems)

    def _is_renamed(self) -> bool:
        if self.pk is None:
            return False
        return ResourceServer.objects.filter(pk=self.pk).exclude(identifier=self.identifier).exists()


class AccessGrant(ConfigurationModel):
    """What a relying party may ask for at one resource server."""

    relying_party = models.ForeignKey(
        RelyingParty, on_delete=models.CASCADE, related_name="grants", verbose_name="client"
    )
    resource_server = models.ForeignKey(
        ResourceServer, on_delete=models.PROTECT, related_name="grants", verbose_name="API"
    )
    scopes = models.JSONField(default=list, blank=True, help_text="Some or all of the API's scopes.")
    is_default = models.BooleanField(
        "default", default=False, help_text="Used when a request names no resource."
    )

    history = configuration_history()

    class Meta:
        ordering = ["relying_party", "resource_server"]
        constraints = [
            models.UniqueConstraint(
                fields=["relying_party", "resource_server"], name="one_grant_per_resource_server",
                violation_error_message="There is a grant for this API.",
            ),
            models.UniqueConstraint(
                fields=["relying_party"], condition=Q(is_default=True), name="one_default_grant",
                violation_error_message="Another grant is the default.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.relying_party} at {self.resource_server}"

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("relying_party", self.relying_party_id),)

    def clean(self) -> None:
        if error := scopes_problem(self.scopes):
            raise ValidationError({"scopes": error})
        if self.resource_server_id is None or self.relying_party_id is None:
            return
        if unknown := sorted(set(self.scopes) - set(self.resource_server.scopes)):
            raise ValidationError({"scopes": f"{self.resource_server} does not know {', '.join(unknown)}."})
        if self.resource_server.issuer_id != self.relying_party.issuer_id:
            raise ValidationError({"resource_server": "It belongs to another issuer."})


def scopes_problem(scopes: Any) -> str | None:
    """What is wrong with a list of scopes, None if nothing is."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return 'A JSON list of strings, such as ["invoices.read"].'
    if bad := [scope for scope in scopes if not SCOPE_TOKEN.match(scope)]:
        return f'Not a scope (ASCII without spaces, " and \\): {bad[0]!r}.'
    if len(set(scopes)) < len(scopes):
        return "A scope is given twice."
    return None
