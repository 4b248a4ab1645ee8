/* What one person is predicted to do and to be worth, by the newest complete run of each source and currency.

title = "Predicted value of a person"
notes = """
Written by `safar clv`. Who has no prediction has no row: nobody's customer yet, or one since that run. What the person did is in
timeline. orders_low to orders_high is what the person will do, with all its chance; value_low to value_high is only how far the
expectation may be off, and less may come, also nothing. The state is that of the run in predicted_value: a row of a failed one
is of the run before it.
"""

[parameters.person]
type = "text"
meaning = "the person as in touchpoints when the run began: a userId, or the name of an anonymous one"

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all, and the same id in two sources may be two people"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of made_at"

[columns]
source = "the source"
currency = "ISO 4217"
frequency = "days with an order after the first such day"
recency = "weeks from the first to the last of those days"
T = "weeks from the first day to observed_until"
monetary = "mean of what was spent on a repeat day, in the currency; 0 without one"
p_alive = "P(still a customer) on observed_until"
expected_orders = "days with an order expected in the next weeks"
orders_low = "fewest orders that need not surprise, in the next weeks"
orders_high = "most orders that need not surprise, in the next weeks"
expected_order_value = "of one day with an order, in the currency"
value = "discounted revenue expected in the next months, in the currency"
value_low = "how far that expectation may be off downwards"
value_high = "how far it may be off upwards"
weeks = "how far ahead orders are expected"
months = "how far ahead value is counted"
state = "fresh, stale (older than 8 days) or failed"
message = "failed: why; else why this model was taken"
model = "model of buying"
observed_until = "the last day that the run looked at"
made_at = "when the run was made"
*/
SELECT
    source,
    currency,
    frequency,
    recency,
    T,
    monetary,
    p_alive,
    expected_orders,
    orders_low,
    orders_high,
    expected_order_value,
    value,
    value_low,
    value_high,
    runs.weeks AS weeks,
    runs.months AS months,
    runs.state AS state,
    runs.message AS message,
    runs.model AS model,
    runs.observed_until AS observed_until,
    toTimeZone(runs.made_at, {tz:String}) AS made_at
FROM
(
    SELECT * FROM customer_value WHERE person = {person:String} AND (source = {source:String} OR {source:String} = '')
) AS predicted
INNER JOIN value_runs AS runs USING (source, currency, run_id)
ORDER BY source, currency
