"""The aggregator: from the log into the store exactly once, and from the store to whoever looks.

Follow one record: `consume` (the loop) -> `records` (lines and positions) -> `seen` (doubles out) -> `sink` (insert,
then commit). `api` and `page` serve the reports; safar.store.door serves SQL.
"""
