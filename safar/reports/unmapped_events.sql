/* Event names that the contract does not know, with how often they came.

title = "Unmapped events"
notes = """
They are stored and counted, but belong to no stage. Send the name that the contract has for it (docs/touchpoints.md
lists them), or teach the contract this one: as an alias in the file of the touchpoint it means, or as a file of its own.
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

[parameters.limit]
type = "integer"
default = "100"
least = 1
most = 10000
meaning = "most names to give"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of the timestamps, and of from and to where they name none"

[columns]
source = "the source"
event = "the name as sent"
events = "how many"
first_timestamp = "when the first happened"
last_timestamp = "when the latest happened"
*/
SELECT
    source,
    event,
    count() AS events,
    toTimeZone(min(timestamp), {tz:String}) AS first_timestamp,
    toTimeZone(max(timestamp), {tz:String}) AS last_timestamp
FROM events
WHERE stage = 'unmapped'
  AND (source = {source:String} OR {source:String} = '')
  AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
GROUP BY source, event
ORDER BY events DESC, source, event
LIMIT {limit:UInt32}
