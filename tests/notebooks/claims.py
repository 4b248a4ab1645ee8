"""What the text of each notebook states: CLAIMS are computed in its own kernel, GIVEN are not ours to compute.

A claim is the body of an f-string over the notebook's variables; the phrase it gives must stand in the text.
"""

CLAIMS: dict[str, list[str]] = {
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
        "full list has {len(fading)} names",
        "Of the {len(fading)}, {(fading.holdout > 0).mean():.0%} came back in the following {weeks:.0f} weeks; "
        "of the other frequent customers, {(loyal.holdout > 0).mean():.0%} did",
        "only {fading.p_alive.sum():.0f} living customers, and {(fading.holdout > 0).sum()} came",
        "in the next {weeks:.0f} weeks",
    ],
    "02_does_it_hold": [
        "learns from the first {weeks:.0f} weeks of {len(customers):,} customers",
        "orders are in the {weeks:.0f} weeks after it",
        "for the Pareto/NBD p is {table.p_value['Pareto/NBD']:.3f}",
        "BG/NBD {table.total['BG/NBD']:.0%}, the MBG/NBD {table.total['MBG/NBD']:.0%}, "
        "the Pareto/NBD {table.total['Pareto/NBD']:.0%} of what came",
        "{choice.why}",
        "After {tracked.index[-1]} weeks {tracked.actual_so_far.iloc[-1]:,} repeat orders had come; "
        "the BG/NBD expected {1 - tracked.expected_so_far.iloc[-1] / tracked.actual_so_far.iloc[-1]:.1%} fewer, "
        "the Pareto/NBD "
        "{1 - pareto_tracked.expected_so_far.iloc[-1] / tracked.actual_so_far.iloc[-1]:.1%}",
        "expects {total.expected:,.0f} orders in the next {weeks:.0f} weeks",
        "between {total.low:,.0f} and {total.high:,.0f} will come",
        "{customers.holdout.sum():,} came",
        "should hold {LEVEL:.0%} of the customers",
        "held {held.mean():.1%}, and of those with three repeat orders or more {held[frequent].mean():.1%}",
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
    "10_journey_map": frozenset(),
}
