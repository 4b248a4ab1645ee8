-- What each customer spent until the end of the calibration, and after it.
-- Reads customer_orders. Parameter: calibration_until (a date, included).
WITH
    arraySum(arrayFilter((amount, day) -> day <= {calibration_until:Date32}, amounts, days)) AS early
SELECT person, toFloat64(early) AS spent, toFloat64(arraySum(amounts) - early) AS holdout_spent
FROM customer_orders
WHERE arrayMin(days) <= {calibration_until:Date32}
ORDER BY person
