SELECT 1

SELECT count(), sum(revenue) FROM touchpoints

SELECT * FROM default.touchpoints ORDER BY timestamp LIMIT 3

SELECT count(*), COUNT(DISTINCT user_id), Sum(revenue), uniqExactIf(user_id, event = 'Order Completed') FROM
    events

SELECT event, toStartOfInterval(timestamp, INTERVAL 15 MINUTE, 'Asia/Tehran') AS t, count() FROM events GROUP
    BY event, t ORDER BY t, event LIMIT 5

SELECT date_trunc('month', timestamp) AS m, dateDiff('day', min(timestamp), max(timestamp)) FROM events GROUP
    BY m

SELECT level, count() FROM (SELECT person, windowFunnel(86400, 'strict_order')(toDateTime(timestamp), event =
    'Product Viewed', event = 'Product Added', event = 'Order Completed') AS level FROM touchpoints GROUP BY
    person) GROUP BY level ORDER BY level

SELECT person, sequenceMatch('(?1).*(?2)')(toDateTime(timestamp), event = 'Product Viewed', event = 'Order
    Completed') FROM touchpoints GROUP BY person ORDER BY person

SELECT retention(event = 'Product Viewed', event = 'Order Completed') FROM events

WITH orders AS (SELECT user_id, sum(revenue) AS total FROM events WHERE event = 'Order Completed' GROUP BY
    user_id), best AS (SELECT max(total) AS most FROM orders) SELECT user_id FROM orders WHERE total = (SELECT
    most FROM best) ORDER BY 1

WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r

WITH ['u1', 'u2'] AS wanted SELECT count() FROM events WHERE user_id IN wanted

WITH (SELECT max(timestamp) FROM events) AS newest SELECT newest > '2026-01-01 00:00:00'

SELECT count() FROM events WHERE user_id IN (SELECT user_id FROM events WHERE event = 'Order Completed')

SELECT count() FROM events WHERE (user_id, event) IN (('u1', 'Product Viewed'), ('u2', 'Product Added'))

SELECT a.user_id, b.n FROM (SELECT DISTINCT user_id FROM events) AS a LEFT JOIN (SELECT user_id, count() AS n
    FROM events GROUP BY user_id) AS b USING (user_id) ORDER BY 1

SELECT a.event_id, b.event_id FROM events AS a ASOF JOIN events AS b ON a.user_id = b.user_id AND a.timestamp
    > b.timestamp ORDER BY a.timestamp LIMIT 3

SELECT user_id, timestamp, row_number() OVER (PARTITION BY user_id ORDER BY timestamp) AS n, lagInFrame(event)
    OVER w AS before, sum(revenue) OVER (ORDER BY timestamp ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM
    events WINDOW w AS (PARTITION BY user_id ORDER BY timestamp) ORDER BY timestamp LIMIT 5

SELECT user_id, rank() OVER (ORDER BY count() DESC) FROM events GROUP BY user_id QUALIFY rank() OVER (ORDER BY
    user_id) < 3 ORDER BY user_id

SELECT JSONExtractFloat(properties, 'price') AS p, JSONExtract(properties, 'tags', 'Array(String)'),
    JSONHas(properties, 'x'), toTypeName(p) FROM events WHERE event_id = '0'

SELECT arrayMap(x -> x * 2, [1, 2]), arrayFilter((x, i) -> i > 1, ['a', 'b'], [1, 2]), arrayReduce('sum', [1,
    2]), arraySort(groupUniqArray(user_id)), has([1], 1), [1, 2][1], (1, 'a').2 FROM events

SELECT tag, count() FROM events ARRAY JOIN JSONExtract(properties, 'tags', 'Array(String)') AS tag GROUP BY
    tag ORDER BY tag

SELECT map('a', 1)['a'], mapKeys(map('a', 1)), tuple(1, 2).1, untuple((1, 2))

SELECT quantiles(0.5, 0.9)(toFloat64(revenue)), quantileExact(0.5)(number), topK(2)(source), argMax(event,
    timestamp), sumMap(map(event, 1)), groupBitmap(number), corr(number, number) FROM events, numbers(2) AS n

SELECT uniqMerge(s), sumOrNull(n), countIf(n > 1) FROM (SELECT uniqState(user_id) AS s, count() AS n FROM
    events GROUP BY event)

SELECT event, count() FROM events GROUP BY event WITH ROLLUP ORDER BY 1, 2

SELECT event, user_id, count() FROM events GROUP BY GROUPING SETS ((event), (user_id)) ORDER BY 1, 2

SELECT toDate(timestamp) AS d, count() FROM events GROUP BY d ORDER BY d WITH FILL STEP 1 LIMIT 5

SELECT user_id, event FROM events ORDER BY timestamp LIMIT 1 BY user_id

SELECT * FROM (SELECT 1 AS n UNION ALL SELECT 2 UNION DISTINCT (SELECT 3 EXCEPT SELECT 4)) ORDER BY n

(SELECT 1) INTERSECT (SELECT 1)

FROM events SELECT count()

SELECT CASE WHEN revenue > 10 THEN 'high' ELSE 'low' END AS k, if(1, 2, 3), multiIf(0, 1, 2), 1 ? 2 : 3,
    count() FROM events GROUP BY k ORDER BY k

SELECT CAST(1 AS Decimal(38, 6)), '1.5'::Float64, toDecimal64('19.99', 2), 19.99, 1e20, nan, -1, 0xFF, true,
    NULL

SELECT 'it\'s', 'a\\b', 'tab\there', 'سفر 😀', $$raw$$, "user_id" FROM events WHERE event_id = '0'

SELECT replaceRegexpOne('abc', '(b)', '[\\1]'), splitByChar(',', 'a,b'), lower('A'), match('abc', 'b.'), 'x'
    LIKE '%x%', 'x' NOT ILIKE 'Y'

SELECT domain('https://a.example/x?y=1'), extractURLParameter('http://a/?y=1', 'y'), cityHash64('x'),
    hex(MD5('x'))

SELECT * EXCEPT (properties, timestamp), * REPLACE (toDecimal128(revenue, 6) AS revenue) FROM events WHERE
    revenue > 0 ORDER BY timestamp LIMIT 2

SELECT COLUMNS('^user') APPLY(length) APPLY(x -> x + 1), COLUMNS(event, source) APPLY(max)
FROM events GROUP BY user_id ORDER BY user_id

SELECT EXISTS(SELECT 1 FROM events), 1 = ANY(SELECT 1), (SELECT count() FROM events) AS n

SELECT number, sum(number) OVER () FROM numbers(3)

SELECT * FROM generateSeries(1, 10, 3)

SELECT * FROM values('a UInt8, b String', (1, 'x'), (2, 'y'))

SELECT INTERVAL 1 DAY + toDate('2026-01-01'), EXTRACT(YEAR FROM toDate('2026-01-01')),
    toISOWeek(toDate('2026-01-01')), DATE '2026-01-01', formatDateTime(toDateTime('2026-01-01 00:00:00',
    'UTC'), '%Y-%m')

SELECT formatReadableSize(1000), bar(1, 0, 10), transform(1, [1], ['one'], ''), toTypeName(1), version(),
    currentDatabase()

SELECT simpleLinearRegression(number, number * 2), studentTTest(number, number % 2) FROM numbers(10)

SELECT count() FROM events AS e WHERE e.revenue BETWEEN 1 AND 20 AND NOT (e.user_id = 'u1' OR e.event IS NULL)

SELECT count() FROM events LEFT JOIN (SELECT 'nobody' AS user_id, 1 AS x) AS n USING user_id WHERE x IS NULL
    SETTINGS join_use_nulls = 1

SELECT name, engine FROM system.tables WHERE database = 'default' ORDER BY name

SELECT name, type FROM system.columns WHERE table = 'events' ORDER BY position

SELECT table_name FROM information_schema.tables WHERE table_schema = 'default' ORDER BY 1

SHOW TABLES

SHOW TABLES FROM default LIKE 'ev%'

SHOW FULL TABLES NOT LIKE 'x''y'

SHOW DATABASES

SHOW COLUMNS FROM events LIKE 'user%'

SHOW CREATE TABLE events

DESCRIBE events

DESC TABLE default.touchpoints

EXISTS TABLE events

EXISTS nosuch

EXPLAIN SELECT count() FROM events WHERE user_id = 'u1'

EXPLAIN indexes = 1 SELECT count() FROM events

EXPLAIN SYNTAX SELECT count() FROM events

EXPLAIN AST SELECT 1

/* who buys */ SELECT 1 -- done

SELECT 1;

EXPLAIN
-- how the engine goes about it
PIPELINE SELECT count()
FROM events

SELECT event, count() FROM events GROUP BY event WITH TOTALS ORDER BY event

SELECT event, count() FROM events GROUP BY event WITH TOTALS ORDER BY event FORMAT JSONEachRow

SELECT user_id FROM events WHERE 0
