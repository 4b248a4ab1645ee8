"""The research kit: what the notebooks call.

`connect` opens a store. `rfm` turns orders into one row a customer; `bgnbd`, `gamma_gamma` and `clv` model those
rows and `calibration` holds the model against what happened; `journey` maps the way customers take; `plots` draws
all of it. Time is in weeks (days / 7, never floored) unless a name says otherwise; money is in one named currency.
"""
