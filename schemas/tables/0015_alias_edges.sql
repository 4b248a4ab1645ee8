-- As before, with the part of the table that holds the call: who looks again reads the parts that are new.
CREATE OR REPLACE VIEW alias_edges AS
SELECT source, previous_id, user_id, timestamp, event_id, _part AS part
FROM events
WHERE type = 'alias' AND previous_id != anonymous_id
  AND lower(previous_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
  AND lower(user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
