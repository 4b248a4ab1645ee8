/* How many people took each step in order, all within the window after their first step.

title = "Stage funnel"
notes = """
A person counts once, at the furthest step reached. The window starts anew at each later first step. One event never
counts as two steps, so "Order Completed,Order Completed" asks for a second order; events of the same instant are
taken in the order of the steps. From and to bound the first step; later steps may follow up to the window after it.
With a currency, also what `safar clv` predicts those people to be worth, by each source's newest complete run in it. Who has no
prediction counts as a person and adds no value: not a customer yet, or one since that run. Values of sources whose runs look
ahead for different months are not added: choose a source.
"""

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty counts all, and nobody is the same person in two"

[parameters.steps]
type = "list"
default = "awareness,purchase,post_purchase"
least = 1
most = 10
meaning = "stages or event names in order, separated by commas; a touchpoint in any case or by any alias"

[parameters.window]
type = "integer"
default = "2592000"
least = 1
most = 315360000
meaning = "seconds from the first step to the last, both ends included"

[parameters.breakdown]
type = "text"
default = "none"
choices = ["none", "acquisition_channel", "touch_channel", "campaign"]
meaning = "one funnel for each value of it; a person's value is that of their earliest first step"

[parameters.currency]
type = "currency"
default = ""
meaning = "show predicted value in this currency; empty: none"

[parameters.from]
type = "instant"
default = "1900-01-01T00:00:00Z"
meaning = "first steps at or after it"

[parameters.to]
type = "instant"
default = "2299-12-31T23:59:59Z"
meaning = "first steps before it"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of from and to where they name none"

[columns]
segment = "value of the breakdown, empty where the event has none; 'all' without a breakdown"
step = "number of the step, from 1"
name = "stage or event name"
people = "persons who reached this step"
share_of_first = "people / people of step 1, from 0 to 1; null when that is 0"
share_of_previous = "people / people of the step before; null at step 1 and after a step with nobody"
valued = "of the people, those with a prediction in the currency; null without a currency, or when nobody has one"
value = "their predicted value together, in the currency; null where valued or value_months is"
mean_value = "value / valued; null where that is 0 or null"
value_months = "how far ahead value is counted; null without a run in the currency, or when the sources' runs differ"
value_state = "fresh, stale or failed, the worst of the runs that are shown; failed when all did, none when there is none; null without a currency"
*/
WITH
    {steps:Array(String)} AS steps,
    {window:UInt32} * 1000 AS window_ms,
    toInt64(-1000000000000000) AS never,
    matching AS
    (
        SELECT
            source,
            person,
            event_id,
            toUnixTimestamp64Milli(timestamp) AS at,
            -- Bit k - 1 says that the event is a step k.
            arraySum(arrayMap(
                (name, k) -> if(name IN (stage, event) AND (k > 1 OR timestamp < {to:DateTime64(3, 'UTC')}), bitShiftLeft(1, k - 1), 0),
                steps, arrayEnumerate(steps))) AS steps_taken,
            multiIf({breakdown:String} = 'acquisition_channel', toString(acquisition_channel),
                    {breakdown:String} = 'touch_channel', toString(touch_channel),
                    {breakdown:String} = 'campaign', toString(campaign),
                    'all') AS value
        FROM touchpoints
        WHERE (source = {source:String} OR {source:String} = '')
          AND (has(steps, stage) OR has(steps, event))
          AND timestamp >= {from:DateTime64(3, 'UTC')}
          AND timestamp < addSeconds({to:DateTime64(3, 'UTC')}, {window:UInt32} + 1)
    ),
    journeys AS
    (
        SELECT
            source,
            if({currency:String} = '', '', person) AS whom,
            if({breakdown:String} = 'none', 'all',
               argMinIf(value, (at, event_id), bitTest(steps_taken, 0) AND {breakdown:String} != 'none')) AS segment,
            -- Time and steps as one number take less memory than pairs while millions of people are gathered.
            arrayMap(
                packed -> (intDiv(packed - bitAnd(packed, 1023), 1024), toUInt16(bitAnd(packed, 1023))),
                arraySort(groupArray(at * 1024 + toInt64(steps_taken)))) AS touches
        FROM matching
        GROUP BY source, person
    ),
    -- windowFunnel('strict_once') says the same, but takes all memory once one person has some hundred events. So: for
    -- each touch that completes step k, the latest first step it can stand on; from it that of step k + 1. Filled
    -- forward and moved by one, every touch sees the latest start left by the touches before it.
    people AS
    (
        SELECT
            source,
            whom,
            segment,
            arrayFold(
                (state, k) -> (
                    arrayMap(
                        (touch, start) -> if(bitTest(touch.2, k) AND start + window_ms >= touch.1, start, never),
                        touches,
                        arrayPushFront(arrayPopBack(arrayFill(start -> start > never, state.1)), never)),
                    toUInt8(state.2 + arrayExists(start -> start > never, state.1))),
                arrayEnumerate(steps),
                (arrayMap(touch -> if(bitTest(touch.2, 0), touch.1, never), touches), toUInt8(0))
            ).2 AS reached
        FROM journeys
        WHERE reached > 0
        UNION ALL
        -- A funnel with nobody in it still has its steps.
        SELECT '' AS source, '' AS whom, 'all' AS segment, 0 AS reached WHERE {breakdown:String} = 'none'
    ),
    -- An empty currency reads nothing, though orders that name none may have been valued.
    runs AS
    (
        SELECT state, months, run_id != '' AS shown
        FROM value_runs
        WHERE {currency:String} != '' AND currency = {currency:String}
          AND (source = {source:String} OR {source:String} = '')
    ),
    (
        SELECT multiIf(count() = 0, 'none', countIf(state = 'failed') > 0, 'failed', countIf(state = 'stale') > 0, 'stale', 'fresh')
        FROM runs
        WHERE shown OR NOT (SELECT max(shown) FROM runs)
    ) AS worst_state,
    (SELECT if(min(months) = max(months), toNullable(any(months)), NULL) FROM runs WHERE shown) AS same_months,
    predicted AS
    (
        SELECT source, person AS whom, value, 1 AS valued
        FROM customer_value
        WHERE {currency:String} != '' AND currency = {currency:String}
          AND (source = {source:String} OR {source:String} = '')
    ),
    (SELECT count() > 0 FROM predicted) AS any_predicted,
    counted AS
    (
        SELECT
            segment,
            step,
            steps[step] AS name,
            countIf(reached >= step) AS people,
            sumIf(valued, reached >= step) AS valued,
            sumIf(value, reached >= step) AS value
        FROM (SELECT * FROM people LEFT ANY JOIN predicted USING (source, whom))
        ARRAY JOIN arrayEnumerate(steps) AS step
        GROUP BY segment, step
    )
SELECT
    segment,
    step,
    name,
    people,
    people / nullIf(first_value(people) OVER journey, 0) AS share_of_first,
    people / nullIf(lagInFrame(people) OVER journey, 0) AS share_of_previous,
    if(any_predicted, counted.valued, NULL) AS valued,
    if(any_predicted AND same_months IS NOT NULL, counted.value, NULL) AS value,
    value / nullIf(valued, 0) AS mean_value,
    if({currency:String} = '', NULL, same_months) AS value_months,
    if({currency:String} = '', NULL, worst_state) AS value_state
FROM counted
WINDOW journey AS (PARTITION BY segment ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY max(people) OVER journey DESC, segment, step
