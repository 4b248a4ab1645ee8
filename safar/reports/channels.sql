/* People, customers and orders by the channel through which each person first came.

title = "Acquisition channels"
notes = """
A person's channel is the first one that any of their events in the range names. The same person in two sources is two.
Orders are Order Completed events; refunds and cancellations are not taken off. What the customers of a channel are predicted to
be worth: predicted_value with its breakdown acquisition_channel, which looks no further than the first order.
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
meaning = "the zone of from and to where they name none"

[columns]
channel = "acquisition channel; empty when no event names one"
people = "persons with an event in the range"
customers = "those with an Order Completed"
orders = "their Order Completed events"
customer_share = "customers / people, from 0 to 1"
*/
SELECT
    channel,
    count() AS people,
    countIf(bought > 0) AS customers,
    sum(bought) AS orders,
    customers / people AS customer_share
FROM
(
    SELECT
        argMinIf(acquisition_channel, (timestamp, event_id), acquisition_channel != '') AS channel,
        countIf(event = 'Order Completed') AS bought
    FROM touchpoints
    WHERE (source = {source:String} OR {source:String} = '')
      AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
    GROUP BY source, person
)
GROUP BY channel
ORDER BY people DESC, channel
