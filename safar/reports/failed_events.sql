/* Refused events by what was wrong with them, the latest first.

title = "Failed events"
notes = """
Nothing refused is lost: the events are kept as they were received. `safar failed show` shows one; once the sender or
the contract is corrected, `safar failed replay` sends them again. Field and rule say what to correct.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all"

[parameters.from]
type = "instant"
default = "1900-01-01T00:00:00Z"
meaning = "received at or after it"

[parameters.to]
type = "instant"
default = "2299-12-31T23:59:59Z"
meaning = "received before it"

[parameters.limit]
type = "integer"
default = "100"
least = 1
most = 10000
meaning = "most rows to give"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of the timestamps, and of from and to where they name none"

[columns]
source = "the source; empty when it could not be read"
tag = "kind of failure, from the closed set"
field = "path of the offending field"
rule = "the rule it breaks"
event = "event name, when it could be read"
failed = "how many"
first_received_at = "when the first of them came"
last_received_at = "when the latest of them came"
last_failed_id = "id of the latest, for `safar failed show`"
*/
SELECT
    source,
    tag,
    field,
    rule,
    event,
    count() AS failed,
    toTimeZone(min(received_at), {tz:String}) AS first_received_at,
    toTimeZone(max(received_at), {tz:String}) AS last_received_at,
    argMax(failed_id, received_at) AS last_failed_id
FROM failed_events
WHERE (source = {source:String} OR {source:String} = '')
  AND received_at >= {from:DateTime64(3, 'UTC')} AND received_at < {to:DateTime64(3, 'UTC')}
GROUP BY source, tag, field, rule, event
ORDER BY last_received_at DESC, source, tag, field, rule, event
LIMIT {limit:UInt32}
