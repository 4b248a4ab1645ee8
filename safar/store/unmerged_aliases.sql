-- Alias calls that user_aliases does not show yet: their two users are not one person, or have an earlier call's name.
-- When there is none, user_aliases is right, however it came about. Parts of events in `seen` are not looked at; the
-- users of the calls are found by the key of user_aliases.
WITH
    new AS (SELECT * FROM alias_edges WHERE part NOT IN {seen:Array(String)}),
    merged AS
    (
        SELECT source, user_id, person, (named_at_ms, named_by, person) AS named
        FROM user_aliases FINAL
        WHERE (source, user_id) IN (SELECT source, arrayJoin([previous_id, user_id]) FROM new)
    )
SELECT
    new.source AS source,
    new.previous_id AS previous_id,
    new.user_id AS user_id,
    toUnixTimestamp64Milli(new.timestamp) AS named_at_ms,
    new.event_id AS named_by,
    previous.person AS previous_person,
    current.person AS current_person
FROM new
LEFT ANY JOIN merged AS previous ON previous.source = new.source AND previous.user_id = new.previous_id
LEFT ANY JOIN merged AS current ON current.source = new.source AND current.user_id = new.user_id
WHERE previous_person = ''
   OR previous_person != current_person
   OR least(previous.named, current.named) < (named_at_ms, named_by, user_id)
