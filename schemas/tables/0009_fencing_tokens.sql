-- Who may insert from a log partition: the holder of its highest token. Every recovery of an aggregator takes a new one,
-- and every insert says in its own statement that its token is still the highest. At most one row a partition lasts.
CREATE TABLE IF NOT EXISTS fencing_tokens
(
    log_id         LowCardinality(String),
    log_partition  UInt32,
    token          UInt64                  COMMENT 'rises with every recovery; the lower half is random',
    taken_at       DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(token)
ORDER BY (log_id, log_partition)
