"""The seal of the rows that a page shows, in one line of its template."""

from collections.abc import Sequence
from typing import Any

from django import template

from audit.models import IssuanceEvent
from console.integrity.seal_status import page_status

register = template.Library()


@register.inclusion_tag("console/seal_status.html", takes_context=True)
def seal_status(context: dict[str, Any], events: Sequence[IssuanceEvent]) -> dict[str, Any]:
    return {"status": page_status(events), "perms": context["perms"]}
