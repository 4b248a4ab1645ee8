/* Every event of one person in the order they happened.

title = "Timeline of a person"
notes = "Also the anonymous events from before the person was known, and the calls that are no touchpoints (identify, group, alias)."

[parameters.person]
type = "text"
meaning = "the person: a userId, or as the touchpoints view names anonymous ones"

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all, and the same id in two sources may be two people"

[parameters.from]
type = "instant"
default = "1900-01-01T00:00:00Z"
meaning = "events at or after it"

[parameters.to]
type = "instant"
default = "2299-12-31T23:59:59Z"
meaning = "events before it"

[parameters.limit]
type = "integer"
default = "1000"
least = 1
most = 100000
meaning = "most events to give, the earliest first"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of the timestamps, and of from and to where they name none"

[columns]
timestamp = "when it happened"
source = "the source"
type = "the call: track, page, screen, identify, group or alias"
event = "name of the touchpoint; empty when it is none"
stage = "its stage"
acquisition_channel = "where the visit came from"
touch_channel = "where the contact took place"
campaign = "campaign name"
session_id = "the client's session"
order_id = "the order"
revenue = "money of this event, in the currency, exact"
currency = "ISO 4217"
properties = "properties or traits as sent, JSON"
event_id = "messageId"
*/
SELECT
    toTimeZone(touchpoints.timestamp, {tz:String}) AS timestamp,
    source,
    type,
    event,
    stage,
    acquisition_channel,
    touch_channel,
    campaign,
    session_id,
    order_id,
    revenue,
    currency,
    properties,
    event_id
FROM touchpoints
WHERE person = {person:String}
  AND (source = {source:String} OR {source:String} = '')
  AND touchpoints.timestamp >= {from:DateTime64(3, 'UTC')} AND touchpoints.timestamp < {to:DateTime64(3, 'UTC')}
ORDER BY touchpoints.timestamp, received_at, event_id
LIMIT {limit:UInt32}
