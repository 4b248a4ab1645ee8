"""The aggregator's composition root: picks log and store, starts the consumer's thread, opens the three doors."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from safar.clock import system_clock
from safar.config import Config
from safar.errors import ConfigError
from safar.http import listen
from safar.log import open_log
from safar.sources import read_sources
from safar.store import Store, migrate, open_store
from safar.store.door import DoorOptions, hosts_for, store_server_app
from safar.store.parts import parts_looked_at
from safar.telemetry import AggregatorMetrics, new_registry
from safar.write_token import made_write_token
from services.aggregator.api import Parts, reports_app
from services.aggregator.consume import Consumer
from services.aggregator.gather import Limits
from services.aggregator.seen import SeenIds


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Move events and answer readers until `stop`; then finish the batch at hand and let go of log and store."""
    store = open_store(config.store_dsn)
    log = open_log(config.log_url)
    try:
        migrate(store)
        metrics = AggregatorMetrics(new_registry())
        seen = SeenIds(store, config.id_window_events, config.id_window_days, Path(config.data_dir))
        limits = Limits(config.insert_max_rows, config.insert_max_bytes)
        consumer = Consumer(log, store, seen, metrics, limits, system_clock)
        worker = _Worker(consumer, asyncio.get_running_loop(), stop)
        try:
            async with parts_looked_at(store.check_parts), _doors(config, store, metrics, consumer):
                worker.start()
                await stop.wait()
        finally:
            await asyncio.to_thread(worker.finish)
    finally:
        store.close()
        log.close()
    if worker.failure:
        raise worker.failure


@asynccontextmanager
async def _doors(config: Config, store: Store, metrics: AggregatorMetrics, consumer: Consumer) -> AsyncIterator[None]:
    """Page and reports, and SQL when the engine is ours; a ClickHouse server has a door of its own."""
    hosts = hosts_for(config.reader_host)
    configured = partial(configured_sources, config.sources_file)
    reports = reports_app(Parts(store, metrics, consumer.status, config.read_token, hosts, configured))
    async with AsyncExitStack() as doors:
        await doors.enter_async_context(listen(reports, config.reader_host, config.reports_port, "SAFAR_REPORTS_PORT"))
        if store.embedded:
            sql = store_server_app(store, made_write_token(config), DoorOptions(config.read_token, hosts))
            await doors.enter_async_context(listen(sql, config.reader_host, config.sql_port, "SAFAR_SQL_PORT"))
        yield


def configured_sources(path: Path) -> frozenset[str] | None:
    """The sources of the file; None when it cannot be read: on a cluster it may lie with the collectors."""
    try:
        return frozenset(source.name for source in read_sources(path)) or None
    except ConfigError:  # somebody is in the middle of editing
        return None


class _Worker(threading.Thread):
    """The consumer's thread. When it ends by itself the service ends with its reason."""

    def __init__(self, consumer: Consumer, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        super().__init__(name="consumer")
        self._consumer = consumer
        self._loop = loop
        self._stopped = stop
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Consume until stopped."""
        try:
            self._consumer.run()
        except Exception as error:  # whatever it is, the service must not look alive
            self.failure = error
            self._loop.call_soon_threadsafe(self._stopped.set)

    def finish(self) -> None:
        """Stop and wait."""
        self._consumer.stop()
        if self.is_alive():
            self.join()
