"""What touchpoint and surroundings alone decide of an event: worked out once for all events that share both."""

from datetime import UTC, datetime

from safar.contract.calls import Reading
from safar.contract.channels import channels
from safar.contract.event import CONTRACT_VERSION, Event

_NOT_YET = datetime(1970, 1, 1, tzinfo=UTC)


def begun(reading: Reading) -> Event:
    """An event with the columns that its touchpoint and its surroundings decide, for others to be made from."""
    if reading.point is None:  # names outside the contract are without number
        return _begin(reading)
    remembered = reading.surroundings.begun
    key = (reading.type, reading.name)
    first = remembered.get(key)
    if first is None:
        first = remembered[key] = _begin(reading)
    return first


def _begin(reading: Reading) -> Event:
    event = Event(
        contract=CONTRACT_VERSION,
        event_id="",
        source="",
        type=reading.type,
        event=reading.name,
        timestamp=_NOT_YET,
        received_at=_NOT_YET,
        context=reading.surroundings.text,
    )
    if reading.point:
        event.stage, event.initiator = reading.point.stage, reading.point.initiator
    elif reading.name:
        event.stage = "unmapped"
    if reading.name:
        channels().fill(event, reading.point, reading.surroundings)
    return event
