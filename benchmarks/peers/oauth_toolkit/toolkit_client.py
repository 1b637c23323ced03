"""Make the database and its one client, for the settings of PEER_FORM. Environment: PEER_SECRET."""

import os

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - after the settings are made
    from oauth2_provider.models import Application  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    Application.objects.create(
        client_id="bench",
        client_secret=os.environ["PEER_SECRET"],
        hash_client_secret=os.environ["PEER_FORM"] != "lean",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        name="Benchmark",
    )


if __name__ == "__main__":
    main()
