-- Alias calls that user_aliases does not show yet: their two users are not one person, or have an earlier call's name.
-- When there is none, user_aliases is right, however it came about.
CREATE VIEW IF NOT EXISTS unmerged_aliases AS
WITH merged AS (SELECT source, user_id, person, (named_at_ms, named_by, person) AS named FROM user_aliases FINAL)
SELECT
    calls.source AS source,
    calls.previous_id AS previous_id,
    calls.user_id AS user_id,
    toUnixTimestamp64Milli(calls.timestamp) AS named_at_ms,
    calls.event_id AS named_by,
    previous.person AS previous_person,
    current.person AS current_person
FROM alias_edges AS calls
LEFT ANY JOIN merged AS previous ON previous.source = calls.source AND previous.user_id = calls.previous_id
LEFT ANY JOIN merged AS current ON current.source = calls.source AND current.user_id = calls.user_id
WHERE previous_person = ''
   OR previous_person != current_person
   OR least(previous.named, current.named) < (named_at_ms, named_by, user_id)
