/* When each source's newest event was received, and how many came in the last minutes.

title = "Freshness"
notes = """
By the collector's clock and the store's. What waits in the log is not here: that is the lag. Nothing has happened later
than it arrived, whatever a client's clock says: send `sentAt`, which corrects the clock.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of the timestamps"

[columns]
source = "the source"
newest_received_at = "when the collector received the newest stored event"
newest_timestamp = "when the latest event happened, by its own clock corrected; never after its arrival"
events_ahead = "events whose timestamp is more than a day after their arrival: left out of the reports over time"
events_1m = "stored events received in the last minute"
events_5m = "in the last 5 minutes"
events_60m = "in the last 60 minutes"
*/
SELECT
    source,
    toTimeZone(max(received_at), {tz:String}) AS newest_received_at,
    toTimeZone(max(least(timestamp, received_at)), {tz:String}) AS newest_timestamp,
    countIf(timestamp > received_at + INTERVAL 1 DAY) AS events_ahead,
    countIf(received_at > now64(3) - INTERVAL 1 MINUTE) AS events_1m,
    countIf(received_at > now64(3) - INTERVAL 5 MINUTE) AS events_5m,
    countIf(received_at > now64(3) - INTERVAL 60 MINUTE) AS events_60m
FROM events
WHERE source = {source:String} OR {source:String} = ''
GROUP BY source
ORDER BY source
