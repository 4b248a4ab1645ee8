-- How the newest run of `safar clv` stands, for each source and currency. Whatever shows customer_value shows this state
-- beside it: `failed` when the last attempt was, and what is shown is then of the run before; `stale` when the run is more
-- than 8 days old, a weekly schedule and a day.
CREATE VIEW IF NOT EXISTS value_runs AS
SELECT
    source,
    valued_currency AS currency,
    multiIf(last.1 = 'failed', 'failed', newest.5 < now64(3) - INTERVAL 8 DAY, 'stale', 'fresh') AS state,
    last.2 AS message,
    newest.1 AS run_id,
    newest.2 AS model,
    newest.3 AS months,
    newest.4 AS weeks,
    if(run_id = '', NULL, newest.5) AS made_at,
    if(run_id = '', NULL, newest.6) AS observed_until
FROM
(
    SELECT
        source,
        valued_currency,
        argMax((status, message), (finished_at, run_id)) AS last,
        argMaxIf(
            (run_id, model, months, weeks, finished_at, observed_until),
            (finished_at, run_id),
            status = 'complete') AS newest
    FROM
    (
        SELECT
            *,
            status = 'complete' OR currency != '' AS is_named,
            groupUniqArrayIf(currency, is_named) OVER (PARTITION BY source) AS named
        FROM model_runs
    )
    -- A run that failed before its currency was known failed for each one of the source.
    ARRAY JOIN multiIf(is_named, [currency], empty(named), [''], named) AS valued_currency
    GROUP BY source, valued_currency
)
