"""The one way to change the identifier of a resource server that is granted: on purpose, and with a reason."""

from relying_parties.models import ResourceServer


def rename(server: ResourceServer, *, identifier: str, reason: str) -> None:
    """Every token for it carries the new identifier as aud from now on. The reason stands in the history.

    Raises ValidationError.
    """
    server.identifier = identifier
    server.is_renamed_on_purpose = True
    server._change_reason = reason  # type: ignore[attr-defined]  # noqa: SLF001
    server.checked().save()
