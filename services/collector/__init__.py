"""The collector: HTTP in, durable log out.

Follow one event: `app` (routes) -> `ingest` (the ordered steps) -> `decode` -> safar.contract -> `publish`.
"""
