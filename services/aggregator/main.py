"""The aggregator's composition root: picks log and store, starts the consumer's thread, opens the three doors."""

import asyncio
import threading
from contextlib import AsyncExitStack

from safar.clock import system_clock
from safar.config import Config
from safar.errors import SafarError
from safar.http import listen
from safar.log import open_log
from safar.store import migrate, open_store
from safar.store.door import reader_door
from safar.telemetry import AggregatorMetrics, new_registry
from services.aggregator.api import Parts, Status, reports_app
from services.aggregator.consume import Consumer, Limits
from services.aggregator.seen import SeenIds


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Move events and answer readers until `stop`; then finish the batch at hand and let go of log and store."""
    log = open_log(config.log_url)
    store = open_store(config.store_dsn)
    migrate(store)
    metrics = AggregatorMetrics(new_registry())
    seen = SeenIds(store, config.id_window_events, config.id_window_days)
    limits = Limits(config.insert_max_rows, config.insert_max_bytes)
    consumer = Consumer(log, store, seen, metrics, limits, system_clock)
    parts = Parts(store, metrics, lambda: Status(consumer.failing, {}), config.read_token)
    worker = _Worker(consumer, asyncio.get_running_loop(), stop)
    try:
        async with AsyncExitStack() as doors:
            reports = reports_app(parts)
            await doors.enter_async_context(
                listen(reports, config.reader_host, config.reports_port, "SAFAR_REPORTS_PORT")
            )
            sql = reader_door(store, config)
            await doors.enter_async_context(listen(sql, config.reader_host, config.sql_port, "SAFAR_SQL_PORT"))
            worker.start()
            await stop.wait()
    finally:
        await asyncio.to_thread(worker.finish)
        store.close()
        log.close()
    if worker.failure:
        raise worker.failure


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
        except (SafarError, Exception) as error:
            self.failure = error
            self._loop.call_soon_threadsafe(self._stopped.set)

    def finish(self) -> None:
        """Stop and wait."""
        self._consumer.stop()
        if self.is_alive():
            self.join()
