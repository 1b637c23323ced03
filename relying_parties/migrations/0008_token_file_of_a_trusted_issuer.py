from typing import ClassVar

from django.db import migrations, models

TOKEN_FILE = models.CharField(
    "token file",
    blank=True,
    default="",
    max_length=100,
    help_text="Name of the file with the bearer token to send when its keys are fetched, such as token. The server "
    "reads it in FETCH_TOKEN_DIRECTORY, in the directory named like the host. Empty: no token is sent.",
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("relying_parties", "0007_check_values_of_peppers")]

    operations: ClassVar = [
        migrations.AddField("historicaltrustedissuer", "fetch_token_file", TOKEN_FILE),
        migrations.AddField("trustedissuer", "fetch_token_file", TOKEN_FILE),
        migrations.AddConstraint(
            "trustedissuer",
            models.CheckConstraint(
                condition=models.Q(("fetch_token_file", ""), models.Q(("keys_from", "jwks"), _negated=True), _connector="OR"),
                name="trusted_issuer_token_is_for_fetching",
                violation_error_message="A JWKS pasted here is not fetched: leave the token file empty.",
            ),
        ),
    ]
