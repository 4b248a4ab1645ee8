-- Users that alias calls merged: each with the one id they are all known by. Recomputed whole from alias_edges by the
-- aggregator, so it can be lost and made again.
CREATE TABLE IF NOT EXISTS user_aliases
(
    source      LowCardinality(String),
    user_id     String,
    person      String          COMMENT 'the id that the latest alias call of the group gave',
    updated_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (source, user_id)
