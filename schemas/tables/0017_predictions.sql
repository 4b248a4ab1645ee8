-- What models say of customers. A run of `safar clv` writes its predictions first and its own row last: predictions
-- without a complete run do not count. A run that failed has a row too, which says why.
CREATE TABLE IF NOT EXISTS model_runs
(
    source                 LowCardinality(String),
    currency               LowCardinality(String)    COMMENT 'ISO 4217; empty when the run failed before it was known',
    run_id                 String,
    status                 LowCardinality(String)    COMMENT 'complete or failed',
    message                String                    COMMENT 'failed: why. Complete: why this model was taken',
    started_at             DateTime64(3, 'UTC'),
    finished_at            DateTime64(3, 'UTC'),
    observed_until         Nullable(Date32)          COMMENT 'last day that was looked at, in tz',
    tz                     LowCardinality(String)    COMMENT 'IANA time zone whose days were counted',
    model                  LowCardinality(String)    COMMENT 'BG/NBD, MBG/NBD or Pareto/NBD',
    parameters             Map(String, Float64)      COMMENT 'of both models, time in weeks; spend_ before those of Gamma-Gamma',
    log_likelihood         Nullable(Float64)         COMMENT 'of the model of buying',
    customers              UInt64                    COMMENT 'how many were valued',
    weeks                  UInt32                    COMMENT 'how far ahead orders are expected',
    months                 UInt32                    COMMENT 'how far ahead value is counted',
    monthly_discount_rate  Float64,
    level                  Float64                   COMMENT 'of the intervals',
    version                LowCardinality(String)    COMMENT 'of Safar'
)
ENGINE = MergeTree
ORDER BY (source, currency, run_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
         min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480;
-- Kept for 90 days: a model that old says nothing of today.
CREATE TABLE IF NOT EXISTS predictions
(
    source                LowCardinality(String),
    currency              LowCardinality(String),
    run_id                String,
    made_at               DateTime('UTC'),
    person                String                     COMMENT 'as in touchpoints when the run began',
    frequency             UInt32                     COMMENT 'days with an order after the first such day',
    recency               Float64                    COMMENT 'weeks from the first to the last of those days',
    T                     Float64                    COMMENT 'weeks from the first day to observed_until',
    monetary              Float64                    COMMENT 'mean of what was spent on a repeat day; 0 without one',
    p_alive               Float64                    COMMENT 'P(still a customer) on observed_until',
    expected_orders       Float64                    COMMENT 'days with an order in the next weeks of the run',
    orders_low            UInt32                     COMMENT 'fewest that need not surprise',
    orders_high           UInt32                     COMMENT 'most that need not surprise',
    expected_order_value  Float64                    COMMENT 'of one day with an order',
    value                 Float64                    COMMENT 'discounted revenue expected in the months of the run',
    value_low             Float64                    COMMENT 'how far the expectation may be off',
    value_high            Float64                    COMMENT 'how far the expectation may be off'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(made_at)
ORDER BY (source, run_id, person)
TTL made_at + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, fsync_after_insert = 1,
         fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
         old_parts_lifetime = 480;
-- The predictions of each source's newest complete run, in each currency.
CREATE VIEW IF NOT EXISTS customer_value AS
SELECT *
FROM predictions
WHERE (source, run_id) IN
(
    SELECT source, argMax(run_id, (finished_at, run_id)) FROM model_runs WHERE status = 'complete' GROUP BY source, currency
)
