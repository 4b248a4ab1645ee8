-- One row per stored event, with the log position it came from.
-- Partitioned by the month of arrival: one insert then touches one or two partitions, whatever dates the
-- events carry. The last five columns are the position; one insert writes rows and positions together.
CREATE TABLE IF NOT EXISTS events
(
    event_id             String                          COMMENT 'messageId: unique within its source',
    source               LowCardinality(String)          COMMENT 'the business whose write key was used',
    type                 LowCardinality(String)          COMMENT 'track, page, screen, identify, group or alias',
    event                LowCardinality(String)          COMMENT 'canonical touchpoint name; empty for identify, group and alias',
    sent_as              LowCardinality(String)          COMMENT 'the name the client used, when it was an alias',
    stage                LowCardinality(String)          COMMENT 'awareness, purchase, post_purchase, unmapped; empty for identify, group and alias',
    user_id              String                          COMMENT 'userId as sent',
    anonymous_id         String                          COMMENT 'anonymousId as sent',
    previous_id          String                          COMMENT 'alias: the id that user_id replaces',
    group_id             String                          COMMENT 'group: the company or household',
    session_id           String                          COMMENT 'the client''s session, when it sends one',
    timestamp            DateTime64(3, 'UTC')            COMMENT 'when it happened, corrected for the client''s clock',
    original_timestamp   Nullable(DateTime64(3, 'UTC'))  COMMENT 'when it happened by the client''s clock',
    sent_at              Nullable(DateTime64(3, 'UTC'))  COMMENT 'when the client sent it by its own clock',
    received_at          DateTime64(3, 'UTC')            COMMENT 'when the collector received it',
    acquisition_channel  LowCardinality(String)          COMMENT 'where the visit came from: direct, organic, paid, email, social, referral, ...',
    touch_channel        LowCardinality(String)          COMMENT 'where the contact took place: site, app, store, phone, chat, email, social, meeting, server',
    initiator            LowCardinality(String)          COMMENT 'customer or us',
    campaign             LowCardinality(String)          COMMENT 'campaign name',
    campaign_source      LowCardinality(String)          COMMENT 'utm_source',
    campaign_medium      LowCardinality(String)          COMMENT 'utm_medium',
    referrer             String                          COMMENT 'host that linked here',
    url                  String                          COMMENT 'page address without query and fragment',
    order_id             String,
    product_id           String,
    case_id              String                          COMMENT 'support case, return, warranty or complaint',
    agent                String                          COMMENT 'who of us took part',
    topic                LowCardinality(String),
    score                Nullable(Float64)               COMMENT 'survey answer or review rating',
    revenue              Nullable(Decimal(38, 6))        COMMENT 'money of this event, in currency; never sum across currencies',
    currency             LowCardinality(String)          COMMENT 'ISO 4217',
    properties           String DEFAULT '{}' CODEC(ZSTD(1))           COMMENT 'JSON as sent: properties, or traits of identify and group',
    context              String DEFAULT '{}' CODEC(ZSTD(1))           COMMENT 'JSON: library, page, device; the client IP is cut before storing',
    contract             UInt16                          COMMENT 'version of the stored line',
    log_id               LowCardinality(String)          COMMENT 'identity of the log, made with it',
    log_partition        UInt32,
    log_epoch            UInt32                          COMMENT 'leader epoch of the record',
    log_offset           UInt64,
    log_index            UInt32                          COMMENT 'place inside the packed record',
    log_count            UInt32                          COMMENT 'events in the packed record',
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_type type TYPE set(8) GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_anonymous anonymous_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_position log_offset TYPE minmax GRANULARITY 1,
    -- Which devices were seen with which users: what identity is resolved from.
    PROJECTION devices
    (
        SELECT source, anonymous_id, user_id, min(timestamp), max(timestamp), count()
        GROUP BY source, anonymous_id, user_id
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (source, timestamp)
SETTINGS non_replicated_deduplication_window = 1000,
         lightweight_mutation_projection_mode = 'rebuild'
