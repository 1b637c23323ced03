"""A file that imports a key while others change the keys of that issuer: one after another, and nobody is shut out."""

from contextlib import suppress

import pytest
from django.utils import timezone

from configuration.reading.problems import InvalidConfigurationError
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import announce_successor
from keys.models import SigningKey
from tests.configuration.files import applied
from tests.configuration.key_files import p256, pem
from tests.support.at_once import all_at_once
from tests.support.cast import Cast


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Renamed", "Renamed again"])
def test_a_file_and_a_rotation_at_once_end_with_one_successor(cast: Cast, name: str) -> None:
    text = f"issuers: [{{path: other, name: {name}}}]\nsigning_keys: [{{issuer: other, pem: {{env: PEM}}}}]"
    environment = {"PEM": pem(p256()).decode()}

    def apply_file() -> None:
        # A key that another announced meanwhile is a fair refusal.
        with suppress(InvalidConfigurationError):
            applied(text, environment=environment)

    all_at_once(
        apply_file,
        apply_file,
        lambda: announce_successor(cast.other_key, now=timezone.now()),
        lambda: revoke(cast.other_key, now=timezone.now()),
    )

    assert SigningKey.objects.filter(predecessor=cast.other_key).count() == 1
