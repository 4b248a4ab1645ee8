/* How many touchpoints there were in each hour, day, week or month, by stage or by event.

title = "Touchpoints over time"
notes = """
Buckets begin at local time in tz; weeks begin on Monday. Buckets without touchpoints have no row. Events more than a
day ahead of their arrival come from a wrong clock and have no bucket; the report freshness counts them.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all"

[parameters.bucket]
type = "text"
default = "day"
choices = ["hour", "day", "week", "month"]
meaning = "length of a bucket"

[parameters.by]
type = "text"
default = "stage"
choices = ["stage", "event"]
meaning = "what is counted apart"

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
meaning = "the zone of the buckets, and of from and to where they name none"

[columns]
bucket = "the date it begins on in tz; for hours the date and time, with its offset"
name = "stage or event name"
events = "touchpoints in it"
*/
SELECT
    if({bucket:String} = 'hour',
       replaceRegexpOne(formatDateTime(begin, '%Y-%m-%dT%H:%i:%S%z'), '(..)$', ':\\1'),
       toString(toDate32(begin))) AS bucket,
    name,
    events
FROM
(
    SELECT
        dateTrunc({bucket:String}, timestamp, {tz:String}) AS begin,
        if({by:String} = 'stage', stage, event) AS name,
        count() AS events
    FROM events
    WHERE event != ''
      AND (source = {source:String} OR {source:String} = '')
      AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
      AND timestamp <= received_at + INTERVAL 1 DAY
    GROUP BY begin, name
)
ORDER BY begin, name
