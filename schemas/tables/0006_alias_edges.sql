-- alias calls that say "these two users are one". A previousId that is the call's own anonymousId names a device instead.
CREATE VIEW IF NOT EXISTS alias_edges AS
SELECT source, previous_id, user_id, timestamp, event_id
FROM events
WHERE type = 'alias' AND previous_id != anonymous_id
  AND lower(previous_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
  AND lower(user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
