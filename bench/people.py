"""A store of many people, made inside the engine: what identity is measured and tested on.

Of every thousand people: most have one device and log in on it, a fifth have a second one,
300 never log in, 20 share a device of two, 10 stand at a counter that ten people use, and ten are one chain of aliases.
Each has five events: looked, looked, logged in, bought, came back.
"""

from safar.store import Store

EVENTS_EACH = 5
_AT_ONCE = 200_000

_INSERT = """
INSERT INTO events (event_id, source, type, event, stage, user_id, anonymous_id, previous_id, session_id, timestamp,
                    received_at, acquisition_channel, revenue, currency, properties, contract,
                    log_id, log_offset, log_count)
WITH
    intDiv(number, 5) AS person,
    number % 5 AS step,
    person % 1000 AS kind,
    kind % 100 = 0 AND kind != 900 AND step = 4 AS aliased,
    multiIf(
        kind BETWEEN 501 AND 520, ('family', intDiv(person, 2)),
        kind BETWEEN 521 AND 530, ('counter', intDiv(person, 1000)),
        person % 5 = 0 AND step % 2 = 1, ('second', person),
        ('first', person)) AS device,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + sipHash64(person) % 4000000 + step * 40000 AS at
SELECT
    concat('e', toString(number)),
    'shop',
    if(aliased, 'alias', 'track'),
    if(aliased, '', ['Product Viewed', 'Product Added', 'Signed In', 'Order Completed', 'Product Viewed'][step + 1]),
    if(aliased, '', ['awareness', 'purchase', 'purchase', 'purchase', 'post_purchase'][step + 1]),
    multiIf(aliased, concat('u', toString(person + 100)),
            step IN (2, 3) AND NOT (kind BETWEEN 601 AND 900), concat('u', toString(person)), ''),
    toString(reinterpretAsUUID(sipHash128(device))),
    if(aliased, concat('u', toString(person)), ''),
    concat('s', toString(intDiv(number, 2))),
    at,
    at + 1,
    ['direct', 'paid', 'organic'][person % 3 + 1],
    if(step = 3, toDecimal128(19.99, 6), NULL),
    if(step = 3, 'EUR', ''),
    concat('{"product_id":"p', toString(sipHash64(number) % 5000), '"}'),
    1, 'people', number, 1
FROM numbers({first:UInt64}, {count:UInt64})
"""


def fill(store: Store, people: int) -> int:
    """Put the events of `people` persons (a multiple of 1,000) into the store; how many events there are."""
    events = people * EVENTS_EACH
    for first in range(0, events, _AT_ONCE):
        store.client().command(_INSERT, parameters={"first": first, "count": min(_AT_ONCE, events - first)})
    return events
