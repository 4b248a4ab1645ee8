"""Safar (سفر, "journey"): customer-journey tracking and research on one store.

The packages follow the path of an event; imports only point left::

    contract <- log <- services.collector
    contract <- store <- reports <- services.aggregator, research

`errors`, `config`, `clock` and `telemetry` stand under all of them; `cli` is the composition root.
"""

__version__ = "0.1.0"
