"""The form of an access grant, alone or on a card of its client."""

from typing import Any

from django.db.models import Q, QuerySet

from console.admin_base.generics import ModelForm
from relying_parties.models import AccessGrant, RelyingParty


class GrantForm(ModelForm):
    def _get_validation_exclusions(self) -> set[str]:
        """Another default is not an error: it is no longer the default when this grant is saved."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"is_default"}


def defaults_beside(relying_party: Any, *, but: Any) -> QuerySet[AccessGrant]:
    """At most one: the database allows no more. `but`: the primary keys of the others."""
    defaults = AccessGrant.objects.filter(Q(relying_party=relying_party, is_default=True) & ~Q(pk__in=but))
    return defaults.select_related("resource_server")


def let_defaults_step_down(relying_party: RelyingParty, *, but: Any) -> list[AccessGrant]:
    """Makes them ordinary grants and returns them. `but`: the primary keys of those that stay as they are."""
    moved = defaults_beside(relying_party, but=but)
    stepped = list(moved)
    if stepped:
        moved.update(is_default=False)
    return stepped
