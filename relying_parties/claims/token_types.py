"""The type of a token: its header typ (RFC 9068 section 2.1, RFC 7519 section 5.1)."""

from django.db.models import TextChoices


class TokenType(TextChoices):
    AT_JWT = "at+jwt", "at+jwt"
    JWT = "JWT", "JWT"
