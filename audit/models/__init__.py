"""The tables of the record. No foreign key refers to the configuration: the rows outlive the client that they name."""

from audit.models.counts import HourlyCount, RefusalCount
from audit.models.event import FORMAT, IssuanceEvent, Outcome, Trace
from audit.models.inspection import Inspection
from audit.models.operational_event import OperationalEvent
from audit.models.seals import Checkpoint, Tombstone, UnsealedRange

__all__ = [
    "FORMAT",
    "Checkpoint",
    "HourlyCount",
    "Inspection",
    "IssuanceEvent",
    "OperationalEvent",
    "Outcome",
    "RefusalCount",
    "Tombstone",
    "Trace",
    "UnsealedRange",
]
