/* Events, customers, orders and revenue of each source, revenue by currency.

title = "Totals"
notes = """
One row for each source and currency of its orders; a source without orders has one row. Events and first and last
timestamp are the source's, the same in each of its rows. Refunds and cancellations are not taken off, and an order_id
that came in two events counts twice; lifetime value takes them off, and counts it once.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all"

[parameters.from]
type = "instant"
default = "1900-01-01T00:00:00Z"
meaning = "events at or after it"

[parameters.to]
type = "instant"
default = "2299-12-31T23:59:59Z"
meaning = "events before it"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of from and to where they name none, and of the timestamps"

[columns]
source = "the source"
events = "stored events of the source, each counted once"
customers = "persons with an Order Completed in this currency"
orders = "Order Completed events in this currency"
revenue = "their money, in the currency, exact"
currency = "ISO 4217; empty when there are no orders, or they name none"
first_timestamp = "when the source's first event happened"
last_timestamp = "when its last event happened; never after its arrival"
*/
SELECT
    source,
    events,
    customers,
    orders,
    revenue,
    currency,
    toTimeZone(first, {tz:String}) AS first_timestamp,
    toTimeZone(last, {tz:String}) AS last_timestamp
FROM
(
    SELECT source, count() AS events, min(timestamp) AS first, max(least(timestamp, received_at)) AS last
    FROM events
    WHERE (source = {source:String} OR {source:String} = '')
      AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
    GROUP BY source
) AS stored
LEFT JOIN
(
    SELECT
        source,
        currency,
        uniqExact(person) AS customers,
        count() AS orders,
        -- Wider than the column, so that no sum overflows.
        sum(toDecimal256(ifNull(revenue, 0), 6)) AS revenue
    FROM touchpoints
    WHERE event = 'Order Completed'
      AND (source = {source:String} OR {source:String} = '')
      AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
    GROUP BY source, currency
) AS bought USING source
ORDER BY source, currency
