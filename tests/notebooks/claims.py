"""What the text of each notebook states: CLAIMS are computed in its own kernel, GIVEN are not ours to compute.

A claim is the body of an f-string over the notebook's variables; the phrase it gives must stand in the text.
"""

CLAIMS: dict[str, list[str]] = {
    "00_quickstart": [
        "{channels.people.sum():,} people who never lived",
        "{totals.events[0]:,} events, {totals.orders[0]:,} orders of {totals.customers[0]} customers who pay in "
        "{totals.currency[0]}, and {totals.orders[1]} orders of {totals.customers[1]} who pay in {totals.currency[1]}",
        "{'grows' if by_month.sum(axis=1).iloc[-1] > by_month.sum(axis=1).iloc[0] else 'shrinks'}, from "
        "{by_month.sum(axis=1).iloc[0]:,} in the first month to {by_month.sum(axis=1).iloc[-1]:,} in the last",
        "{(until_order.user_id == '').sum()} of these {len(until_order)} came before the shop knew who it was",
        "all belong to {'one' if until_order.person.nunique() == 1 else 'several'}",
        "from each to the next within {WINDOW_DAYS} days",
        "Of {funnel.people['awareness']:,} people, {funnel.people['purchase']} came to a cart or further "
        "({funnel.share_of_first['purchase']:.1%}), and {funnel.people['post_purchase']} to what follows an order",
        "Organic search brings the most people, "
        "{channels.people['organic'] if channels.people.idxmax() == 'organic' else 'no'}, of whom "
        "{channels.customer_share['organic']:.1%} become customers; of the {channels.people['referral']} who came by "
        "referral it is {channels.customer_share['referral']:.1%}, of those from social media "
        "{channels.customer_share['social']:.1%}",
    ],
    "01_bgnbd_clv": [
        "{totals.customers[0]:,} customers, {totals.orders[0]:,} orders, "
        "revenue {totals.revenue[0]:,.2f} {totals.currency[0]}",
        "{len(repeaters)} customers bought again and {(customers.frequency == 0).sum():,} did not",
        "together they placed {customers.frequency.sum():,} repeat orders",
        "the first {observation.holdout_weeks:.0f} weeks and keep the other {observation.holdout_weeks:.0f} back",
        "r = {orders_model.params_.r:.4f}, alpha = {orders_model.params_.alpha:.4f}, a = {orders_model.params_.a:.4f}, "
        "b = {orders_model.params_.b:.4f}, log-likelihood {log_likelihood:.4f}",
        "chi-square {fit_test.statistic:.2f} with {fit_test.degrees_of_freedom} degrees of freedom, "
        "p = {fit_test.p_value:.2f}",
        "For the {weeks:.0f} weeks that the model has not seen it expects {expected_orders.sum():,.0f} orders; "
        "{customers.holdout.sum():,} came, {customers.holdout.sum() / expected_orders.sum() - 1:.0%} more",
        "P(alive) is {p_alive['0001']:.3f}, and {expected_orders['0001']:.2f} orders are expected",
        "last in week {customers.recency['0001']:.0f}, watched for {customers.loc['0001', 'T']:.0f}",
        "{alive_grid.loc[29, 1]:.2f} after one repeat order, but {alive_grid.loc[29, 20]:.2f} after twenty",
        "correlation is {correlation:.2f}",
        "p = {spend_model.params_.p:.4f}, q = {spend_model.params_.q:.4f}, gamma = {spend_model.params_.v:.4f}",
        "over {MONTHS} months, discounted at {MONTHLY_DISCOUNT_RATE:.0%} a month, in {observation.currency} of revenue",
        "mean is {value.mean():.2f} {observation.currency}",
        "half of the customers are below {value.median():.2f} {observation.currency}",
        "the best tenth hold {best_tenth:.1%}",
        "every figure with an interval of {terms['level']:.0%} of the first kind",
        "in which at least {terms['level']:.0%} of what comes should lie",
        "for the {weeks:.0f} weeks of the holdout, {holdout_months} months, not discounted",
        "Take the best customer, {sure.index[0]}. {sure.value.iloc[0]:,.0f} {observation.currency} are expected, "
        "{sure.value_low.iloc[0]:,.0f} to {sure.value_high.iloc[0]:,.0f} {observation.currency} is the interval",
        "anything up to {sure.revenue_high.iloc[0]:,.0f} {observation.currency}, for with P(alive) "
        "{sure.p_alive.iloc[0]:.2f} it may be {'nothing at all' if sure.revenue_low.iloc[0] == 0 else 'a little'}. "
        "{came[sure.index[0]]:,.0f} {observation.currency} came",
        "Of all customers {came.between(ranges.low, ranges.high).mean():.0%} brought what is in their range, and "
        "{(came > ranges.high).mean():.0%} brought more, where {(1 - terms['level']) / 2:.0%} may",
        "full list has {len(fading)} names",
        "Of the {len(fading)}, {(fading.holdout > 0).mean():.0%} came back in the following {weeks:.0f} weeks; "
        "of the other frequent customers, {(loyal.holdout > 0).mean():.0%} did",
        "only {fading.p_alive.sum():.0f} living customers, and {(fading.holdout > 0).sum()} came",
        "in the next {weeks:.0f} weeks",
    ],
    "02_does_it_hold": [
        "learns from the first {weeks:.0f} weeks of {len(customers):,} customers",
        "orders are in the {weeks:.0f} weeks after it",
        "for the Pareto/NBD p is {choice.table.p_value['Pareto/NBD']:.3f}",
        "BG/NBD {choice.table.total['BG/NBD']:.0%}, the MBG/NBD {choice.table.total['MBG/NBD']:.0%}, "
        "the Pareto/NBD {choice.table.total['Pareto/NBD']:.0%} of what came",
        "{choice.why}",
        "After {by_week.index[-1]} weeks {by_week.actual.iloc[-1]:,} repeat orders had come; "
        "the BG/NBD expected {1 - by_week['BG/NBD'].iloc[-1] / by_week.actual.iloc[-1]:.1%} fewer, "
        "the Pareto/NBD {1 - by_week['Pareto/NBD'].iloc[-1] / by_week.actual.iloc[-1]:.1%}",
        "expects {total.expected:,.0f} orders in the next {weeks:.0f} weeks",
        "between {total.low:,.0f} and {total.high:,.0f} will come",
        "{customers.holdout.sum():,} came",
        "should hold {LEVEL:.0%} of the customers",
        "held {held.mean():.1%}, and of those with three repeat orders or more {held[frequent].mean():.1%}",
    ],
    "03_value_by_channel": [
        "had {len(customers)} customers in {observation.currency}; {(customers.frequency > 0).sum()} of "
        "them had bought "
        "again",
        "{(won.channel != won_last.channel).mean():.0%} of the customers would belong to another channel",
        "in the {observation.holdout_weeks:.0f} weeks after the calibration",
        "{choice.why}",
        "revenue of the next {MONTHS} months",
        "A referred customer is worth {by_channel['mean']['referral']:.2f} {observation.currency} over the next half "
        "year, one of paid search {by_channel['mean']['paid_search']:.2f}",
        "The {by_channel.customers['referral']} referred customers are "
        "{by_channel.customers['referral'] / len(customers):.0%} of all and hold "
        "{by_channel.total['referral'] / value.sum():.0%} of the value",
        "expected to bring {value.sum():,.0f} {observation.currency}; {paid.holdout_spent.sum():,.0f} came",
        "holds what came for {held.sum()} of {len(held)} channels",
        "Paid search brought {came['paid_search']:.0f} {observation.currency} where "
        "{by_channel.total['paid_search']:,.0f} were expected",
        "{by_campaign.customers['bring-a-friend']} customers of bring-a-friend are worth "
        "{by_campaign['mean']['bring-a-friend']:.2f} {observation.currency} each, and they brought "
        "{came_by_campaign['bring-a-friend']:,.0f} {observation.currency}",
        "The three oldest cohorts are worth least, {by_cohort['mean'].iloc[:3].max():.2f} "
        "{observation.currency} a head",
        "Of an order {MARGIN:.0%} is left when the goods are paid, and {COST_PER_ORDER:.0f} {observation.currency} go",
        "A referred customer leaves {result.net['referral']:.2f} {observation.currency} after costs",
        "has left {result.past['paid_search']:.2f} {observation.currency} so far, less than the "
        "{result.cost['paid_search']:.0f} it cost",
        "{result.net['paid_search']:.2f} {observation.currency} are left",
        "gives {by_formula:.2f} {observation.currency} a customer",
        "paid {so_far:.2f} {observation.currency}, and is expected to pay {still:.2f} more",
    ],
    "04_best_customers": [
        "the past of each of {len(customers):,} customers: "
        "everything paid in the first {observation.holdout_weeks:.0f} weeks",
        "expected orders times expected order value over {MONTHS} months, in {observation.currency} of revenue",
        "as long as the {observation.holdout_weeks:.0f} weeks that the models have not seen",
        "the best tenth of the customers had paid {by_past.share[1]:.1%} of all revenue, the best two tenths "
        "{by_past.share_so_far[2]:.1%}, and the lower half together {1 - by_past.share_so_far[5]:.1%}",
        "the best tenth hold {by_prediction.share[1]:.1%}",
        "{(past == 1).sum()} customers are the best tenth by past spend, and "
        "{'as many' if (past == 1).sum() == (predicted == 1).sum() else (predicted == 1).sum()} by prediction, "
        "but only {both_lists.customers[True, True]} are in both. "
        "Then came the next {observation.holdout_weeks:.0f} weeks",
        "in both lists spent another {both_lists.holdout_spent[True, True]:.2f} {observation.currency} a head",
        "The {both_lists.customers[False, True]} whom only the prediction names spent "
        "{both_lists.holdout_spent[False, True]:.2f} {observation.currency}. They had paid "
        "{both_lists.spent[False, True]:.2f} {observation.currency} before",
        "The {both_lists.customers[True, False]} whom only the past names spent "
        "{both_lists.holdout_spent[True, False]:.2f} {observation.currency}, though they had paid "
        "{both_lists.spent[True, False]:.2f} {observation.currency} before",
        "{both_lists.back[False, True]:.0%} of those whom only the prediction names, "
        "{both_lists.back[True, False]:.0%} of those whom only the past names",
        "share of the revenue of the following {observation.holdout_weeks:.0f} weeks",
        "The best tenth by prediction brought {came_by_prediction.share[1]:.1%}, "
        "the best tenth by past spend {came_by_past.share[1]:.1%}",
        "Its lowest tenth brought {came_by_prediction.share[10]:.1%}, "
        "{'more' if came_by_prediction.share[10] > came_by_prediction.share.loc[4:9].max() else 'no more'} "
        "than any tenth from the fourth to the ninth",
        "Of its {(predicted == 10).sum()} customers "
        "{((predicted == 10) & (customers.frequency > 0)).sum()} had ordered again",
        "{(customers.holdout > 0)[(predicted == 10) & (customers.frequency > 0)].mean():.0%} of these "
        "{((predicted == 10) & (customers.frequency > 0)).sum()} came back, and brought "
        "{paid.holdout_spent[(predicted == 10) & (customers.frequency > 0)].sum():,.0f} of the "
        "{came_by_prediction.total[10]:,.0f} {observation.currency} of that tenth",
        "the {(customers.frequency == 0).sum():,} who bought once all have frequency "
        "{scored.F[customers.frequency == 0].max()}, and "
        "{'nobody has' if not (scored.F == 2).any() else 'some have'} 2",
        "The {grid.customers[5, 5]} customers with 5 and 5 are worth {grid['mean'][5, 5]:.2f} {observation.currency} "
        "each over the {MONTHS} months, the {grid.customers[1, 1]} with 1 and 1 {grid['mean'][1, 1]:.2f} "
        "{observation.currency}",
        "The {by_segment.customers['champions']} champions, {by_segment.customers['champions'] / len(customers):.1%} "
        "of the customers, brought {came['champions'] / came.sum():.1%} of the revenue of the "
        "{observation.holdout_weeks:.0f} weeks: {came['champions']:,.0f} {observation.currency}, where "
        "{by_segment.total['champions']:,.0f} were expected, and {by_segment.low['champions']:,.0f} to "
        "{by_segment.high['champions']:,.0f} was the interval",
        "What came for each customer "
        "{'falls' if (came / by_segment.customers).is_monotonic_decreasing else 'goes up and down'} from segment to "
        "segment in the order of the rules, from {came['champions'] / by_segment.customers['champions']:.2f} "
        "{observation.currency} of a champion to {came['lost'] / by_segment.customers['lost']:.2f} "
        "{observation.currency} of a lost one",
        "The intervals hold {came.between(by_segment.low, by_segment.high).sum()} of {len(by_segment)}. "
        "{ {3: 'Three'}[(came > by_segment.high).sum()] } segments brought more",
        "{came[SEGMENT] / by_segment.total[SEGMENT]:.1f} times as much as expected: {came[SEGMENT]:,.0f} "
        "{observation.currency} instead of {by_segment.total[SEGMENT]:,.0f}",
        "Of these {by_segment.customers[SEGMENT]} the model took {p_alive[segment == SEGMENT].sum():.0f} to be alive, "
        "and {(customers.holdout > 0)[segment == SEGMENT].sum()} came back. Each brought "
        "{came[SEGMENT] / by_segment.customers[SEGMENT]:.2f} {observation.currency}, nearly as much as one of the "
        "promising ({came['promising'] / by_segment.customers['promising']:.2f} {observation.currency})",
        "nobody had ordered in the last {int(audience.weeks_since_last_order.min())} weeks",
        "After {customers.frequency[person]} repeat orders in quick succession",
        "when the list was made it was {path.iloc[-1]:.3f}",
        "{customers.holdout[person]} more orders",
        "a recency of 4 may mean "
        "{int(segments.weeks_since_last_order(customers)[scored.R == 4].max())} weeks of silence",
    ],
    "10_journey_map": [
        "{everybody.people[0]:,} people who never lived",
        "So {everybody.events[0]:,} events become the journeys of {everybody.people[0]:,} people",
        "nothing for {QUIET_DAYS} days",
        "{the_map.share['awareness', 'Product Viewed']:.1%} of all people look at a product, and for "
        "{the_map.drop_off['awareness', 'Product Viewed']:.1%} of them it was the last thing they did",
        "{the_map.drop_off['purchase', 'Product Removed']:.1%} stop there",
        "within {the_map.hours_to_next['post_purchase', 'Support Contacted']:.1f} hours",
        "At Survey Answered the time is {the_map.hours_to_next['post_purchase', 'Survey Answered']:.0f}",
        "{between_stages.loc['purchase', 'post_purchase']:.1%} of the contacts in the purchase stage",
        "{between_stages.loc['post_purchase', 'awareness']:.1%} of those after a purchase",
        "within {WINDOW_DAYS} days",
        "{funnel.people.iloc[0]:,} people who viewed a product, {funnel.people.iloc[1]:,} put one into the cart, and "
        "{funnel.people.iloc[3]:,} ordered ({funnel.share_of_first.iloc[3]:.1%})",
        "The step that loses most is the {['first', 'second', 'third', 'fourth'][funnel.lost.argmax() - 1]}: "
        "{funnel.lost.max():,} people",
        "Checkout loses {'nobody' if funnel.lost.iloc[3] == 0 else funnel.lost.iloc[3]}",
        "{funnel.people.iloc[4]:,} ordered again within the window, {funnel.share_of_previous.iloc[4]:.1%} of those",
        "{channels.customer_share['referral']:.1%} of those whom somebody recommended become customers, but "
        "{channels.customer_share['social']:.1%} of those from social media",
        "{stops.people.iloc[0]:,} people, {stops.share.iloc[0]:.1%} of all who stopped, looked at a product",
    ],
}

GIVEN: dict[str, frozenset[str]] = {
    "00_quickstart": frozenset(),
    "01_bgnbd_clv": frozenset(
        {
            *("0.243", "4.414", "0.793", "2.426", "9582.4", "1.226", "6.25", "3.74", "15.44"),  # as published
            *("1997", "1998", "2005", "2013", "24", "2", "275", "284", "42", "4", "415", "430"),  # years and pages
            *("0001", "0", "1", "7"),  # a customer, small counts, days a week
        }
    ),
    "02_does_it_hold": frozenset(
        {
            *("9582.4", "9595.0", "4", "2", "95", "100"),  # as published, and the level of an interval
            *("1987", "2005", "2007", "24", "275", "284", "33", "1", "3", "201", "209", "0"),  # years, pages, a count
        }
    ),
    "03_value_by_channel": frozenset({"2025", "1", "24"}),
    "04_best_customers": frozenset(
        {
            *("1994", "2005", "2007", "24", "3", "201", "209", "42", "4", "415", "430"),  # years and pages
            *("1", "5"),  # the lowest score and the highest
        }
    ),
    "10_journey_map": frozenset(),
}
