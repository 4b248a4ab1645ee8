-- One row a customer: on which days they bought, until when we watched, and what they spent. Times are in days.
-- Reads customer_orders. Parameter: calibration_until (a date, included).
WITH
    -- Whole numbers: their differences are the days between, and quicker than the calendar's.
    toInt32({calibration_until:Date32}) AS last_day,
    toInt32(arrayMin(days)) AS first_day,
    arrayFilter(day -> toInt32(day) <= last_day, days) AS seen,
    arraySum(arrayFilter((amount, day) -> toInt32(day) > first_day AND toInt32(day) <= last_day, amounts, days)) AS repeated
SELECT
    person,
    toInt32(arrayUniq(seen) - 1) AS frequency,
    toInt32(arrayMax(seen)) - first_day AS recency,
    last_day - first_day AS T,
    if(frequency = 0, 0, toFloat64(repeated) / frequency) AS monetary,
    arrayUniq(days) - frequency - 1 AS holdout
FROM customer_orders
WHERE notEmpty(seen)
ORDER BY person
