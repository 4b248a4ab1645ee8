-- Events that were refused: by the collector (rejected at the door, kept with the bytes as received) or by
-- the aggregator (a record it could not read). They take a log position like any event.
CREATE TABLE IF NOT EXISTS failed_events
(
    failed_id      String                 COMMENT 'made by the collector; a replay refers to it',
    source         LowCardinality(String),
    received_at    DateTime64(3, 'UTC'),
    tag            LowCardinality(String) COMMENT 'error tag from the closed set',
    field          String                 COMMENT 'path of the offending field',
    rule           String                 COMMENT 'the rule it breaks',
    event_id       String                 COMMENT 'messageId, when it could be read',
    event          String                 COMMENT 'event name, when it could be read',
    body           String CODEC(ZSTD(1))  COMMENT 'the event as received, cut at 32 KiB',
    body_encoding  LowCardinality(String) COMMENT 'utf8, or base64 when the bytes are not UTF-8',
    endpoint       LowCardinality(String) COMMENT 'where it was posted: track, page, ..., batch; empty for a dead letter',
    contract       UInt16,
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
ORDER BY (source, received_at)
SETTINGS non_replicated_deduplication_window = 1000
