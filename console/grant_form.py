"""The form of an access grant, alone or in a table of its client."""

from typing import Any

from django.db.models import Q

from console.fields import Lines
from console.generics import ModelForm
from relying_parties.models import AccessGrant, RelyingParty


class GrantForm(ModelForm):
    scopes = Lines(required=False, help_text="Some or all of the resource server's scopes, one to a line.")

    def _get_validation_exclusions(self) -> set[str]:
        """Another default is no error: it steps down when this one is saved."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"is_default"}


def let_defaults_step_down(relying_party: RelyingParty, *, but: Any) -> list[str]:
    """Those that do. The database allows one default at any moment. `but`: the primary keys that stay as they are."""
    moved = AccessGrant.objects.filter(Q(relying_party=relying_party, is_default=True) & ~Q(pk__in=but))
    names = [str(grant.resource_server) for grant in moved.select_related("resource_server")]
    if names:
        moved.update(is_default=False)
    return names
