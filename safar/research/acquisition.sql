-- How each customer was won: the contact that says where the visit came from, among those up to the first order.
-- Parameters: source, currency, tz, until (a date, included), touch ('first' or 'last' of these contacts).
-- No contact counts as later than it arrived.
WITH
    contacts AS
    (
        SELECT
            person,
            least(timestamp, received_at) AS moment,
            event_id,
            toString(acquisition_channel) AS channel,
            toString(campaign) AS name,
            event = 'Order Completed' AND currency = {currency:String} AS is_order
        FROM touchpoints
        WHERE source = {source:String} AND toDate32(timestamp, {tz:String}) <= {until:Date32}
    ),
    buyers AS
    (
        SELECT person, min(moment) AS first_order FROM contacts WHERE is_order GROUP BY person
    )
SELECT
    person,
    if(told.1 = '', 'unknown', told.1) AS channel,
    if(told.2 = '', '(none)', told.2) AS campaign,
    formatDateTime(bought_first, '%Y-%m', {tz:String}) AS cohort
FROM
(
    SELECT
        person,
        any(first_order) AS bought_first,
        if({touch:String} = 'first',
            argMinIf((channel, name), (moment, event_id), channel != ''),
            argMaxIf((channel, name), (moment, event_id), channel != '')) AS told
    FROM contacts
    INNER JOIN buyers USING person
    WHERE moment <= first_order
    GROUP BY person
)
ORDER BY person
