-- Positions that rightly have no row in events or failed_events, each with its reason. Recovery and
-- verification count them as done.
CREATE TABLE IF NOT EXISTS skipped_positions
(
    reason         LowCardinality(String) COMMENT 'duplicate: the event id was already stored',
    source         LowCardinality(String),
    event_id       String,
    received_at    DateTime64(3, 'UTC'),
    log_id         LowCardinality(String),
    log_partition  UInt32,
    log_epoch      UInt32,
    log_offset     UInt64,
    log_index      UInt32,
    log_count      UInt32,
    INDEX by_position log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (log_id, log_partition, log_offset, log_index)
SETTINGS non_replicated_deduplication_window = 1000
