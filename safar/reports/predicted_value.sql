/* What customers are predicted to be worth, by the newest model run, and how that run stands.

title = "Predicted value"
notes = """
Written by `safar clv`. Value is the revenue expected of known customers in the months of the run, discounted; how far a
customer's may be off is in the view customer_value. The state is `failed` when the last run was, whatever is shown is then of
the run before it; `stale` when the run is older than stale_days.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all"

[parameters.breakdown]
type = "text"
default = "none"
choices = ["none", "acquisition_channel", "campaign", "cohort"]
meaning = "a row for each value of it: of the first contact that names a channel, up to the first order; cohort: month of that order, UTC"

[parameters.stale_days]
type = "integer"
default = "8"
least = 1
most = 90
meaning = "days after which a run is stale"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of made_at"

[columns]
source = "the source"
currency = "ISO 4217"
segment = "value of the breakdown; 'all' without one"
customers = "customers with a prediction"
value = "their predicted value together, in the currency"
mean_value = "value / customers; null without customers"
share = "of the value of all segments, from 0 to 1; null when that is 0"
expected_orders = "days with an order expected of them in the weeks of the run"
still_customers = "sum of P(still a customer)"
state = "fresh, stale or failed"
message = "failed: why; else why this model was taken"
model = "model of buying; empty when no run was complete"
months = "how far ahead value is counted"
weeks = "how far ahead orders are expected"
observed_until = "the last day that the run looked at; null when no run was complete"
made_at = "when the run was made; null when no run was complete"
*/
WITH
    runs AS
    (
        SELECT * FROM value_runs WHERE source = {source:String} OR {source:String} = ''
    ),
    won AS
    (
        SELECT
            source,
            person,
            argMinIf(
                if({breakdown:String} = 'campaign', toString(campaign), toString(acquisition_channel)),
                (moment, event_id),
                moment <= first_order AND acquisition_channel != '') AS origin,
            formatDateTime(any(first_order), '%Y-%m') AS month
        FROM
        (
            SELECT
                source,
                person,
                event_id,
                acquisition_channel,
                campaign,
                least(timestamp, received_at) AS moment,
                minIf(moment, event = 'Order Completed') OVER (PARTITION BY source, person) AS first_order
            FROM touchpoints
            WHERE {breakdown:String} != 'none'
              AND (source = {source:String} OR {source:String} = '')
              -- Nobody is looked up for a source that was never valued.
              AND source IN (SELECT source FROM runs WHERE run_id != '')
              AND (acquisition_channel != '' OR event = 'Order Completed')
        )
        GROUP BY source, person
    ),
    segments AS
    (
        SELECT
            predictions.run_id AS run_id,
            multiIf(
                {breakdown:String} = 'none', 'all',
                {breakdown:String} = 'cohort', won.month,
                won.origin != '', won.origin,
                {breakdown:String} = 'campaign', '(none)',
                'unknown') AS segment,
            count() AS customers,
            sum(predictions.value) AS value,
            sum(predictions.expected_orders) AS expected_orders,
            sum(predictions.p_alive) AS still_customers
        FROM predictions
        LEFT ANY JOIN won ON won.source = predictions.source AND won.person = predictions.person
        WHERE predictions.run_id IN (SELECT run_id FROM runs)
        GROUP BY run_id, segment
    )
SELECT
    runs.source AS source,
    runs.currency AS currency,
    if(segments.segment = '', 'all', segments.segment) AS segment,
    segments.customers AS customers,
    segments.value AS value,
    segments.value / nullIf(segments.customers, 0) AS mean_value,
    segments.value / nullIf(sum(segments.value) OVER (PARTITION BY runs.source, runs.currency), 0) AS share,
    segments.expected_orders AS expected_orders,
    segments.still_customers AS still_customers,
    multiIf(runs.state = 'failed', 'failed', runs.made_at < now64(3) - toIntervalDay({stale_days:UInt32}), 'stale', 'fresh') AS state,
    runs.message AS message,
    runs.model AS model,
    runs.months AS months,
    runs.weeks AS weeks,
    runs.observed_until AS observed_until,
    toTimeZone(runs.made_at, {tz:String}) AS made_at
FROM runs
LEFT JOIN segments ON segments.run_id = runs.run_id
ORDER BY source, currency, value DESC, segment
