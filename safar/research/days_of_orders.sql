-- Day by day: the customers of the calibration who came first that day, and the orders after their first of that day.
-- Reads customer_orders. Parameter: calibration_until (a date, included).
WITH arrayMin(days) AS first_day
SELECT day, countIf(day = first_day) AS newcomers, countIf(day > first_day) AS repeat_orders
FROM (SELECT arrayDistinct(days) AS days, first_day FROM customer_orders WHERE first_day <= {calibration_until:Date32})
ARRAY JOIN days AS day
GROUP BY day
ORDER BY day
