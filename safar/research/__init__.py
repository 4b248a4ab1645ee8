"""The research kit: what the notebooks call.

`connect` opens a store. `rfm` turns orders into one row a customer. `bgnbd`, `mbgnbd` and `pareto_nbd` fit when they
buy and stop; `orders` says what a fitted one expects, and `forecast` every number of orders with its probability.
`gamma_gamma` fits what they spend, `clv` puts both together, and `value_range` says how much or how little may come of
it. `outlook` gives all of this for chosen customers, with an interval on each figure. `calibration` holds a model
against what happened, `comparison` chooses one and says why, and `uncertainty` says how far any of it may be off.
`best` finds the customers that matter most and `segments` sorts all of them. `journey` maps the way customers take;
`plots` draws all of it.

Time is in weeks (days / 7, never floored) unless a name says otherwise; money is in one named currency.
"""
