/* Orders and their revenue on each local day, by currency.

title = "Daily orders"
notes = """
Refunds and cancellations are not taken off, and an order_id that came in two events counts twice; lifetime value takes
them off, and counts it once. Days without orders have no row. Orders more than a day ahead of their arrival come from a wrong clock and have no day; totals has their money, and the report freshness counts them.
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
meaning = "the zone of the days, and of from and to where they name none"

[columns]
day = "the date in tz"
currency = "ISO 4217; empty when the orders name none"
orders = "Order Completed events"
revenue = "their money, in the currency, exact"
*/
SELECT
    toDate32(timestamp, {tz:String}) AS day,
    currency,
    count() AS orders,
    -- Wider than the column, so that no sum overflows.
    sum(toDecimal256(ifNull(events.revenue, 0), 6)) AS revenue
FROM events
WHERE event = 'Order Completed'
  AND (source = {source:String} OR {source:String} = '')
  AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
  AND timestamp <= received_at + INTERVAL 1 DAY
GROUP BY day, currency
ORDER BY day, currency
