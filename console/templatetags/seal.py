"""What proves the rows that a page shows, in one line of its template."""

from collections.abc import Sequence

from django import template

from audit.models import IssuanceEvent
from console.seal_status import PageStatus, page_status

register = template.Library()


@register.inclusion_tag("console/seal_status.html")
def seal_status(events: Sequence[IssuanceEvent]) -> dict[str, PageStatus]:
    return {"status": page_status(events)}
