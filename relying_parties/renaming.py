"""The one way to change the identifier of a resource server that is granted: on purpose, and with a reason."""

from relying_parties.models import ResourceServer


def rename(server: ResourceServer, *, identifier: str, reason: str) -> None:
    """From now on every token for it has the new identifier as aud. The reason is in the history.

    Raises ValidationError.
    """
    server.identifier = identifier
    server.is_renamed_on_purpose = True
    server._change_reason = reason  # type: ignore[attr-defined]  # noqa: SLF001
    server.checked().save()
