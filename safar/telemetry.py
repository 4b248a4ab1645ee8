"""Metrics: a closed set, each with its meaning; the README's table is tested against it.

A service makes its metrics on a registry of its own (`CollectorMetrics(registry)`), so that several live in one
process, as in tests. Every counter moves at the moment its comment states.
"""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CollectorMetrics:
    """What the collector counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        requests = Counter(
            "safar_collector_requests_total", "requests answered, by status", ["status"], registry=registry
        )
        accepted = Counter(
            "safar_collector_events_accepted_total",
            "events durable in the log, by source",
            ["source"],
            registry=registry,
        )
        # By status, by source. Once for each is enough: `labels` takes a lock and longer than to count.
        self.requests: Callable[[int], Counter] = cache(requests.labels)
        self.accepted: Callable[[str], Counter] = cache(accepted.labels)
        self.rejected = Counter(
            "safar_collector_events_rejected_total",
            "events kept as failed, by tag",
            ["tag"],
            registry=registry,
        )
        self.unmapped = Counter(
            "safar_collector_events_unmapped_total",
            "accepted events whose name the contract does not know",
            registry=registry,
        )
        self.queue_bytes = Gauge("safar_collector_queue_bytes", "bytes waiting for the log", registry=registry)
        self.spool_bytes = Gauge(
            "safar_collector_spool_bytes", "bytes kept on disk until Kafka takes them", registry=registry
        )
        self.append_seconds = Histogram(
            "safar_collector_append_seconds",
            "time of one append to the log, until durable",
            registry=registry,
            buckets=_SECONDS,
        )
        self.append_failures = Counter(
            "safar_collector_append_failures_total", "appends the log did not confirm", registry=registry
        )


class AggregatorMetrics:
    """What the aggregator counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.rows = Counter(
            "safar_aggregator_rows_inserted_total",
            "rows the store confirmed, by table",
            ["table"],
            registry=registry,
        )
        self.duplicates = Counter(
            "safar_aggregator_duplicates_total", "events whose id was already stored", registry=registry
        )
        self.dead_letters = Counter(
            "safar_aggregator_dead_letters_total", "lines that could not be read or stored", registry=registry
        )
        self.insert_seconds = Histogram(
            "safar_aggregator_insert_seconds",
            "time of one batch, from its insert to its commit",
            registry=registry,
            buckets=_SECONDS,
        )
        self.recoveries = Counter(
            "safar_aggregator_recoveries_total",
            "times the stored positions were read to find what is missing",
            registry=registry,
        )
        self.failures = Counter(
            "safar_aggregator_store_failures_total",
            "inserts or commits that were not confirmed",
            registry=registry,
        )
        self.lag = Gauge(
            "safar_aggregator_lag_records",
            "packed records in the log not yet committed, by partition",
            ["partition"],
            registry=registry,
        )
        self.remembered_ids = Gauge(
            "safar_aggregator_remembered_ids", "event ids remembered to recognise doubles", registry=registry
        )
        self.delay_seconds = Histogram(
            "safar_aggregator_delay_seconds",
            "from the arrival of a batch's oldest event until it could be queried",
            registry=registry,
            buckets=(*_SECONDS, 30.0, 60.0, 300.0, 3600.0),
        )
        self.freshness = Gauge(
            "safar_aggregator_newest_event_timestamp_seconds",
            "when the newest stored event was received, as Unix time",
            registry=registry,
        )
        self.report_seconds = Histogram(
            "safar_aggregator_report_seconds",
            "time of one report, by name",
            ["report"],
            registry=registry,
            buckets=_SECONDS,
        )


def exposition(registry: CollectorRegistry) -> bytes:
    """The metrics in Prometheus text format."""
    return generate_latest(registry)


def new_registry() -> CollectorRegistry:
    """A registry with the process's own figures (memory, CPU, open files) in it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
