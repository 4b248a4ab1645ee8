"""The event contract: reads schemas/ and turns a call as sent into an `Event` or an `EventRejected`."""

from safar.contract.event import CONTRACT_VERSION, Event, FailedEvent, to_line, to_lines
from safar.contract.schemas import STAGES, Touchpoint, schemas_dir, touchpoints

__all__ = [
    "CONTRACT_VERSION",
    "STAGES",
    "Event",
    "FailedEvent",
    "Touchpoint",
    "schemas_dir",
    "to_line",
    "to_lines",
    "touchpoints",
]
