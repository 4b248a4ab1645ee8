"""Fixtures of the deployment tests."""

import pytest
from prometheus_client import CollectorRegistry

from safar.telemetry import AggregatorMetrics, CollectorMetrics

_SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


@pytest.fixture(scope="session")
def metric_names():
    """The name of every time series that collector and aggregator give."""
    registry = CollectorRegistry()
    CollectorMetrics(registry)
    AggregatorMetrics(registry)
    return {metric.name + suffix for metric in registry.collect() for suffix in _SUFFIXES[metric.type]}
