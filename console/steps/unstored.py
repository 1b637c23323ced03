"""The event that a request would leave, of one that is not recorded."""

from django.db import connection

from audit.models import IssuanceEvent
from audit.writing.entry import Entry
from audit.writing.insertion import insertion


def unstored_event(entry: Entry) -> IssuanceEvent:
    """With its values cleaned and cut as the record's are, and without an id."""
    return IssuanceEvent(**insertion(connection.vendor).row_of(entry))
