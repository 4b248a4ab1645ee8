-- Which alias call gave the group its name: with it, a later call is merged without reading the earlier ones again.
ALTER TABLE user_aliases
    ADD COLUMN IF NOT EXISTS named_at_ms Int64 COMMENT 'Unix time of that call, in milliseconds',
    ADD COLUMN IF NOT EXISTS named_by String COMMENT 'event_id of that call';
ALTER TABLE user_aliases
    ADD INDEX IF NOT EXISTS by_person person TYPE bloom_filter(0.01) GRANULARITY 1
