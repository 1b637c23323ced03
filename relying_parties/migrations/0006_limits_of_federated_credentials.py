"""Credentials that are there keep the lifetimes that their tokens have: the cap is on for new ones only."""

from typing import ClassVar

from django.db import migrations, models

CAP = {
    "verbose_name": "cap the lifetime of access tokens",
    "help_text": "An access token ends when the token that proved the relying party ends, if not before.",
}
SINGLE_USE = {
    "verbose_name": "single use",
    "help_text": "Take each token once, by its jti. For platforms that make a new token for each request.",
}
MODELS = ("federatedcredential", "historicalfederatedcredential")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("relying_parties", "0005_invariants_of_a_registration")]

    operations: ClassVar = [
        *(
            migrations.AddField(model, "caps_token_lifetime", models.BooleanField(default=False, **CAP))
            for model in MODELS
        ),
        *(
            migrations.AlterField(model, "caps_token_lifetime", models.BooleanField(default=True, **CAP))
            for model in MODELS
        ),
        *(
            migrations.AddField(model, "is_single_use", models.BooleanField(default=False, **SINGLE_USE))
            for model in MODELS
        ),
    ]
